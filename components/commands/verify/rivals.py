"""Which disruption budgets and autoscalers of others are for pods that have one of the stack's?"""

from collections.abc import Iterator, Mapping
from typing import Any

from ...observation.live import Live
from ...settings.model import Settings

_AUTOSCALER = "HorizontalPodAutoscaler"
_EFFECTS = {
    "PodDisruptionBudget": "Kubernetes evicts no pod of two, so their nodes cannot be drained",
    _AUTOSCALER: "of two, neither scales",
}


def rivals(settings: Settings, now: Live) -> Iterator[str]:
    """Yield a warning for each of them, with the line that deletes it.

    Of a pod with two budgets every eviction is refused (Kubernetes' documentation, "API-initiated Eviction");
    two autoscalers of the same pods both stop (its "Horizontal Pod Autoscaling", AmbiguousSelector).
    """
    deployments = {f"{settings.app.name}-{version}": version for version in settings.versions}
    for (kind, name), one in now.objects.items():
        if kind not in _EFFECTS or name in deployments:
            continue
        both = [
            version
            for deployment, version in deployments.items()
            if (kind, deployment) in now.objects and _is_for(kind, one, deployment, now)
        ]
        if both:
            what = f"{kind} {settings.app.namespace}/{name} is for the pods of {', '.join(both)}"
            delete = f"{now.kubectl} delete -n {settings.app.namespace} {kind.lower()}/{name}"
            yield (
                f"{what}, which have the stack's own: {_EFFECTS[kind]}. Where nothing else needs it: {delete}"
            )


def _is_for(kind: str, one: Mapping[str, Any], deployment: str, now: Live) -> bool:
    if kind == _AUTOSCALER:
        target = one["spec"]["scaleTargetRef"]
        return (target["kind"], target["name"]) == ("Deployment", deployment)
    live = now.objects.get(("Deployment", deployment))
    selector: Mapping[str, Any] | None = one["spec"].get("selector")
    return live is not None and _selects(selector, live["spec"]["template"]["metadata"]["labels"])


def _selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether pods with these labels are selected: an empty selector takes all, and no selector none."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(
        _meets(one, labels.get(one["key"])) for one in selector.get("matchExpressions") or ()
    )


def _meets(expression: Mapping[str, Any], value: str | None) -> bool:
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None
