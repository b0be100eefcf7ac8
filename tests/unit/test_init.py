"""The first config of a stack: asked for, given by options, or read from a Deployment that runs."""

from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from typer.testing import CliRunner

from components.commands import init as module
from components.commands.main import app
from components.commands.running import propose
from components.errors import RolloutError
from components.kubernetes.errors import ForbiddenError, UnreachableError
from components.pulumi_cli import environment
from components.settings.parse import parse

RUN = CliRunner()
GATEWAY: dict[str, Any] = {
    "metadata": {"name": "edge", "namespace": "mesh"},
    "spec": {"type": "LoadBalancer", "selector": {"team": "edge"}},
}


class Cluster:
    """An API server that knows a gateway's Service and Deployments by their names."""

    kubectl = "kubectl --context prod"

    def __init__(self, gateways: list[dict[str, Any]], **deployments: object) -> None:
        self.gateways = gateways
        self.deployments = deployments

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, query: object) -> dict[str, Any]:
        assert (path, query) == ("/api/v1/services", {"labelSelector": "istio=ingressgateway"})
        return {"items": self.gateways}

    def find(self, path: str) -> object:
        found = self.deployments.get(path.rpartition("/")[2])
        if isinstance(found, Exception):
            raise found
        return found


def autoscalers(*targets: str) -> dict[str, Any]:
    """The namespace's autoscalers, each of the Deployment of its name."""
    return {
        "items": [
            {"metadata": {"name": f"{name}-hpa"}, "spec": {"scaleTargetRef": {"kind": kind, "name": name}}}
            for kind, _, name in (target.partition("/") for target in targets)
        ]
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def on(monkeypatch: pytest.MonkeyPatch, cluster: Cluster | Exception) -> None:
    def api(where: object) -> Cluster:
        assert where == {"context": "prod"}
        if isinstance(cluster, Exception):
            raise cluster
        return cluster

    monkeypatch.setattr(module, "Api", api)


def written(folder: Path) -> dict[str, Any]:
    """The config in the file, which the program accepts."""
    whole = yaml.safe_load((folder / "Pulumi.mine.yaml").read_text())["config"]
    config = {key.removeprefix("blue-green:"): value for key, value in whole.items()}
    parse(config)
    return config


OPTIONS = (
    "--app",
    "shop",
    "--image",
    "shop:1.0",
    "--port",
    "8080",
    "--host",
    "shop.example",
    "--context",
    "prod",
)


def test_the_options_write_a_config_that_works(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "docs").mkdir()
    (folder / "docs" / "config.schema.json").touch()
    (folder / "Pulumi.mine.yaml").write_text("encryptionsalt: v1:abc\n")
    on(monkeypatch, Cluster([GATEWAY]))
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS])
    assert done.exit_code == 0, done.exception
    assert written(folder) == {
        "cluster": {"kind": "kubeconfig", "context": "prod"},
        "istio": {
            "install": False,
            "gateway": {"service": "edge", "namespace": "mesh", "serviceType": "LoadBalancer"},
        },
        "app": {"name": "shop", "namespace": "default"},
        "routing": {
            "hosts": ["shop.example"],
            "gateway": "shop-gateway",
            "gatewaySelector": {"team": "edge"},
        },
        "versions": {"v1": {"image": "shop:1.0", "containerPort": 8080}},
        "weights": {"v1": 100},
    }
    text = (folder / "Pulumi.mine.yaml").read_text()
    assert text.startswith(
        "# yaml-language-server: $schema=docs/config.schema.json\nencryptionsalt: v1:abc\n"
    )


def test_in_a_shell_for_the_lab_the_context_is_the_users_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lab", "prod"):
        kubeconfig: dict[str, Any] = {
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name}}],
            "clusters": [{"name": name, "cluster": {"server": f"https://{name}"}}],
        }
        (folder / name).write_text(yaml.safe_dump(kubeconfig))
    own, labs = ({"KUBECONFIG": str(folder / name)} for name in ("prod", "lab"))
    monkeypatch.setenv("KUBECONFIG", labs["KUBECONFIG"])
    monkeypatch.setenv(environment.MARK, environment.mark("lab", own, labs))
    on(monkeypatch, Cluster([]))
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS[:-2]])
    assert done.exit_code == 0, done.exception
    assert written(folder)["cluster"] == {"kind": "kubeconfig", "context": "prod"}
    assert done.output.endswith("Then: pulumi preview --stack mine\n")


@pytest.mark.parametrize("before", ["", "config: {}\n", "config:\n  other:key: 1\n"])
def test_what_stands_in_the_file_stays(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    (folder / "Pulumi.mine.yaml").write_text(before)
    on(monkeypatch, Cluster([]))
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS])
    assert "so the stack would install the mesh" in done.output
    whole = yaml.safe_load((folder / "Pulumi.mine.yaml").read_text())["config"]
    assert whole["blue-green:istio"] == {}
    assert ("other:key" in whole) is ("other" in before)


