"""What the config may say, and what the user reads when it says something else."""

import copy
from decimal import Decimal
from typing import Any

import pulumi
import pytest

from components.settings import stack
from components.settings.mistakes import ConfigError
from components.settings.model import (
    Check,
    KubeconfigCluster,
    MinikubeCluster,
    MinikubeProgram,
    SecretKey,
    Settings,
)
from components.settings.parse import parse
from components.settings.rules import quantity

GOOD: dict[str, Any] = {
    "cluster": {"kind": "minikube", "profile": "dev"},
    "istio": {"version": "1.29.1"},
    "app": {"name": "myapp", "namespace": "default", "port": 80},
    "versions": {"v1": {"image": "janakiramm/myapp:v1"}, "v2": {"image": "janakiramm/myapp:v2"}},
    "weights": {"v1": 50, "v2": 50},
}


def config(**changes: object) -> dict[str, Any]:
    """The good config with paths replaced: `config(weights__v1=1)`; None takes one out."""
    changed = copy.deepcopy(GOOD)
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = changed
        for parent in parents:
            at = at.setdefault(parent, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return changed


def load(**changes: object) -> Settings:
    return parse(config(**changes))


def mistakes(**changes: object) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(**changes)
    head, *lines = str(raised.value).splitlines()
    count = "one mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    assert head == f"The stack config has {count}; nothing was touched."
    return [line.removeprefix("  ") for line in lines]


def test_driver_none_on_the_users_own_machine_is_asked_for_by_name() -> None:
    none = {"cluster__driver": "none", "cluster__profile": "minikube"}
    (mistake,) = mistakes(**none)
    assert mistake.startswith("blue-green:cluster.driver: none makes this very machine the node: as root, it")
    assert "write thisMachine: true" in mistake
    assert load(**none, cluster__thisMachine=True).cluster == MinikubeCluster(
        "minikube", "none", this_machine=True
    )
    lab = {"command": ".lab/bin/minikube", "home": ".lab/minikube", "kubeconfig": ".lab/kubeconfig"}
    assert load(**none, cluster__minikube=lab).cluster == MinikubeCluster(
        "minikube", "none", MinikubeProgram(**lab)
    )


def test_the_tutorials_config_needs_nothing_more() -> None:
    settings = load()
    assert settings.cluster == MinikubeCluster("dev", cpus=4, memory=8192)
    assert settings.weights == {"v1": 50, "v2": 50}
    assert settings.istio.gateway.service == "istio-ingressgateway"
    assert settings.routing.hosts == ("*",)
    assert settings.routing.gateway_selector == {"istio": "ingressgateway"}
    assert settings.convergence.timeout_seconds == 60
    assert settings.convergence.check == "request"


def test_a_version_without_a_weight_stays_at_0() -> None:
    assert load(weights={"v2": 100}).weights == {"v1": 0, "v2": 100}


def test_a_weight_of_0_is_a_weight() -> None:
    assert load(weights={"v1": 0, "v2": 100}).weights == {"v1": 0, "v2": 100}


def test_any_number_of_versions() -> None:
    versions = {f"r{i}": {"image": f"app:{i}"} for i in range(50)}
    weights = {f"r{i}": 2 for i in range(50)}
    assert len(load(versions=versions, weights=weights).versions) == 50
    assert load(versions={"v1": {"image": "a:1"}}, weights={"v1": 100}).weights == {"v1": 100}


def test_a_minikube_in_full() -> None:
    assert load(
        cluster={
            "profile": "dev",
            "driver": "docker",
            "cpus": 2,
            "memory": 4096,
            "diskSize": "40g",
            "nodes": 3,
            "kubernetesVersion": "v1.35.1",
            "containerRuntime": "containerd",
            "cni": "calico",
            "extraConfig": ["kubelet.v=4"],
            "addons": ["metrics-server"],
            "mount": "/src:/mnt/src",
            "flags": ["wait=all"],
            "recreate": True,
            "ingressAddress": "127.0.0.1",
        }
    ).cluster == MinikubeCluster(
        "dev",
        "docker",
        cpus=2,
        memory=4096,
        kubernetes_version="v1.35.1",
        container_runtime="containerd",
        cni="calico",
        disk_size="40g",
        nodes=3,
        extra_config=("kubelet.v=4",),
        addons=("metrics-server",),
        mount="/src:/mnt/src",
        flags=("wait=all",),
        recreate=True,
        ingress_address="127.0.0.1",
    )


def test_a_cluster_that_exists() -> None:
    settings = load(cluster={"kind": "kubeconfig", "context": "prod", "ingressAddress": "10.0.0.1"})
    assert settings.cluster == KubeconfigCluster(None, "prod", "10.0.0.1")


def test_one_version_in_full() -> None:
    version = load(
        versions__v1={
            "image": "registry.local:5000/team/app@sha256:" + "0" * 64,
            "replicas": 3,
            "containerPort": 8080,
            "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": 1}},
            "env": {"MODE": "blue", "TOKEN": {"secret": "app", "key": "token"}},
            "probes": {"readiness": {"path": "/ready"}, "liveness": {"port": 9000}},
            "labels": {"team": "web"},
            "imagePullPolicy": "Always",
            "imagePullSecrets": ["registry"],
            "podSecurity": "restricted",
        }
    ).versions["v1"]
    assert version.replicas == 3
    assert version.resources.limits == {"cpu": "1"}
    assert version.env == {"MODE": "blue", "TOKEN": SecretKey("app", "token")}
    assert version.probes.readiness.path == "/ready"
    assert version.probes.liveness is not None
    assert version.probes.liveness.port == 9000
    assert version.probes.startup is None
    assert version.image_pull_secrets == ("registry",)


