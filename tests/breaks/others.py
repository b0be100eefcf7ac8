"""What other teams make beside the stack: what breaks serving is named with whose it is, and stays theirs.

Each `undo` is its owner's, and fails where anything of ours has taken the object away. The cluster's
network knows no NetworkPolicy: test_network.py does what one does.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.breaks.table import DRIFTED, FAILING, OTHERS, Break, Command

MESH = "istio-system"
GATEWAY = {"istio": "ingressgateway"}
OURS = "default/shop-gateway"
# Where a rule names no subset, both versions answer.
ROUTE = [{"destination": {"host": "shop.default.svc.cluster.local", "port": {"number": 80}}}]


def theirs(
    kind: str,
    spec: Mapping[str, Any],
    namespace: str = OTHERS,
    api: str = "networking/v1",
    name: str = "theirs",
) -> Mapping[str, Any]:
    group, version = api.split("/")
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": f"{group}.istio.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def gone(kind: str, namespace: str = OTHERS) -> tuple[Command, ...]:
    """What their owner types."""
    return (("-n", namespace, "delete", f"{kind}/theirs"),)


def virtual_service(host: str, prefix: str = "/") -> Mapping[str, Any]:
    rule = {"match": [{"uri": {"prefix": prefix}}], "route": ROUTE}
    return {"hosts": [host], "gateways": [OURS], "http": [rule]}


# Made before the stack: of two VirtualServices, Istio takes the older one's rules first.
OLDER = theirs("VirtualService", virtual_service("away.example"), name="older")
# And of two subsets of one name, the older rule's.
OLDER_RULE = theirs(
    "DestinationRule",
    {"host": "away", "subsets": [{"name": "v1", "labels": {"app": "shop"}}]},
    "default",
    name="older",
)
OLDER_NAME = "virtualservices.networking.istio.io/older"


def older(host: str, prefix: str = "/") -> Command:
    """The older VirtualService changes, whose host nobody asks for else."""
    patch = {"spec": virtual_service(host, prefix)}
    return ("-n", OTHERS, "patch", OLDER_NAME, "--type=merge", "-p", json.dumps(patch))


def older_rule(host: str) -> Command:
    """The older rule changes, for whose host there is no Service."""
    return ("patch", "destinationrule/older", "--type=merge", "-p", json.dumps({"spec": {"host": host}}))


# It serves as v1 does, so no request fails.
LABELLED: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "theirs",
        "namespace": "default",
        "labels": {"app": "shop", "version": "v2", "team": "others"},
    },
    "spec": {
        "containers": [
            {
                "name": "shop",
                "image": "janakiramm/myapp:v1",
                "ports": [{"name": "http", "containerPort": 80}],
            }
        ]
    },
}
BACK = (older("away.example"),)

OTHER_TEAMS = (
    Break(
        "an older VirtualService has our host",
        (older("shop.example"),),
        FAILING,
        r"gateway \S+ sends every request for host shop\.example, path / to the VirtualService others/older",
        undo=BACK,
    ),
    Break(
        "an older VirtualService has some of our paths",
        (older("shop.example", "/api/"),),
        names="path prefix /api/ to the VirtualService others/older",
        undo=BACK,
    ),
    Break(
        "a younger VirtualService has our host",
        (theirs("VirtualService", virtual_service("shop.example")),),
        undo=gone("virtualservices.networking.istio.io"),
    ),
    Break(
        "a younger VirtualService has some of our paths",
        (theirs("VirtualService", virtual_service("shop.example", "/api/")),),
        undo=gone("virtualservices.networking.istio.io"),
    ),
    Break(
        "a Gateway has our host",
        (
            theirs(
                "Gateway",
                {
                    "selector": GATEWAY,
                    "servers": [
                        {
                            "port": {"number": 80, "name": "http", "protocol": "HTTP"},
                            "hosts": ["shop.example"],
                        }
                    ],
                },
            ),
        ),
        undo=gone("gateways.networking.istio.io"),
    ),
    Break(
        "a pod has the labels of v2",
        (LABELLED,),
        DRIFTED,
        r"gateway \S+ sends requests of v2 to pod default/theirs, with its labels app=shop,version=v2, "
        "and not of Deployment shop-v2",
        undo=(("delete", "pod/theirs"),),
    ),
    Break(
        "an older DestinationRule has a subset of a version's name",
        (older_rule("shop"),),
        DRIFTED,
        "DestinationRule default/older has a subset v1 with other labels, and is older",
        undo=(older_rule("away"),),
    ),
    Break(
        "a DestinationRule for our host, as people write it",
        (theirs("DestinationRule", {"host": "shop"}, "default"),),
        undo=gone("destinationrules.networking.istio.io", "default"),
    ),
    Break(
        "a DestinationRule for our host, exported to another namespace",
        (theirs("DestinationRule", {"host": "shop", "exportTo": [MESH]}, "default"),),
        FAILING,
        "DestinationRule default/theirs is for the same host with exportTo",
        names="written by kubectl-create at 20",
        undo=gone("destinationrules.networking.istio.io", "default"),
    ),
    Break(
        "an EnvoyFilter answers for our routes",
        (
            theirs(
                "EnvoyFilter",
                {
                    "workloadSelector": {"labels": GATEWAY},
                    "configPatches": [
                        {
                            "applyTo": "HTTP_ROUTE",
                            "match": {"context": "GATEWAY"},
                            "patch": {"operation": "MERGE", "value": {"direct_response": {"status": 503}}},
                        }
                    ],
                },
                MESH,
                "networking/v1alpha3",
            ),
        ),
        FAILING,
        r"gateway \S+ has a directResponse on its route of the VirtualService",
        names="EnvoyFilter istio-system/theirs",
        undo=gone("envoyfilters.networking.istio.io", MESH),
    ),
    Break(
        "an AuthorizationPolicy refuses all at the gateway",
        (
            theirs(
                "AuthorizationPolicy",
                {"selector": {"matchLabels": GATEWAY}, "action": "DENY", "rules": [{}]},
                MESH,
                "security/v1",
            ),
        ),
        FAILING,
        r"60 of 60 requests failed: HTTP 403.*; the gateway answered itself; "
        "look at AuthorizationPolicy istio-system/theirs",
        undo=gone("authorizationpolicies.security.istio.io", MESH),
    ),
    Break(
        "a Sidecar for the app's namespace",
        (theirs("Sidecar", {"egress": [{"hosts": ["./*"]}]}, "default"),),
        undo=gone("sidecars.networking.istio.io", "default"),
    ),
    Break(
        "a PeerAuthentication for the app's namespace",
        (theirs("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, "default", "security/v1"),),
        undo=gone("peerauthentications.security.istio.io", "default"),
    ),
)
