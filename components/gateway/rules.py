"""The DestinationRules because of which a gateway lacks the cluster of a version, or has another one."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..kubernetes import istio
from ..kubernetes.api import Api
from ..kubernetes.writers import writer
from .envoy import Target
from .finding import REFRESH, Finding, Grade, Link
from .pods import GatewayPod

# The two that rules of ours have: none of its own, and all namespaces.
NONE, ALL = (), ("*",)


def in_the_way(
    api: Api, target: Target, versions: Iterable[str], pods: Iterable[GatewayPod]
) -> tuple[Finding, ...]:
    """Rules of somebody else's that these gateways take, and our own that are not there.

    Raises GatewayError.
    """
    names = {f"{target.virtual_service}-{version}" for version in versions}
    own: dict[str, Mapping[str, Any]] = {}
    others: list[Mapping[str, Any]] = []
    for item in api.get(f"{istio.GROUP}/destinationrules")["items"]:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        if namespace == target.namespace and name in names:
            own[name] = item
        elif is_for(item, target) or _covers(item, target):
            others.append(item)
    gateways = {(pod.namespace, pod.control_plane) for pod in pods}
    ours = next((found for one in own.values() if (found := export(one)) in {NONE, ALL}), NONE)
    return (
        *(_first(item) for item in others if _hides(item, target, gateways)),
        *(_foreign(item, ours) for item in others if export(item) != ours and _joins(item, target, gateways)),
        *(_apart(item, ours) for item in own.values() if export(item) != ours),
        *(
            _doubled(item, subset["name"])
            for item in others
            if export(item) == ours and _joins(item, target, gateways)
            for subset in item["spec"].get("subsets") or ()
            if _is_taken_before(item, subset, own.get(f"{target.virtual_service}-{subset['name']}"))
        ),
        *(
            Finding(
                Link.RULE,
                f"DestinationRule {target.namespace}/{name} is not there",
                REFRESH,
                grade=Grade.BROKEN,
            )
            for name in sorted(names - own.keys())
        ),
    )


def of_namespace(api: Api, target: Target) -> list[Mapping[str, Any]]:
    """The rules for the split's host in the app's namespace: what Istio may merge. Raises GatewayError."""
    found = api.find(f"{istio.GROUP}/namespaces/{target.namespace}/destinationrules") or {"items": []}
    return [item for item in found["items"] if is_for(item, target)]


def export(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The rule's exportTo.

    Istio merges the rules of a host only where it is the same, none not being the same as all; of what it
    does not merge, the youngest alone holds (istio/istio, pilot/pkg/model/destination_rule.go).
    """
    return tuple(item["spec"].get("exportTo") or ())


def _hides(item: Mapping[str, Any], target: Target, gateways: Iterable[tuple[str, str]]) -> bool:
    """Whether a rule stands in a gateway's own namespace, where Istio looks first.

    There the root namespace, which is istiod's unless the mesh says otherwise, counts with what is for itself
    alone (istio/istio, pilot/pkg/model/push_context.go, destinationRule).
    """
    own, to = item["metadata"]["namespace"], _reach(item)
    roots = [root for namespace, root in gateways if namespace == own != target.namespace]
    return any(to == {own} if root == own else bool(to & {"*", own}) for root in roots)


def _joins(item: Mapping[str, Any], target: Target, gateways: Iterable[tuple[str, str]]) -> bool:
    """Whether a rule stands in the app's namespace, where Istio looks next, and is exported to a gateway.

    One for some pods alone leaves the others what they have.
    """
    namespaces = {namespace for namespace, _ in gateways}
    of_app = item["metadata"]["namespace"] == target.namespace and is_for(item, target)
    return of_app and not _is_for_some_pods(item) and bool(_reach(item) & {"*", *namespaces})


def _is_for_some_pods(item: Mapping[str, Any]) -> bool:
    return "workloadSelector" in item["spec"]