def test_the_check_takes_success_and_redirects_or_what_the_config_names() -> None:
    def accepted(check: Check) -> list[int]:
        return [status for status in (200, 204, 302, 401, 404, 503) if check.accepts(status)]

    assert accepted(load().routing.check) == [200, 204, 302]
    check = load(routing__check={"path": "/health", "accept": [401, "2xx"]}).routing.check
    assert check.path == "/health"
    assert accepted(check) == [200, 204, 401]


def test_numbers_and_booleans_are_texts_where_kubernetes_takes_texts() -> None:
    version = load(
        versions__v1={
            "image": "app:1",
            "env": {"PORT": 8080, "RATE": 0.5, "BIG": 12345678.0, "DEBUG": True, "OFF": False, "NO": "no"},
            "labels": {"tier": 1, "canary": False},
            "resources": {"requests": {"cpu": 0.5}, "limits": {"cpu": 1, "memory": 134217728}},
        }
    ).versions["v1"]
    assert version.env == {
        "PORT": "8080",
        "RATE": "0.5",
        "BIG": "12345678",
        "DEBUG": "true",
        "OFF": "false",
        "NO": "no",
    }
    assert version.labels == {"tier": "1", "canary": "false"}
    assert version.resources.requests == {"cpu": "0.5"}
    assert version.resources.limits == {"cpu": "1", "memory": "134217728"}
    assert load(routing__responseHeaders={"x-generation": 2}).routing.response_headers == {
        "x-generation": "2"
    }


def test_a_null_in_helm_values_is_warned_of() -> None:
    values = {"gateway": {"resources": {"limits": None, "requests": {"cpu": "1"}}}, "istiod": None}
    *_, warning = load(istio__values=values).warnings
    assert warning.startswith(
        "blue-green:istio.values.gateway.resources.limits: null does not take the chart"
    )


@pytest.mark.parametrize(("value", "text"), [(2**30, "1073741824"), (1e9, "1000000000")])
def test_bytes_may_be_written_as_a_number(value: float, text: str) -> None:
    resources = {"requests": {"memory": value}}
    assert load(versions__v1__resources=resources).versions["v1"].resources.requests == {"memory": text}


@pytest.mark.parametrize("name", ["discovery.type", "my-mode", "_a", ".a", "-a"])
def test_a_variable_may_have_a_dot_or_a_hyphen(name: str) -> None:
    assert load(versions__v1__env={name: "a"}).versions["v1"].env == {name: "a"}


