"""The DestinationRules because of which a gateway lacks the cluster of a version."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.writers import writer
from .envoy import Target
from .finding import REFRESH, Finding, Grade, Link

# What our own rules have. Istio merges with them what has just the same: none is not the same as all.
_OURS = ["*"]


def in_the_way(api: Api, target: Target, versions: Iterable[str]) -> tuple[Finding, ...]:
    """Rules of somebody else's for the split's host, and our own that are not there. Raises GatewayError."""
    items: list[Mapping[str, Any]] = api.get("/apis/networking.istio.io/v1/destinationrules")["items"]
    found: list[Finding] = []
    own = {f"{target.virtual_service}-{version}" for version in versions}
    for item in items:
        namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
        if namespace == target.namespace and name in own:
            own.remove(name)
        elif is_for(item, target) and item["spec"].get("exportTo") != _OURS:
            found.append(_foreign(item))
    return (
        *found,
        *(
            Finding(
                Link.RULE,
                f"DestinationRule {target.namespace}/{name} is not there",
                REFRESH,
                grade=Grade.BROKEN,
            )
            for name in sorted(own)
        ),
    )


def _foreign(item: Mapping[str, Any]) -> Finding:
    """Istio merges the rules of a host only where their exportTo agree; else one of them alone holds."""
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    export = (
        f"exportTo {json.dumps(item['spec']['exportTo'])}" if item["spec"].get("exportTo") else "no exportTo"
    )
    return Finding(
        Link.RULE,
        f"DestinationRule {namespace}/{name} is for the same host with {export}, so Istio does not merge it "
        "with the versions' rules, and the gateways lose the versions' clusters",
        f"kubectl -n {namespace} delete destinationrule {name}, or write into its spec: "
        f"exportTo: {json.dumps(_OURS)}",
        writer(item, "exportTo") or writer(item, "host"),
        Grade.BROKEN,
    )


def is_for(item: Mapping[str, Any], target: Target) -> bool:
    """Whether a rule is for the split's host; a name without a dot is of the rule's namespace."""
    host: str = item["spec"]["host"]
    full = host if "." in host else f"{host}.{item['metadata']['namespace']}.svc."
    return full.startswith(f"{target.host}.{target.namespace}.svc.")