def _reach(item: Mapping[str, Any]) -> set[str]:
    """The namespaces that a rule is exported to; `*` is all.

    One for some pods alone stays in its own, whatever it says; where Istio looks there first, it looks no
    further for the other pods either (istio/istio, pilot/pkg/model/push_context.go, setDestinationRules).
    """
    own = item["metadata"]["namespace"]
    if _is_for_some_pods(item):
        return {own}
    return {own if one == "." else one for one in export(item)} or {"*"}


def _covers(item: Mapping[str, Any], target: Target) -> bool:
    """Whether a rule is for the split's host by a wildcard."""
    host: str = item["spec"]["host"]
    full = f"{target.host}.{target.namespace}.svc.cluster.local"
    return host.startswith("*") and full.endswith(host[1:])


def _first(item: Mapping[str, Any]) -> Finding:
    cause = (
        f"is for {item['spec']['host']} in the gateways' own namespace, where Istio looks first, and the "
        "gateways lose the versions' clusters"
    )
    return _theirs(item, cause, "", "exportTo")


def _theirs(item: Mapping[str, Any], cause: str, instead: str, field: str) -> Finding:
    """A rule of somebody else's: what it does, what helps instead of its deletion, and whose it is."""
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    return Finding(
        Link.RULE,
        f"DestinationRule {namespace}/{name} {cause}",
        f"kubectl -n {namespace} delete destinationrule {name}{instead}",
        writer(item, field) or writer(item, "host"),
        Grade.BROKEN,
    )


def _foreign(item: Mapping[str, Any], ours: tuple[str, ...]) -> Finding:
    other = f"write into its spec: exportTo: {json.dumps(ours)}" if ours else "take exportTo out of it"
    cause = (
        f"is for the same host with {_shown(export(item))}, so Istio does not merge it with the versions' "
        f"rules, which have {_shown(ours)}, and the gateways lose the versions' clusters"
    )
    return _theirs(item, cause, f", or {other}", "exportTo")


def _apart(item: Mapping[str, Any], ours: tuple[str, ...]) -> Finding:
    """One of ours that somebody gave another exportTo than the others have."""
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    change = {"op": "replace", "value": ours} if ours else {"op": "remove"}
    patch = json.dumps([{**change, "path": "/spec/exportTo"}])
    return Finding(
        Link.RULE,
        f"DestinationRule {namespace}/{name} has {_shown(export(item))}, and is to have {_shown(ours)}",
        f"kubectl -n {namespace} patch destinationrule {name} --type=json -p '{patch}'",
        writer(item, "exportTo"),
        Grade.BROKEN,
    )


def _is_taken_before(
    item: Mapping[str, Any], subset: Mapping[str, Any], own: Mapping[str, Any] | None
) -> bool:
    """Whether a subset has the name of a version, other labels, and stands in an older rule.

    Of two subsets of one name Istio keeps the one of the older rule (istio/istio,
    pilot/pkg/model/destination_rule.go), and of two rules of one second the one whose name comes first.
    """
    if own is None:
        return False
    labels = [one.get("labels") for one in own["spec"].get("subsets") or () if one["name"] == subset["name"]]
    return subset.get("labels") not in labels and _age(item) < _age(own)


def _age(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"]["creationTimestamp"], item["metadata"]["name"]


def _doubled(item: Mapping[str, Any], version: str) -> Finding:
    cause = (
        f"has a subset {version} with other labels, and is older than the version's own rule: of two subsets "
        "of one name Istio takes the older rule's"
    )
    return _theirs(item, cause, f", or take the subset {version} out of it", "subsets")


def _shown(exported: tuple[str, ...]) -> str:
    return f"exportTo {json.dumps(exported)}" if exported else "no exportTo"


def is_for(item: Mapping[str, Any], target: Target) -> bool:
    """Whether a rule is for the split's host; a name without a dot is of the rule's namespace."""
    host: str = item["spec"]["host"]
    full = host if "." in host else f"{host}.{item['metadata']['namespace']}.svc."
    return full.startswith(f"{target.host}.{target.namespace}.svc.")