@pytest.mark.parametrize("name", ["", "1a", "a b", "a=b", ".", "..", "..a", "é"])
def test_what_kubernetes_takes_for_no_variable_is_refused(name: str) -> None:
    (mistake,) = mistakes(versions__v1__env={name: "a"})
    assert mistake.endswith("Write a variable's name: letters, digits, -, _ and ., no digit first.")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5, 1e-9, True])
def test_a_number_that_is_no_quantity_is_still_refused(value: float) -> None:
    (mistake,) = mistakes(versions__v1__resources={"requests": {"cpu": value}})
    assert mistake.startswith("blue-green:versions.v1.resources.requests.cpu: ")
    assert mistake.endswith('Write a Kubernetes quantity such as "250m" or "64Mi".')


def test_a_tls_secret_moves_the_port_to_443() -> None:
    assert load(routing__tlsSecret="shop-tls").routing.port == 443


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (
            {"v1": 49, "v2": 50},
            "blue-green:weights: they add up to 99, not 100. "
            "Type: pulumi config set --path 'blue-green:weights.v2' 51.",
        ),
        (
            {},
            "blue-green:weights: there are none. Type: pulumi config set --path 'blue-green:weights.v2' 100.",
        ),
        (
            {"v1": -5, "v2": 100},
            "blue-green:weights.v1: -5 is out of range. Write an integer from 0 to 100.",
        ),
        (
            {"v1": 0.5, "v2": 100},
            "blue-green:weights.v1: 0.5 is a number, not an integer. Write an integer from 0 to 100.",
        ),
        (
            {"v1": True, "v2": 100},
            "blue-green:weights.v1: True is a boolean, not an integer. Write an integer from 0 to 100.",
        ),
        (
            {"v2": 50, "v11": 50},
            "blue-green:weights.v11: there is no version 'v11'. Write v1 instead.",
        ),
        (
            {"v2": 50, "green": 50},
            "blue-green:weights.green: there is no version 'green'. There are v1, v2.",
        ),
        (50, "blue-green:weights: it is an integer, not an object. Write it as name: value."),
    ],
)
def test_a_wrong_split_is_one_sentence_with_the_remedy(weights: object, says: str) -> None:
    assert says in mistakes(weights=weights)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"app__name": None}, "blue-green:app.name"),
        ({"app__name": "My_App"}, "blue-green:app.name"),
        ({"app__port": "80"}, "blue-green:app.port"),
        ({"app__labels": {"app": "x"}}, "blue-green:app.labels.app"),
        ({"versions": {}}, "blue-green:versions"),
        ({"versions__V3": {"image": "a:1"}}, "blue-green:versions.V3"),
        ({"versions__v3": {}}, "blue-green:versions.v3.image"),
        ({"versions__v3": "janakiramm/myapp:v3"}, "blue-green:versions.v3"),
        ({"versions__v3": {"image": "a b"}}, "blue-green:versions.v3.image"),
        ({"versions__v3": None, "versions__v1__env": {"A": [1]}}, "blue-green:versions.v1.env.A"),
        (
            {"versions__v1__resources": {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}},
            "blue-green:versions.v1.resources.requests.cpu",
        ),
        ({"versions__v1__replicas": 0}, "blue-green:weights.v1"),
        ({"cluster__driver": "none", "cluster__thisMachine": True}, "blue-green:cluster.profile"),
        ({"cluster__minikube": "/bin/minikube"}, "blue-green:cluster.minikube"),
        ({"cluster__minikube": {"home": "~/other"}}, "blue-green:cluster.minikube.command"),
        ({"cluster__kind": "kind"}, "blue-green:cluster.kind"),
        ({"cluster__diskSize": "20 GB"}, "blue-green:cluster.diskSize"),
        ({"cluster__nodes": 0}, "blue-green:cluster.nodes"),
        ({"cluster__addons": "ingress"}, "blue-green:cluster.addons"),
        ({"cluster__addons": ["ingress", "ingress"]}, "blue-green:cluster.addons[1]"),
        ({"cluster__mount": "/src"}, "blue-green:cluster.mount"),
        ({"cluster__adopt": True, "cluster__recreate": True}, "blue-green:cluster.adopt"),
        ({"cluster": {"kind": "kubeconfig", "ingressAddress": "a b"}}, "blue-green:cluster.ingressAddress"),
        ({"cluster__flags": ["--wait"]}, "blue-green:cluster.flags[0]"),
        ({"routing__hosts": ["a.b", "a.b"]}, "blue-green:routing.hosts[1]"),
        ({"routing__hosts": ["*", "a.b"]}, "blue-green:routing.hosts[1]"),
        ({"routing__hosts": ["x.a.b", "*.a.b"]}, "blue-green:routing.hosts[0]"),
        ({"routing__meshCallers": True}, "blue-green:routing.meshCallers"),
        ({"routing__timeout": "0s"}, "blue-green:routing.timeout"),
        (
            {"routing__retries": {"attempts": 0, "retryOn": "5xx"}},
            "blue-green:routing.retries.retryOn",
        ),
        ({"routing__stickySession": {}}, "blue-green:routing.stickySession"),
        ({"routing__check__path": "ready"}, "blue-green:routing.check.path"),
        ({"routing": {"paths": ["/a", "/b"], "check": {"path": "/c"}}}, "blue-green:routing.check.path"),
        ({"routing__check__accept": ["ok"]}, "blue-green:routing.check.accept[0]"),
        ({"routing__check__accept": [600]}, "blue-green:routing.check.accept[0]"),
        (
            {"routing": {"headers": {"x-a": "1"}, "check": {"headers": {"x-a": "2"}}}},
            "blue-green:routing.check.headers.x-a",
        ),
        ({"istio__gateway__nodePorts": {"http2": 0}}, "blue-green:istio.gateway.nodePorts.http2"),
        ({"istio__values__istiod": "x"}, "blue-green:istio.values.istiod"),
        ({"convergence__timeoutSeconds": 0}, "blue-green:convergence.timeoutSeconds"),
    ],
)
def test_a_mistake_names_its_key(changes: dict[str, object], key: str) -> None:
    (line,) = mistakes(**changes)
    assert line.startswith(f"{key}: ")


