"""The mesh's settings by which the gateways' istiod does not see the app's objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..kubernetes import istio
from ..kubernetes.api import Api
from .control_plane import is_scoped, mesh_config
from .envoy import Target
from .finding import Finding, Grade, Link
from .pods import GatewayPod


def out_of_sight(api: Api, target: Target, pods: Iterable[GatewayPod]) -> tuple[Finding, ...]:
    """What hides the app from the istiod of each gateway. Raises GatewayError."""
    namespace = api.find(f"/api/v1/namespaces/{target.namespace}")
    service = api.find(istio.virtual_service(target.namespace, target.virtual_service))
    known = tuple(pods)
    found = [*_out_of_scope(api, target.namespace, known)]
    for pod in {(pod.control_plane, pod.revision): pod for pod in known}.values():
        selectors: list[Mapping[str, Any]] = mesh_config(api, pod).get("discoverySelectors") or []
        found += _not_discovered(target.namespace, _labels(namespace), selectors, pod)
        found += _other_revision(_labels(service).get("istio.io/rev"), pod)
    return tuple(found)


def hides_rules(api: Api, pods: Iterable[GatewayPod]) -> bool:
    """Whether a DestinationRule without exportTo stays in its own namespace (defaultDestinationRuleExportTo).

    Of the values of that setting Istio honours `.` and `*` alone. Raises GatewayError.
    """
    one_each = {(pod.control_plane, pod.revision): pod for pod in pods}.values()
    return any("." in (mesh_config(api, pod).get("defaultDestinationRuleExportTo") or ()) for pod in one_each)


def _not_discovered(
    namespace: str, labels: Mapping[str, str], selectors: list[Mapping[str, Any]], pod: GatewayPod
) -> Iterable[Finding]:
    """A finding where none of the selectors takes the namespace; by expressions none is decided here."""
    plain: list[Mapping[str, str]] = [one["matchLabels"] for one in selectors if list(one) == ["matchLabels"]]
    if not plain or len(plain) < len(selectors) or any(one.items() <= labels.items() for one in plain):
        return
    pairs = " ".join(f"{key}={value}" for key, value in plain[0].items())
    yield Finding(
        Link.HOST,
        f"the istiod of gateway {pod} does not watch the namespace {namespace}, "
        "which meshConfig.discoverySelectors does not select",
        f"kubectl label namespace {namespace} {pairs}",
        grade=Grade.BROKEN,
    )


def _out_of_scope(api: Api, namespace: str, pods: Iterable[GatewayPod]) -> Iterable[Finding]:
    """A finding where gateways of other namespaces never get the app's Gateway."""
    elsewhere = [pod for pod in pods if pod.serves and pod.namespace != namespace]
    for pod in {(pod.control_plane, pod.revision): pod for pod in elsewhere}.values():
        if is_scoped(api, pod):
            yield Finding(
                Link.HOST,
                f"the istiod of gateway {pod} gives each gateway the Gateways of its own namespace alone "
                f"(PILOT_SCOPE_GATEWAY_TO_NAMESPACE), and the stack's is in {namespace}",
                f"set routing.gatewaySelector to labels that gateways in {namespace} alone have: "
                f"kubectl -n {namespace} get pods --show-labels",
                grade=Grade.BROKEN,
            )


def _other_revision(revision: str | None, pod: GatewayPod) -> Iterable[Finding]:
    """A finding where the app's objects are marked for another istiod's revision alone."""
    if revision is None or revision == pod.revision:
        return
    yield Finding(
        Link.HOST,
        f"the app's objects have the label istio.io/rev={revision}, and gateway {pod} "
        f"is of revision {pod.revision}, whose istiod leaves them out",
        f"set istio.io/rev in app.labels to {pod.revision}, or take it out",
        grade=Grade.BROKEN,
    )


def _labels(item: Mapping[str, Any] | None) -> Mapping[str, str]:
    return (item["metadata"].get("labels") or {}) if item else {}
