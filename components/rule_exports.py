"""Whom the versions' DestinationRules are exported to: by what they have, Istio merges others' with them.

A rule without exportTo is what people write, so ours have none either. They say `*` where the mesh's default
would keep them from the gateways, and where somebody else's rule for the host says it already.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi

from . import first_write, later
from .gateway import mesh, rules
from .gateway.envoy import Target
from .gateway.pods import gateway_pods
from .kubernetes import istio
from .kubernetes.api import Api
from .kubernetes.applied import write
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .manifests.manifest import Manifest
from .ownership import stack_of, this_stack
from .rule_change import rule_change
from .settings.model import App, Routing

_Item = Mapping[str, Any]


class RuleExports:
    """The exportTo of the versions' rules; `after` is known once the mesh is there."""

    def __init__(
        self,
        name: str,
        kubeconfig: pulumi.Input[Kubeconfig],
        app: App,
        routing: Routing,
        versions: Iterable[str],
        after: pulumi.Input[object],
    ) -> None:
        where = later.filled([app.namespace, app.name, app.host])
        # A preview asks what is there now.
        wait = None if pulumi.runtime.is_dry_run() else after
        self._where = pulumi.Output.all(
            kubeconfig, dict(later.filled(routing.gateway_selector)), *where, wait
        )
        self._names = {f"{app.name}-{version}" for version in versions}
        self._exported = pulumi.Output.from_input(self._read())
        self._name = name
        self._kubeconfig, self._app = kubeconfig, app.name
        self._hooks: pulumi.ResourceHookBinding | None = None

    def of(self, rule: Manifest) -> Manifest:
        """The rule with its exportTo, if it needs one."""
        spec = later.filled(rule["spec"])
        return {
            **rule,
            "spec": self._exported.apply(lambda to: {**spec, "exportTo": list(to)} if to else spec),
        }

    def hooks(self) -> pulumi.ResourceHookBinding:
        """The hooks of every rule: it keeps its pods, and whichever is written first, all agree before it."""
        if self._hooks is None:
            keeps = rule_change(self._name, self._kubeconfig, self._app)
            agree = first_write.before(f"{self._name} rules agree", self._move)
            self._hooks = pulumi.ResourceHookBinding.merge(keeps, agree)
        return self._hooks

    async def _read(self) -> tuple[str, ...]:
        known = await self._where.future()
        # Before there is a cluster, a preview knows no kubeconfig.
        if known is None:
            return rules.NONE
        kubeconfig, selector, namespace, name, host, _ = known
        target = Target(namespace, name, host)
        own = self._own()
        return await first_write.in_thread(lambda: exported(kubeconfig, selector, target, own))

    async def _move(self) -> None:
        known, to = await self._where.future(), await self._exported.future()
        if known is not None and not pulumi.runtime.is_dry_run():
            kubeconfig, _, namespace, name, host, _ = known
            target, own = Target(namespace, name, host), self._own()
            await first_write.in_thread(lambda: agree(kubeconfig, target, own, to or rules.NONE))

    def _own(self) -> Callable[[_Item], bool]:
        """Whether a rule is the stack's; those of the first releases have no mark."""
        stack = this_stack()
        return lambda item: (
            stack_of(item) == stack or (stack_of(item) is None and item["metadata"]["name"] in self._names)
        )


def exported(
    kubeconfig: Kubeconfig, selector: Mapping[str, str], target: Target, own: Callable[[_Item], bool]
) -> tuple[str, ...]:
    """What the stack's rules are to have.

    Where the mesh may not be asked that is what they have, and at first `*`, which hides them in no mesh.
    """
    known = rules.ALL
    try:
        with Api(kubeconfig) as api:
            items = rules.of_namespace(api, target)
            if any(rules.export(item) == rules.ALL for item in items if not own(item)):
                return rules.ALL
            have = [rules.export(item) for item in items if own(item)]
            known = next((one for one in have if one == rules.NONE), known)
            return rules.ALL if mesh.hides_rules(api, gateway_pods(api, selector)) else rules.NONE
    except GatewayError:
        return known


def agree(
    kubeconfig: Kubeconfig, target: Target, own: Callable[[_Item], bool], exported: tuple[str, ...]
) -> None:
    """Gives all rules of the stack that are there the same exportTo, with no moment without a subset.

    Of rules that differ the gateways see some alone, so each has the subsets of all while they change.
    Raises GatewayError.
    """
    with Api(kubeconfig) as api:
        items = [item for item in rules.of_namespace(api, target) if own(item)]
        if all(rules.export(item) == exported for item in items):
            return
        subsets = [subset for item in items for subset in item["spec"]["subsets"]]
        for item in items:
            # The first of two with one name holds: its own.
            others = [subset for subset in subsets if subset not in item["spec"]["subsets"]]
            _write(api, item, [*item["spec"]["subsets"], *others], rules.export(item))
        for item in items:
            others = [subset for subset in subsets if subset not in item["spec"]["subsets"]]
            _write(api, item, [*item["spec"]["subsets"], *others], exported)
        for item in items:
            _write(api, item, item["spec"]["subsets"], exported)


def _write(api: Api, item: _Item, subsets: list[object], exported: tuple[str, ...]) -> None:
    metadata = item["metadata"]
    path = istio.destination_rule(metadata["namespace"], metadata["name"])
    write(api, path, item, host=item["spec"]["host"], subsets=subsets, exportTo=exported or None)
