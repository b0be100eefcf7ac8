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
from components.kubernetes.errors import UnreachableError
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
        return self.deployments.get(path.rpartition("/")[2])


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
    assert "replicas" not in config["versions"]["v1"]
    assert "The stack makes web-v1 beside the Deployment that was read" in done.output
    assert "Not in the config: livenessProbe of the container." in done.output


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
