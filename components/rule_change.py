"""While a version has traffic its rule leads to the same pods: another selection moves all of it, unasked.

Pulumi writes the rules before anybody asks whether the versions can take traffic, and the routes after that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.output import contains_unknowns

from .first_write import in_thread
from .hook_inputs import plain
from .kubernetes import istio, workloads
from .kubernetes.api import Api
from .kubernetes.kubeconfig import Kubeconfig
from .kubernetes.workloads import Workload
from .kubernetes.writers import last_writer
from .manifests import routes


class RuleKeptError(Exception):
    """A rule would lead a version's traffic elsewhere; it was not touched."""


def rule_change(
    name: str, kubeconfig: pulumi.Input[Kubeconfig], virtual_service: str
) -> pulumi.ResourceHookBinding:
    """Return the hook of the versions' rules, before each is written anew, in a preview too.

    It raises RuleKeptError.
    """
    known = pulumi.Output.from_input(kubeconfig)

    async def look(args: pulumi.ResourceHookArgs) -> None:
        old, new = await plain(args.old_inputs), await plain(args.new_inputs)
        if contains_unknowns(new) or _leads(old) == _leads(new):
            return
        reached = await known.future()
        if reached is not None:
            await in_thread(lambda: stay(reached, virtual_service, old, new))

    hook = pulumi.ResourceHook(f"{name} same pods", look, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_update=[hook])


def stay(
    kubeconfig: Kubeconfig, virtual_service: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """Looks whether a rule leads the traffic of now to the same ready pods as before.

    What others have changed by hand is put back. Raises RuleKeptError, GatewayError.
    """
    (host, labels), (new_host, new_labels) = _leads(old), _leads(new)
    namespace, version = new["metadata"]["namespace"], new["spec"]["subsets"][0]["name"]
    with Api(kubeconfig) as api:
        rule = api.find(istio.destination_rule(namespace, new["metadata"]["name"]))
        by = [last_writer(rule, ("spec", field)) for field in ("host", "subsets")] if rule else []
        if any(one is not None and not one.is_pulumi for one in by):
            return
        found = api.find(istio.virtual_service(namespace, virtual_service))
        share = _share(found["spec"], host, version) if found else 0
        if not share:
            return
        if host != new_host:
            raise RuleKeptError(
                f"{version} has {share} % of the traffic, by the Service {host}, and its rule would lead to "
                f"{new_host} before the routes do. It was not touched.\n  The Service cannot be another one "
                "under traffic: set app.service back, or give the new one a stack and hosts of its own."
            )
        service = api.find(f"/api/v1/namespaces/{namespace}/services/{host}") or {"spec": {}}
        common: Mapping[str, str] = service["spec"].get("selector") or {}
        of = {"old": labels, "new": new_labels}
        selected = {one: Workload("", "", {**common, **each}, "") for one, each in of.items()}
        pods = workloads.addresses(api, namespace, selected)
    if pods["old"] and pods["old"] != pods["new"]:
        raise RuleKeptError(
            f"{version} has {share} % of the traffic, and its rule would lead it from the pods with "
            f"{workloads.selector(labels)} to those with {workloads.selector(new_labels)}, all at once. "
            f"It was not touched.\n  Set versions.{version} back, and add those pods as a version of another "
            f"name; move the traffic there, then take {version} out: docs/workloads.md."
        )


def _leads(rule: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """The host and the labels of a rule's only subset; nothing where somebody took them out."""
    subsets: Sequence[Mapping[str, Any]] = rule["spec"].get("subsets") or ()
    return rule["spec"].get("host", ""), (subsets[0].get("labels") if subsets else None) or {}


def _share(spec: Mapping[str, Any], host: str, version: str) -> int:
    """The percentage of the split that a version has now by this host."""
    reached = {
        (one["destination"]["host"], one["destination"].get("subset"))
        for rule in spec.get("http") or ()
        for one in rule.get("route") or ()
    }
    return routes.split(spec).get(version, 0) if (host, version) in reached else 0
