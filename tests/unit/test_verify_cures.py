"""For which cluster and which stack the lines are that commands print to be typed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.commands.verify.links import links
from components.commands.verify_version import verify_version
from components.kubernetes.errors import UnreachableError
from components.observation import endpoint, live
from components.observation.endpoint import Endpoint
from components.pulumi_cli import config
from components.pulumi_cli.splits import TextCluster
from components.settings.model import Check, KubeconfigCluster, MinikubeCluster, MinikubeProgram, Settings
from tests.unit.fake_cluster import FakeGateway, fake_cluster
from tests.unit.test_settings import load

OURS = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/myapp"
TYPED = (
    "-n default patch virtualservice myapp --type=json -p "
    """'[{"op": "remove", "path": "/spec/http/0/fault"}]'"""
)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How kubectl is told of the stack's cluster, whose split has a fault and a test route behind it."""
    http: list[dict[str, Any]] = [{"name": "myapp", "fault": {}}, {"name": "v2/test"}]
    objects: dict[str, Any] = {
        OURS: {"metadata": {"namespace": "default", "name": "myapp"}, "spec": {"http": http}}
    }
    gateway = FakeGateway("a", {"v1": 50, "v2": 50})
    file = tmp_path / "kubeconfig"
    with fake_cluster(gateway, objects=objects) as cluster:
        file.write_text(cluster.kubeconfig)
        settings = load(
            cluster={"kind": "kubeconfig", "path": str(file)}, testRoutes={"v2": {"header": {"x": "v2"}}}
        )

        def of_stack(_: str) -> Settings:
            return settings

        def at(_name: str, _settings: Settings) -> Endpoint:
            # Nobody listens there.
            return Endpoint("http://127.0.0.1:1/", {}, Check())

        monkeypatch.setattr(config, "settings", of_stack)
        monkeypatch.setattr(endpoint, "of", at)
        yield f"kubectl --kubeconfig {file} --context c"


def test_each_cure_is_for_the_clusters_and_the_stack_that_were_asked(kubectl: str) -> None:
    settings = config.settings("prod")
    with live.connect(settings) as gateways:
        mends = [one.mend for one in links("prod", settings, gateways, explained=False).differences]
    assert f"{kubectl} {TYPED}" in mends
    assert "blue-green up --stack prod --refresh" in mends


def test_what_is_told_of_one_version_is_for_its_cluster_too(kubectl: str) -> None:
    said = "\n".join(verify_version("prod", "v2", 1).differences)
    assert f"To mend it: {kubectl} {TYPED}" in said
    assert f"look at: {kubectl} logs -n default -l app=myapp,version=v2" in said
    assert f"look at: {kubectl} get virtualservices,envoyfilters -A" in said


@pytest.mark.parametrize(
    ("cluster", "look"),
    [
        (KubeconfigCluster(context="my-context"), "look at `kubectl --context my-context cluster-info`"),
        (KubeconfigCluster(), "look at `kubectl cluster-info`"),
        (KubeconfigCluster("/k 8s", "c"), "look at `kubectl --kubeconfig '/k 8s' --context c cluster-info`"),
        (
            MinikubeCluster("dev"),
            "`minikube status -p dev` tells whether it runs; `minikube start -p dev` starts it",
        ),
        (
            MinikubeCluster("minikube", minikube=MinikubeProgram("minikube")),
            "`minikube status -p minikube` tells whether it runs; `make up` starts it",
        ),
        # Of a text there is no file to name.
        (TextCluster(text="{}"), ""),
    ],
)
def test_a_cluster_that_is_away_is_looked_at_by_what_the_config_says(
    cluster: MinikubeCluster | KubeconfigCluster, look: str
) -> None:
    said = str(live.not_asked(cluster, UnreachableError("It cannot be reached.")))
    assert said == (f"It cannot be reached; {look}" if look else "It cannot be reached.")
