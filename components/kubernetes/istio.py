"""Where the API server has Istio's objects."""

GROUP = "/apis/networking.istio.io/v1"


def virtual_service(namespace: str, name: str) -> str:
    """The path of a VirtualService."""
    return f"{GROUP}/namespaces/{namespace}/virtualservices/{name}"


def gateway(namespace: str, named: str) -> str:
    """The path of a Gateway, as a VirtualService in this namespace names it: `[NAMESPACE/]NAME`."""
    elsewhere, _, name = named.rpartition("/")
    return f"{GROUP}/namespaces/{elsewhere or namespace}/gateways/{name}"


def destination_rule(namespace: str, name: str) -> str:
    """Return the path of a DestinationRule."""
    return f"{GROUP}/namespaces/{namespace}/destinationrules/{name}"


def envoy_filters(namespace: str) -> str:
    """The path of a namespace's EnvoyFilters."""
    return f"/apis/networking.istio.io/v1alpha3/namespaces/{namespace}/envoyfilters"