@pytest.mark.parametrize(
    "before",
    ["config:\n    other:key: 1\n", "config: # ours\n  other:key: 1\n", "config: {'other:key': 1}\n"],
)
def test_a_file_that_cannot_be_added_to_stays_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    (folder / "Pulumi.mine.yaml").write_text(before)
    on(monkeypatch, Cluster([]))
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS])
    assert str(done.exception) == (
        "Pulumi.mine.yaml: no keys can be added to its config as it stands. Write `config:` in a line of its "
        "own, and its keys in lines below that begin with two spaces"
    )
    assert (folder / "Pulumi.mine.yaml").read_text() == before


def test_a_config_that_is_there_is_not_written_over(folder: Path) -> None:
    (folder / "Pulumi.mine.yaml").write_text("config:\n  blue-green:weights: {v1: 100}\n")
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS])
    assert isinstance(done.exception, RolloutError)
    assert "Pulumi.mine.yaml has a config already" in str(done.exception)


def test_without_a_terminal_a_missing_option_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Cluster([]))
    done = RUN.invoke(app, ["init", "--stack", "mine", "--context", "prod", "--app", "shop"])
    assert str(done.exception) == "there is no terminal to ask at. Give --image too"
    assert not (folder / "Pulumi.mine.yaml").exists()


def test_a_wrong_answer_is_said_and_nothing_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, UnreachableError("The cluster's API server cannot be reached."))
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS, "--app", "My Shop"])
    assert "blue-green:app.name: 'My Shop' is not a DNS label" in str(done.exception)
    assert not (folder / "Pulumi.mine.yaml").exists()


def test_a_cluster_that_does_not_answer_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, UnreachableError("The cluster's API server cannot be reached."))
    done = RUN.invoke(app, ["init", "--stack", "mine", *OPTIONS])
    assert "The cluster could not be asked, so the mesh is taken as installed." in done.output
    assert written(folder)["istio"] == {"install": False}


def running(name: str, selector: dict[str, str]) -> dict[str, Any]:
    container = {
        "name": "shop",
        "image": "shop:1.0",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 9000, "name": "metrics"}, {"containerPort": 8080, "name": "http"}],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "resources": {"requests": {"cpu": "50m", "ephemeral-storage": "1Gi"}},
        "args": ["--verbose"],
        "env": [
            {"name": "MODE", "value": "blue"},
            {"name": "EMPTY"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "app", "key": "token"}}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"},
            "periodSeconds": 10,
        },
        "livenessProbe": {"exec": {"command": ["true"]}},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "3"]}}},
        "volumeMounts": [{"name": "files", "mountPath": "/etc/shop"}],
    }
    template: dict[str, Any] = {
        "metadata": {"labels": {**selector, "team": "web"}, "annotations": {"a": "b"}},
        "spec": {
            "containers": [container, {"name": "log", "image": "log:1"}],
            "volumes": [{"name": "files", "configMap": {"name": "shop"}}],
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "securityContext": dict[str, Any](),
            "terminationGracePeriodSeconds": 30,
        },
    }
    return {
        "metadata": {"name": name},
        "spec": {"replicas": 3, "selector": {"matchLabels": selector}, "template": template},
    }


