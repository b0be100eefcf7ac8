"""`restartOn`: what the pod template gets of objects that somebody else writes."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Self

import pulumi
import pytest

from components import later, restart
from components.application import Application
from components.kubernetes.errors import ForbiddenError, GatewayError
from components.restart import digest, digests, restarting
from components.settings.mistakes import ConfigError
from components.settings.model import App, Content, Version
from components.settings.parse import parse
from tests.unit.pulumi_run import run

APP = App("shop", "web")
DB = Content("db")
SITE = Content(config_map="site")


def item(uid: str, **data: str) -> dict[str, Any]:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"metadata": {"uid": uid, "resourceVersion": "1"}, "data": encoded}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The objects of the namespace by path; an error stands for what the API server refuses."""
    objects: dict[str, Any] = {
        "secrets/db": item("a", pin="1234"),
        "configmaps/site": item("b", colour="x"),
    }

    class FakeApi:
        def __init__(self, _kubeconfig: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def find(self, path: str) -> Mapping[str, Any] | None:
            found = objects.get(path.removeprefix("/api/v1/namespaces/web/"))
            if isinstance(found, GatewayError):
                raise found
            return found

    monkeypatch.setattr(restart, "Api", FakeApi)
    return objects


def annotations(version: Version) -> dict[str, str]:
    """Of the pod template that the program registers."""

    def program() -> None:
        Application("shop", APP, restarting("k", APP, {"v1": version}))

    template = run(program).named("shop-v1-deployment").inputs["spec"]["template"]
    return template["metadata"].get("annotations", {})


def test_a_digest_is_of_the_content_alone_and_keyed_by_what_nobody_else_knows() -> None:
    one = item("a", pin="1234")
    labelled = {**one, "metadata": {**one["metadata"], "resourceVersion": "2", "labels": {"x": "y"}}}
    assert digest(one) == digest(labelled)
    others = [item("b", pin="1234"), item("a", pin="1235"), item("a", pi="n1234")]
    assert digest(one) not in map(digest, others)
    assert digest({**one, "data": None}) != digest(one)


def test_the_pod_template_says_of_what_content_the_pods_are(cluster: dict[str, Any]) -> None:
    piece = {"metadata": {"annotations": {"example.com/team": "web"}}}
    version = Version("shop:1", restart_on=(DB, SITE), pod_template=piece)
    before = annotations(version)
    assert before["example.com/team"] == "web"
    assert "1234" not in json.dumps(before)
    cluster["configmaps/site"] = item("b", colour="y")
    after = annotations(version)
    assert before["blue-green/restart-on"].split(", ")[0] == after["blue-green/restart-on"].split(", ")[0]
    assert before != after
    assert annotations(Version("shop:1")) == {}


def later_named(name: str) -> dict[str, str]:
    """The annotations of a version that restarts on a Secret whose name is an Output."""
    text = later.stand_in(lambda _: pulumi.Output.from_input(name))
    return annotations(Version("shop:1", restart_on=(Content(text), SITE)))


@pytest.mark.usefixtures("cluster")
def test_a_name_that_is_known_later_is_read_when_it_is() -> None:
    plain = annotations(Version("shop:1", restart_on=(DB, SITE)))
    assert later_named("db") == plain


def test_an_object_that_the_program_itself_makes_is_not_there_in_its_first_preview(
    cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del cluster["secrets/db"]
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    # Pulumi's mock leaves out what is not known.
    assert later_named("db") == {}
    # Somebody else has to have made this one.
    with pytest.raises(pulumi.RunError):
        annotations(Version("shop:1", restart_on=(DB,)))


def test_all_that_is_missing_is_said_with_its_place(cluster: dict[str, Any]) -> None:
    del cluster["secrets/db"]
    with pytest.raises(pulumi.RunError) as refused:
        digests("k", "web", {"v1": (SITE, DB), "v2": (DB,)})
    assert str(refused.value).splitlines() == [
        "What a version is to restart on is not there; nothing was touched.",
        "  versions.v1.restartOn[1]: there is no Secret web/db.",
        "  versions.v2.restartOn[0]: there is no Secret web/db.",
    ]


def test_without_the_right_to_read_it_the_right_is_named(
    cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", told.append)
    cluster["secrets/db"] = ForbiddenError("secrets is forbidden")
    rule = r'\{apiGroups: \[""\], resources: \["secrets"\], resourceNames: \["db"\], verbs: \["get"\]\}'
    with pytest.raises(pulumi.RunError):
        annotations(Version("shop:1", restart_on=(DB,)))
    (sentence,) = told
    assert re.search(f"restartOn: Secret web/db may not be read, .* {rule}", sentence)


@pytest.mark.parametrize("wrong", [{}, {"secret": "db", "configMap": "db"}])
def test_it_needs_one_name(wrong: Mapping[str, Any]) -> None:
    config: Mapping[str, Any] = {
        "cluster": {"kind": "kubeconfig"},
        "app": {"name": "shop"},
        "versions": {"v1": {"image": "shop:1", "restartOn": [wrong]}},
        "weights": {"v1": 100},
    }
    with pytest.raises(ConfigError, match=r"versions\.v1\.restartOn\[0\]: it needs the name of a Secret or"):
        parse(config)