def test_an_unknown_key_gets_the_nearest_right_one() -> None:
    assert mistakes(versions__v1__imgae="x:1", wieghts={}) == [
        "blue-green:wieghts: there is no such key. Write blue-green:weights instead.",
        "blue-green:versions.v1.imgae: there is no such key. Write image instead.",
    ]


def test_another_way_to_roll_over_is_refused_with_the_reason() -> None:
    (mistake,) = mistakes(versions__v1__strategy={"type": "Recreate"})
    assert mistake.startswith("blue-green:versions.v1.strategy: a version rolls over with maxSurge 1 and")


def test_a_pod_template_is_judged_with_the_version_that_it_is_for() -> None:
    wrong = {"spec": {"terminationGracePeriodSeconds": 3}}
    (mistake,) = mistakes(versions__v2__podTemplate=wrong)
    assert mistake.startswith("blue-green:versions.v2.podTemplate.spec.terminationGracePeriodSeconds: a pod")
    (mistake,) = mistakes(versions__v1__minReadySeconds=600)
    assert mistake.startswith(
        "blue-green:versions.v1.progressDeadlineSeconds: a roll-out would be called stuck"
    )


def test_all_mistakes_come_in_one_message() -> None:
    found = mistakes(app__name=None, weights={"v1": 10}, convergence__drainSeconds=-1)
    assert [line.partition(": ")[0] for line in found] == [
        "blue-green:app.name",
        "blue-green:weights",
        "blue-green:convergence.drainSeconds",
    ]


def test_a_mistake_hides_no_other_one() -> None:
    """What keys say together is judged even where one of their section is wrong by itself."""
    wrong_image: dict[str, object] = {"image": "a b", "resources": {"limits": {"memory": "1m"}}}
    found = mistakes(versions__v1=wrong_image, routing={"timeout": 10, "stickySession": {}}, app=3)
    assert [line.partition(": ")[0] for line in found] == [
        "blue-green:app",
        "blue-green:versions.v1.image",
        "blue-green:versions.v1.resources.limits.memory",
        "blue-green:routing.timeout",
        "blue-green:routing.stickySession",
    ]