def test_a_deployment_that_runs_becomes_a_version() -> None:
    proposal = propose(running("shop-v7", {"app": "shop", "version": "v7"}))
    assert (proposal.app, proposal.version, proposal.in_place) == ("shop", "v7", True)
    seconds = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
    assert proposal.config == {
        "image": "shop:1.0",
        "replicas": 3,
        "containerPort": 8080,
        "env": {"MODE": "blue", "EMPTY": "", "TOKEN": {"secret": "app", "key": "token"}},
        "resources": {"requests": {"cpu": "50m"}},
        "probes": {"readiness": {"path": "/ready", **seconds}},
        "labels": {"team": "web"},
        "podTemplate": {
            "metadata": {"annotations": {"a": "b"}},
            "spec": {
                "volumes": [{"name": "files", "configMap": {"name": "shop"}}],
                "containers": [
                    {
                        "name": "shop",
                        "args": ["--verbose"],
                        "volumeMounts": [{"name": "files", "mountPath": "/etc/shop"}],
                        "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                    },
                    {"name": "log", "image": "log:1"},
                ],
            },
        },
    }
    assert [one.partition(" of")[0] for one in proposal.left] == [
        "resources.requests.ephemeral-storage",
        "livenessProbe",
        "lifecycle",
        "ports",
    ]


def test_a_variable_that_names_one_of_the_pod_template_stands_there_after_it() -> None:
    deployment = running("shop-v7", {"app": "shop", "version": "v7"})
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    zone = {"name": "ZONE", "value": "a"}
    # $(NODE) was expanded, $(LATE) was not: it stands behind.
    agent, url = {"name": "AGENT", "value": "$(NODE):1"}, {"name": "URL", "value": "http://$(AGENT)/$(ZONE)"}
    variables += [zone, agent, url, {"name": "EARLY", "value": "$(LATE)"}]
    variables.append({"name": "LATE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
    config: Any = propose(deployment).config
    assert config["env"].keys() == {"MODE", "EMPTY", "TOKEN", "ZONE", "EARLY"}
    piece = config["podTemplate"]["spec"]["containers"][0]["env"]
    assert [one["name"] for one in piece] == ["NODE", "AGENT", "URL", "LATE"]


def test_what_runs_by_other_names_gets_a_version_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, Cluster([GATEWAY], web=running("web", {"run": "web"})))
    given = ["init", "--stack", "mine", "--from", "deployment/web", "--host", "*", "--context", "prod"]
    done = RUN.invoke(app, given)
    assert done.exit_code == 0, done.exception
    config = written(folder)
    assert config["app"] == {"name": "web", "namespace": "default"}
    # A version of one pod would get all the traffic that three have now.
    assert config["versions"]["v1"]["replicas"] == 3
    assert "The stack makes web-v1 beside the Deployment that was read" in done.output
    assert "Not in the config: livenessProbe of the container." in done.output


FROM = ("init", "--stack", "mine", "--host", "*", "--context", "prod", "--from")


@pytest.mark.parametrize(
    ("name", "selector", "replicas", "says"),
    [
        (
            "web-v1",
            {"app": "web", "version": "v1"},
            None,
            "Not in the config: replicas, which the autoscaler web-v1-hpa changes; `autoscaling` gives the "
            "version one of the stack's own (docs/workloads.md).",
        ),
        # The stack's own Deployment is another one, and no autoscaler's.
        (
            "web",
            {"run": "web"},
            3,
            "Not in the config: the autoscaler web-hpa, which changes the number of pods: `replicas` is what "
            "runs now; `autoscaling` in its place gives the version one (docs/workloads.md).",
        ),
    ],
)
def test_the_number_that_an_autoscaler_has_chosen_is_not_written_down(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    selector: dict[str, str],
    replicas: int | None,
    says: str,
) -> None:
    deployment = running(name, selector)
    deployment["spec"]["template"]["spec"]["containers"][0]["name"] = "web"
    found = autoscalers("Deployment/other", f"StatefulSet/{name}", f"Deployment/{name}")
    on(monkeypatch, Cluster([GATEWAY], **{name: deployment, "horizontalpodautoscalers": found}))
    done = RUN.invoke(app, [*FROM, f"deployment/{name}"])
    assert done.exit_code == 0, done.exception
    assert written(folder)["versions"]["v1"].get("replicas") == replicas
    assert says in done.output


def test_where_no_autoscaler_may_be_listed_the_number_stays_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = running("shop-v1", {"app": "shop", "version": "v1"})
    cluster = Cluster(
        [GATEWAY],
        **{"shop-v1": deployment},
        horizontalpodautoscalers=ForbiddenError("the user may not list them. Add this rule"),
    )
    on(monkeypatch, cluster)
    done = RUN.invoke(app, [*FROM, "deployment/shop-v1"])
    assert done.exit_code == 0, done.exception
    assert written(folder)["versions"]["v1"]["replicas"] == 3
    assert (
        "Whether an autoscaler changes the number of pods is not known, so `replicas` is what runs now. "
        "the user may not list them. Add this rule"
    ) in done.output


def test_a_deployment_that_is_scaled_to_0_is_read_without_its_number(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = running("shop-v1", {"app": "shop", "version": "v1"})
    deployment["spec"]["replicas"] = 0
    on(monkeypatch, Cluster([GATEWAY], **{"shop-v1": deployment}))
    done = RUN.invoke(app, [*FROM, "deployment/shop-v1"])
    assert done.exit_code == 0, done.exception
    assert "replicas" not in written(folder)["versions"]["v1"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("deployment/nope", "there is no deployment nope in default. Type: kubectl --context prod get"),
        ("nope", "--from takes a Deployment. Type: --from deployment/nope"),
        ("statefulset/db", "--from takes a Deployment. Type: --from deployment/db"),
    ],
)
def test_what_cannot_be_read_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, says: str
) -> None:
    on(monkeypatch, Cluster([GATEWAY]))
    done = RUN.invoke(app, ["init", "--stack", "mine", "--from", source, *OPTIONS])
    assert says in str(done.exception)
    assert not (folder / "Pulumi.mine.yaml").exists()
