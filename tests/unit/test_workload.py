"""The workloads as production would have them."""

from typing import Any

from components.manifests import workload
from components.settings.model import App, Grpc, Probe, Probes, Resources, SecretKey, Version

APP = App("shop", "web", labels={"team": "t"})


def pod(version: Version) -> dict[str, Any]:
    return workload.deployment(APP, "v1", version)["spec"]["template"]["spec"]


def test_a_roll_out_takes_no_pod_away_before_its_successor_is_ready() -> None:
    spec = workload.deployment(APP, "v1", Version("shop:1"))["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (container,) = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": 80}
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == workload.PRE_STOP_SECONDS


def test_a_users_labels_never_replace_those_that_select() -> None:
    version = Version("shop:1", labels={"tier": "front"})
    template = workload.deployment(APP, "v1", version)["spec"]["template"]
    assert template["metadata"]["labels"] == {
        "team": "t",
        "tier": "front",
        "app": "shop",
        "version": "v1",
    }


def test_restricted_pod_security_is_asked_for() -> None:
    (container,) = pod(Version("shop:1", pod_security="restricted"))["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
    }


def test_the_container_gets_what_the_version_says() -> None:
    spec = pod(
        Version(
            "shop:1",
            container_port=8080,
            resources=Resources(requests={"cpu": "1"}),
            env={"B": "2", "A": SecretKey("s", "k")},
            probes=Probes(Probe(grpc=Grpc("shop.Cart")), liveness=Probe("/live"), startup=Probe(port=9000)),
            image_pull_secrets=("registry",),
        )
    )
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    (container,) = spec["containers"]
    assert container["resources"] == {"requests": {"cpu": "1"}}
    assert container["env"] == [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "B", "value": "2"},
    ]
    assert container["livenessProbe"]["httpGet"] == {"path": "/live", "port": 8080}
    assert container["startupProbe"]["tcpSocket"] == {"port": 9000}
    assert container["readinessProbe"]["grpc"] == {"port": 8080, "service": "shop.Cart"}


def test_the_image_is_that_of_the_apps_own_container() -> None:
    piece = {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}}
    made = workload.deployment(APP, "v1", Version("shop:1", pod_template=piece))
    # As Kubernetes merges it, the new one comes first.
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["proxy", "shop"]
    assert workload.image(made) == "shop:1"


def test_a_service_account_goes_again_with_the_piece_that_names_it() -> None:
    """The API server adds the old name, and would keep the account by it."""
    version = Version("shop:1", pod_template={"spec": {"serviceAccountName": "shop"}})
    assert pod(version)["serviceAccount"] == "shop"
    assert "serviceAccount" not in pod(Version("shop:1"))