def test_no_name_of_a_key_is_too_odd() -> None:
    env = {"[key]": None, "\0": {"[key]": 1}, "A": {"-1": 1}}
    found = mistakes(versions__v1__env=env, cluster={1: 2, "profile": "dev"})
    keys = {line.partition(": ")[0] for line in found}
    assert {"blue-green:cluster.1", "blue-green:versions.v1.env.\0.[key]"} <= keys
    assert "blue-green:versions.v1.env.A.-1" in keys


def test_a_mistake_is_not_said_twice() -> None:
    (mistake,) = mistakes(routing__stickySession={"cookie": "a b"})
    assert mistake.startswith("blue-green:routing.stickySession.cookie: 'a b' is not a cookie's name")
    (mistake,) = mistakes(weights={"v1": "half", "v2": 50})
    assert mistake.startswith("blue-green:weights.v1: 'half' is a text, not an integer")


def test_an_image_that_can_change_is_a_warning() -> None:
    warning = load(versions__v1__image="registry.local:5000/app").warnings[0]
    assert warning.startswith("blue-green:versions.v1.image: registry.local:5000/app has no tag")


@pytest.mark.parametrize("probe", [{"path": "/ready"}, {"grpc": {}}, {"grpc": {"service": "shop.Cart"}}])
def test_only_a_version_with_traffic_that_no_probe_asks_is_a_warning(probe: dict[str, object]) -> None:
    changes = {"versions__v1__probes": {"readiness": probe}, "weights": {"v1": 50, "v2": 50}}
    (warning,) = load(**changes).warnings
    assert warning.startswith("blue-green:versions.v2.probes.readiness: v2 gets traffic as soon as its port")
    assert not any("gets traffic" in one for one in load(**changes | {"weights": {"v1": 100}}).warnings)


@pytest.mark.parametrize("key", ["app__podTemplate", "versions__v2__podTemplate"])
@pytest.mark.parametrize("weights", [{"v2": 100}, {"v1": 100}])
def test_a_probe_that_a_piece_brings_is_asked_for(key: str, weights: dict[str, int]) -> None:
    """Both warnings of a TCP probe: the one with traffic, and the one of callers inside."""

    def warned(probe: dict[str, object]) -> list[str]:
        piece = {"spec": {"containers": [{"name": "myapp", "readinessProbe": probe}]}}
        found = load(**{key: piece}, weights=weights).warnings
        return [one for one in found if one.startswith("blue-green:versions.v2")]

    assert warned({"$patch": "replace", "exec": {"command": ["true"]}}) == []
    assert warned({"$patch": "replace", "httpGet": {"path": "/", "port": 80}}) == []
    assert len(warned({"$patch": "replace", "tcpSocket": {"port": 80}})) == 1
    assert len(warned({"periodSeconds": 5})) == 1


def test_a_probe_asks_by_one_way() -> None:
    probes: dict[str, Any] = {
        "readiness": {"path": "/", "grpc": {}},
        "liveness": {"grpc": {"service": "a b"}},
    }
    assert mistakes(versions__v1__probes=probes) == [
        "blue-green:versions.v1.probes.liveness.grpc.service: 'a b' is not a gRPC service's name such as "
        "package.Service. Write a gRPC service's name such as package.Service.",
        "blue-green:versions.v1.probes.readiness.grpc: there is a path as well. Take one of them out.",
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0Ki", 0),
        ("250m", "0.25"),
        ("1.5k", 1500),
        ("2M", 2_000_000),
        ("1Mi", 1_048_576),
        ("3", 3),
        ("1073741824", 2**30),
        ("1e9", 10**9),
        ("1E3", 1000),
        ("1E", 10**18),
        ("2Ei", 2**61),
        ("3P", 3 * 10**15),
        ("4Pi", 2**52),
    ],
)
def test_a_quantity_is_read_with_its_unit(text: str, number: int | str) -> None:
    assert quantity(text) == Decimal(number)
    resources = {"requests": {"cpu": text}}
    assert load(versions__v1__resources=resources).versions["v1"].resources.requests == {"cpu": text}


def test_objects_that_exist_are_taken_over_only_when_it_is_written() -> None:
    assert not load().app.take_ownership
    assert load(app__takeOwnership=True).app.take_ownership
    assert load(istio__takeOwnership=True).istio.take_ownership
    (mistake,) = mistakes(app__takeOwnership="yes")
    assert mistake.startswith("blue-green:app.takeOwnership: ")


