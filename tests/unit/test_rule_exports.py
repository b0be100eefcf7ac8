"""The exportTo of the versions' rules: as others have it, and changed with no moment without a subset."""

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any, Self

import pytest

from components import rule_exports
from components.gateway import mesh, rules
from components.gateway.envoy import Target
from components.kubernetes.errors import GatewayError

TARGET = Target("default", "shop", "shop")
LIST = "/apis/networking.istio.io/v1/namespaces/default/destinationrules"


def rule(name: str, exported: Sequence[str] = (), version: str | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"host": "shop"}
    if version is not None:
        spec["subsets"] = [{"name": version, "labels": {"version": version}}]
    if exported:
        spec["exportTo"] = list(exported)
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": metadata,
        "spec": spec,
    }


class Cluster:
    """The rules that are there, the oldest first, and what a gateway saw of them after each write."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = {item["metadata"]["name"]: item for item in items}
        self.seen: list[set[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find(self, path: str) -> Mapping[str, Any]:
        assert path == LIST
        return {"items": list(self.items.values())}

    def apply(self, path: str, manifest: dict[str, Any], manager: str) -> None:
        assert manager == "pulumi-kubernetes"
        self.items[path.removeprefix(f"{LIST}/")] = manifest
        self.seen.append(self.subsets())

    def subsets(self) -> set[str]:
        """Those of the rules that merge with one another; of several such sets, the one that began last."""
        sets: dict[tuple[str, ...], set[str]] = {}
        for item in self.items.values():
            names = {one["name"] for one in item["spec"].get("subsets") or ()}
            sets.setdefault(rules.export(item), set()).update(names)
        return list(sets.values())[-1]


def use(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    def api(_kubeconfig: object) -> Cluster:
        return cluster

    monkeypatch.setattr(rule_exports, "Api", api)


def ours(item: Mapping[str, Any]) -> bool:
    return item["metadata"]["name"].startswith("shop-")


@pytest.mark.parametrize(("before", "after"), [(rules.ALL, rules.NONE), (rules.NONE, rules.ALL)])
def test_rules_that_change_leave_no_moment_without_a_subset(
    monkeypatch: pytest.MonkeyPatch, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    own = [rule(f"shop-v{number}", before, f"v{number}") for number in (1, 2, 3)]
    # Somebody else's, older than ours, among them and younger, merges with what ours are to have.
    for place in range(4):
        for items in permutations(own):
            cluster = Cluster(*items[:place], rule("theirs", after), *items[place:])
            use(monkeypatch, cluster)
            rule_exports.agree("", TARGET, ours, after)
            whole = {"v1", "v2", "v3"}
            # One that is younger than our oldest had taken all away before.
            late = place > 0
            assert all(seen == whole or (late and seen == set()) for seen in cluster.seen)
            assert cluster.seen[-1] == whole
            now = {name: item["spec"] for name, item in cluster.items.items() if name != "theirs"}
            assert {name: [one["name"] for one in spec["subsets"]] for name, spec in now.items()} == {
                "shop-v1": ["v1"], "shop-v2": ["v2"], "shop-v3": ["v3"],
            }  # fmt: skip
            assert {rules.export(cluster.items[name]) for name in now} == {after}


def test_rules_that_agree_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(rule("shop-v1", version="v1"), rule("theirs", rules.ALL))
    use(monkeypatch, cluster)
    rule_exports.agree("", TARGET, ours, rules.NONE)
    assert cluster.seen == []


@pytest.mark.parametrize(
    ("others", "hidden", "wanted"),
    [
        ([], False, rules.NONE),
        ([], True, rules.ALL),
        ([rule("theirs")], False, rules.NONE),
        ([rule("theirs", rules.ALL)], False, rules.ALL),
        ([rule("theirs", ("istio-system",))], False, rules.NONE),
        # What the stack itself still has from before is no reason.
        ([rule("shop-v1", rules.ALL, "v1")], False, rules.NONE),
    ],
)
def test_rules_have_no_export_to_unless_the_mesh_or_anothers_rule_needs_it(
    monkeypatch: pytest.MonkeyPatch, others: list[dict[str, Any]], *, hidden: bool, wanted: tuple[str, ...]
) -> None:
    use(monkeypatch, Cluster(*others))

    def no_pods(*_: object) -> tuple[()]:
        return ()

    def hides(*_: object) -> bool:
        return hidden

    monkeypatch.setattr(rule_exports, "gateway_pods", no_pods)
    monkeypatch.setattr(mesh, "hides_rules", hides)
    assert rule_exports.exported("", {}, TARGET, ours) == wanted


@pytest.mark.parametrize("have", [rules.NONE, rules.ALL])
def test_who_may_not_ask_the_mesh_leaves_the_rules_as_they_are_and_new_ones_are_hidden_by_no_mesh(
    monkeypatch: pytest.MonkeyPatch, have: tuple[str, ...]
) -> None:
    def forbidden(*_: object) -> None:
        raise GatewayError("pods is forbidden")

    monkeypatch.setattr(rule_exports, "gateway_pods", forbidden)
    use(monkeypatch, Cluster())
    assert rule_exports.exported("", {}, TARGET, ours) == rules.ALL
    use(monkeypatch, Cluster(rule("shop-v1", have, "v1")))
    assert rule_exports.exported("", {}, TARGET, ours) == have
