"""Each documented right taken away by itself: a sentence names it. Nothing else is documented."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from harness.labs import ROOT, Lab, Program
from harness.pace import pace
from tests.lab.observe import scale, wait
from tests.lab.shop import ROUTING, TARGET, existing_cluster, second_stack

ROLE, USER = "blue-green-less", "less"
# Who binds what, by the file that a right is taken away from.
BOUND = {
    "verify": ("verify",),
    "up": ("verify", "up"),
    "requests": ("requests", "up"),
    "preview": ("verify", "preview"),
    "sticky-version": ("verify", "up", "sticky-version"),
}
READY = {"readiness": {"path": "/", "periodSeconds": 1}}
STATEFUL = {"workload": {"kind": "StatefulSet", "name": "theirs"}}
TWO: Mapping[str, Any] = {
    "v1": {"image": "janakiramm/myapp:v1", "replicas": 2, "probes": READY},
    "v2": {"image": "janakiramm/myapp:v2", "replicas": 2, "probes": READY},
}
# By resource, the key of a version that makes one, and what it has there.
OF_KEYS: Mapping[str, Mapping[str, Any]] = {
    "configmaps": {"files": {"/etc/shop.conf": "one"}},
    "horizontalpodautoscalers": {"autoscaling": {"min": 2, "max": 3, "cpu": 80}},
}
FILTER = "envoyfilters.networking.istio.io"
STICKY: Mapping[str, Any] = {
    "routing": ROUTING | {"stickyVersion": {"header": "x-user"}},
    "weights": {"v1": 60, "v2": 40},
}
CONVERGENCE = {"timeoutSeconds": round(20 * pace()), "drainSeconds": 1}


class Right(NamedTuple):
    """One verb on one resource, in one of the files."""

    file: str
    group: str
    resource: str
    verb: str


def documented(file: str) -> Iterator[Right]:
    """The rights that a file has."""
    rules: list[Mapping[str, Any]] = yaml.safe_load((ROOT / f"docs/rights/{file}.yaml").read_text())["rules"]
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from (Right(file, group, resource, verb) for verb in rule["verbs"])


RIGHTS = [right for file in BOUND for right in documented(file)]


@dataclass(frozen=True)
class User:
    """A service account with one role, whose rules are replaced."""

    program: Program
    kubeconfig: Path

    def may(self, rights: Iterable[Right]) -> None:
        """It has these rights alone."""
        rules = [
            {"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]} for one in rights
        ]
        change = json.dumps([{"op": "replace", "path": "/rules", "value": rules}])
        self.program.kubectl("patch", "clusterrole", ROLE, "--type=json", "-p", change)

    def can(self, right: Right) -> bool:
        """Whether the API server grants it the right already, or still."""
        kind, _, part = right.resource.partition("/")
        what = f"{kind}.{right.group}" if right.group else kind
        options = (
            "-A",
            f"--as=system:serviceaccount:default:{USER}",
            *([f"--subresource={part}"] if part else []),
        )
        said = self.program.kubectl("auth", "can-i", right.verb, what, *options, check=False).stdout
        return said.startswith("yes")


@pytest.fixture(scope="module")
def user(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    program.kubectl("create", "serviceaccount", USER)
    program.kubectl("create", "clusterrole", ROLE, "--verb=get", "--resource=pods")
    program.kubectl(
        "create", "clusterrolebinding", ROLE, f"--clusterrole={ROLE}", f"--serviceaccount=default:{USER}"
    )
    view = program.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout
    config: dict[str, Any] = json.loads(view)
    token = program.kubectl("create", "token", USER, "--duration=6h").stdout
    config["users"][0]["user"] = {"token": token}
    path = tmp_path_factory.mktemp("user") / "kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    yield User(program, path)
    program.kubectl("delete", f"serviceaccount/{USER}", f"clusterrole/{ROLE}", f"clusterrolebinding/{ROLE}")


@pytest.fixture(scope="module")
def theirs(program: Program) -> Iterator[None]:
    """A StatefulSet that somebody else has: its version has no traffic and no pods."""
    labels = {"app": "shop", "part": "theirs"}
    container = {"name": "web", "image": "janakiramm/myapp:v1", "ports": [{"containerPort": 80}]}
    spec = {
        "replicas": 0,
        "serviceName": "theirs",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "theirs"}, "spec": spec}
    with program.applied(made):
        yield


@pytest.fixture(scope="module")
def shop(program: Program, lab: Lab, user: User) -> Iterator[Program]:
    """A stack whose user is the one with few rights."""
    with second_stack(program, lab, "less") as made:
        made.config(cluster=existing_cluster(program, str(user.kubeconfig)))
        user.may({*documented("verify"), *documented("up")})
        yield made
        user.may(right for name in BOUND if name != "preview" for right in documented(name))


def whole(shop: Program, user: User, file: str, **values: object) -> None:
    """The stack as its config says, by all the rights of those who bind the file."""
    alone = {"evidence": "requests"} if file == "requests" else {}
    base = {"app": {"name": "shop"}, "versions": TWO, "weights": {"v1": 100}, "routing": ROUTING}
    if file == "sticky-version":
        base |= STICKY
    shop.config(**base | {"convergence": CONVERGENCE | alone} | values)
    user.may({right for name in ("up", "sticky-version", *BOUND[file]) for right in documented(name)})
    shop.up("--skip-preview")


def reads(right: Right) -> bool:
    """Whether a command that only reads meets it."""
    return (
        right.file in {"verify", "preview"}
        or (right.file == "requests" and right.verb == "list")
        or right.resource == "statefulsets"
    )


def command(shop: Program, right: Right) -> tuple[str, ...]:
    """Brings about what needs the right, and returns what meets it."""
    up = ("pulumi", "up", "--yes", "--non-interactive", "--skip-preview")
    if right.file == "preview":
        return ("python", "-m", "rollout", "preview")
    if reads(right):
        if right.resource in {"configmaps", "namespaces"}:
            # The mesh's settings are asked for where a gateway knows no route of the app.
            shop.kubectl("delete", "virtualservice", "shop")
        elif (right.resource, right.verb) == ("deployments", "get"):
            # A version's own Deployment is asked for where a gateway has no endpoint of it.
            scale(shop, "v1", 0, TARGET)
        return ("python", "-m", "rollout", "verify")
    kind = f"{right.resource}.{right.group}" if right.group else right.resource
    if (right.resource, right.verb) == ("configmaps", "create"):
        shop.config(versions={**TWO, "v2": TWO["v2"] | {"files": {"/etc/shop.conf": "two"}}})
    elif right.verb == "create" or (kind, right.verb) == (FILTER, "list"):
        name = {"gateways": "shop-gateway", "services": "shop", "virtualservices": "shop"}
        where = ("-n", "istio-system", "--all") if kind == FILTER else (name.get(right.resource, "shop-v2"),)
        shop.kubectl("delete", kind, *where, "--wait")
    elif right.verb == "patch":
        shop.config(app={"name": "shop", "labels": {"team": "web"}})
    elif right.verb == "delete":
        if right.resource in {"virtualservices", "gateways", "services"}:
            return ("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview")
        # Of one version alone no user has to be kept.
        gone: Mapping[str, Any] = (
            {"weights": {"v1": 100}} if kind == FILTER else {"versions": {"v1": TWO["v1"]}}
        )
        shop.config(**gone)
    else:
        shop.config(weights={"v1": 50, "v2": 50})
    return up


def met_by(right: Right) -> Mapping[str, Any]:
    """The versions of a stack that needs the right."""
    v2: dict[str, Any] = {**TWO["v2"], **OF_KEYS.get(right.resource, {})}
    if "autoscaling" in v2:
        del v2["replicas"]
    if not reads(right):
        return {**TWO, "v2": v2}
    # Whoever reads meets what has no pods: a version of the stack's own, and somebody else's.
    emptied = TWO["v2"] | {"replicas": 0}
    return {**TWO, **({"v2": v2} if right.resource in OF_KEYS else {}), "v3": STATEFUL, "v4": emptied}


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: "-".join(right).replace("/", "."))
def test_a_right_that_is_missing_is_named(user: User, shop: Program, right: Right) -> None:
    whole(shop, user, right.file, versions=met_by(right))
    typed = command(shop, right)
    bound = {one for name in BOUND[right.file] for one in documented(name)}
    user.may(one for one in bound if one[1:] != right[1:])
    wait(lambda: not user.can(right), f"{right} is taken away")
    done = shop.run(*typed, check=False)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    kind = right.resource.partition("/")[0]
    refused = ("forbidden", "Add this rule")
    named = [line for line in said.splitlines() if kind in line and any(word in line for word in refused)]
    assert named, f"{' '.join(typed)} exited {done.returncode}:\n{said}"