def test_a_secret_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi hands it over in the clear, where every preview would print it."""

    def is_config_secret(key: str) -> bool:
        return key == "blue-green:versions"

    monkeypatch.setattr(stack, "is_config_secret", is_config_secret)
    with pytest.raises(pulumi.RunError, match="blue-green:versions: it holds a secret"):
        stack.load()


def test_the_program_says_what_to_type_for_the_stack_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_object(_: pulumi.Config, key: str) -> object:
        return config(weights={"v1": 49, "v2": 50}).get(key)

    monkeypatch.setattr(pulumi.Config, "get_object", get_object)
    with pytest.raises(pulumi.RunError) as raised:
        stack.load()
    typed = f"pulumi config set --stack {pulumi.get_stack()} --path 'blue-green:weights.v2' 51"
    assert f"Type: {typed}." in str(raised.value)


def test_an_installed_gateway_is_selected_by_the_label_that_its_chart_gives() -> None:
    assert load().routing.gateway_selector == {"istio": "ingressgateway"}
    assert load(istio__gateway={"service": "edge"}).routing.gateway_selector == {"istio": "edge"}
    given = load(istio__gateway={"service": "edge"}, routing__gatewaySelector={"a": "b"})
    assert given.routing.gateway_selector == {"a": "b"}


def test_a_mesh_that_exists_needs_no_address_of_a_node() -> None:
    mesh = {"install": False, "gateway": {"service": "edge", "namespace": "mesh"}}
    assert load(cluster={"kind": "kubeconfig", "path": "config"}, istio=mesh).cluster


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"app__namespace": "istio-system"}, "blue-green:app.namespace"),
        (
            {"app__name": "shop", "routing": {"hosts": ["shop"], "meshCallers": True}},
            "blue-green:routing.hosts",
        ),
    ],
)
def test_keys_that_cannot_be_together(changes: dict[str, object], key: str) -> None:
    assert [mistake for mistake in mistakes(**changes) if mistake.startswith(f"{key}: ")]


def test_a_namespace_is_made_in_a_cluster_of_the_stacks_own_or_where_the_config_says_so() -> None:
    existing = {"kind": "kubeconfig", "ingressAddress": "10.0.0.1"}
    assert load().app.create_namespace
    assert not load(cluster=existing).app.create_namespace
    assert load(cluster=existing, app__createNamespace=True).app.create_namespace


def test_a_traffic_policy_is_for_all_versions_or_one() -> None:
    pool = {"connectionPool": {"http": {"http1MaxPendingRequests": 1}}}
    found = load(routing={"trafficPolicy": pool}, versions__v2__trafficPolicy={"tls": {"mode": "DISABLE"}})
    assert found.routing.traffic_policy == pool
    assert found.versions["v1"].traffic_policy == {}
    assert found.versions["v2"].traffic_policy == {"tls": {"mode": "DISABLE"}}


@pytest.mark.parametrize("where", ["routing", "versions.v1"])
def test_a_load_balancer_beside_a_sticky_session_is_a_mistake(where: str) -> None:
    policy = {"trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}}
    sticky = {"stickySession": {"cookie": "seat"}}
    (mistake,) = (
        mistakes(routing=sticky | policy)
        if where == "routing"
        else mistakes(routing=sticky, versions__v1__trafficPolicy=policy["trafficPolicy"])
    )
    assert mistake.startswith(f"blue-green:{where}.trafficPolicy.loadBalancer: routing.stickySession is")


def test_an_idle_version_that_callers_inside_reach_unasked_is_warned_of() -> None:
    asked = {"readiness": {"path": "/"}}
    changes: dict[str, object] = {"weights": {"v1": 100}, "versions__v1__probes": asked}
    (warning,) = load(**changes).warnings
    assert warning.startswith("blue-green:versions.v2: callers inside the cluster without a sidecar reach v2")
    assert load(**changes, versions__v2__probes=asked).warnings == ()
    assert load(**changes, versions__v2__replicas=0).warnings == ()
    inside = {"hosts": ["shop.example"], "meshCallers": True}
    assert load(**changes, routing=inside).warnings == ()
