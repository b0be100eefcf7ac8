"""A thousand random configs, their pod templates of Kubernetes' own OpenAPI: our word is the API server's."""

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from components.kubernetes.kubeconfig import Reference
from components.kubernetes.schema import POD_TEMPLATE
from components.manifests import workload
from components.manifests.manifest import Manifest, object_path
from components.manifests.objects import objects
from components.rehearsal import refusals
from components.settings.mistakes import ConfigError
from components.settings.model import Settings
from components.settings.parse import KEYS, parse
from harness.labs import Program
from tests.configs import LABELS, NAME, ROUTING, VERSION
from tests.lab.api_server import api_server
from tests.random.openapi import values

EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "1000"))
SEED = int(os.environ.get("RANDOM_SEED") or secrets.randbelow(2**32))
METRIC = "io.k8s.api.autoscaling.v2.MetricSpec"
# As Pulumi's provider writes.
APPLY = {"dryRun": "All", "fieldManager": "pulumi-kubernetes-random", "force": "true"}
APPLY_TYPE = {"Content-Type": "application/apply-patch+yaml"}
# A key, what is wrong with it, and what to write.
SENTENCE = re.compile(rf"(blue-green:)?({'|'.join(KEYS)})\b\S*: .+\. .+\.")


@dataclass
class Found:
    """What was tried, and what was not as it should be, each once with the first config that shows it."""

    accepted: int = 0
    templates: int = 0
    refused: int = 0
    wrong: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, said: str, config: Mapping[str, Any]) -> None:
        """One that is like another but for its places and numbers is the same."""
        self.wrong.setdefault(
            re.sub(r"\[?\d+\]?|'[^']*'|\"[^\"]*\"", "*", said), f"{said}\n  {json.dumps(config)}"
        )


@pytest.fixture(scope="module")
def server(program: Program) -> Iterator[httpx.Client]:
    """The API server."""
    with api_server(program) as client:
        yield client


def schemas(server: httpx.Client, group: str) -> Mapping[str, Any]:
    """What the API server publishes of the types of a group."""
    return server.get(f"/openapi/v3/apis/{group}").json()["components"]["schemas"]


def configs(templates: st.SearchStrategy[Any], metrics: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Whole configs."""
    autoscaling: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"min": st.integers(1, 3), "max": st.integers(2, 5)},
        optional={"cpu": st.just(70), "metrics": st.lists(metrics, min_size=1, max_size=2)},
    )
    more: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {},
        optional={
            "podTemplate": templates,
            "autoscaling": autoscaling,
            "files": st.dictionaries(
                st.sampled_from(["/etc/app/a", "/etc/app/b.yaml", "/a", "/a/.b"]),
                st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
                | st.fixed_dictionaries({"configMap": NAME, "key": NAME}),
                max_size=2,
            ),
            "minReadySeconds": st.integers(0, 700),
            "progressDeadlineSeconds": st.integers(1, 700),
            "revisionHistoryLimit": st.integers(0, 3),
        },
    )
    version = st.tuples(VERSION, more).map(lambda both: both[0] | both[1])
    port: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"name": st.sampled_from(["http", "api", "a"]), "port": st.sampled_from([80, 81, 8080])},
        optional={"protocol": st.sampled_from(["http", "http2", "grpc"]), "gatewayPort": st.just(9000)},
    )
    app: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"name": st.just("shop")},
        optional={"labels": LABELS, "podTemplate": templates, "ports": st.lists(port, max_size=2)},
    )
    return st.fixed_dictionaries(
        {
            "cluster": st.just({"kind": "kubeconfig"}),
            # Of a gateway that is installed, few ports are accepted.
            "istio": st.just({"install": False}),
            "app": app,
            "versions": st.dictionaries(NAME, version, min_size=1, max_size=2),
            "routing": ROUTING,
        }
    ).map(lambda config: config | {"weights": {min(config["versions"]): 100}})


def written(settings: Settings) -> list[Manifest]:
    """Every object that an `up` would write."""
    files = (workload.files(settings.app, *one) for one in settings.versions.items())
    return [*objects(settings), *filter(None, files)]


def rehearsed(settings: Settings) -> list[Manifest]:
    """Those of them that an `up` asks the API server about first."""
    kinds = {"Service", "ConfigMap", "Deployment", "HorizontalPodAutoscaler"}
    return [one for one in written(settings) if one["kind"] in kinds]


def said_against(server: httpx.Client, manifests: Sequence[Manifest]) -> Iterator[str]:
    """What the API server has against the objects, as the provider would write them."""
    for manifest in manifests:
        # Go escapes no more than JSON needs.
        content = json.dumps(manifest, ensure_ascii=False)
        answer = server.patch(object_path(manifest), params=APPLY, headers=APPLY_TYPE, content=content)
        if not answer.is_success:
            yield f"{manifest['kind']}: {answer.json()['message']}"


@pytest.mark.timeout(1200)
def test_our_word_is_the_api_servers(
    program: Program, server: httpx.Client, request: pytest.FixtureRequest
) -> None:
    templates = values(schemas(server, "apps/v1"), POD_TEMPLATE)
    metrics = values(schemas(server, "autoscaling/v2"), METRIC)
    reference = Reference(path=program.environment["KUBECONFIG"])
    found = Found()

    @seed(SEED)
    @hypothesis_settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
        database=None,
    )
    @given(configs(templates, metrics))
    def judge(config: dict[str, Any]) -> None:
        try:
            settings = parse(config)
            said = refusals(reference, workload.pieces(settings.app, settings.versions), rehearsed(settings))
        except ConfigError as error:
            said = tuple(line.strip() for line in str(error).splitlines()[1:])
            settings = None
        for line in said:
            if not SENTENCE.fullmatch(line):
                found.note(f"no sentence: {line}", config)
        theirs = list(said_against(server, written(settings))) if settings else []
        if said:
            found.refused += 1
            # What the config's own rules refuse, Kubernetes may well take.
            if settings and not theirs:
                found.note(f"refused by us alone: {said}", config)
            return
        found.accepted += 1
        found.templates += any(workload.pieces(settings.app, settings.versions).values()) if settings else 0
        for line in theirs:
            found.note(f"accepted by us alone: {line}", config)

    judge()
    with request.getfixturevalue("capfd").disabled():
        print(
            f"\nseed {SEED}: {found.refused} configs refused, {found.accepted} accepted, "
            f"{found.templates} of them with pod templates"
        )
    told = "\n".join(found.wrong.values())
    assert not found.wrong, f"RANDOM_SEED={SEED} shows it again:\n{told}"
    # Where all are refused, little is shown.
    assert found.templates > EXAMPLES / 100
    assert found.refused > EXAMPLES / 20
