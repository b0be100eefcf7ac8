"""What the stack config says: the one model of its checks, its messages, its schema and its reference.

Frozen, and complete with every default; a file for each section of the config. A field is a key, in
camelCase there; its annotation has its form and what the reference says of it.
"""

from .app import App, Port
from .cluster import KubeconfigCluster, MinikubeCluster, MinikubeProgram
from .convergence import Convergence
from .istio import GATEWAY_PORTS, IngressGateway, Istio
from .routing import GRPC_HEALTH, Check, Mirror, RequestMark, Retries, Routing, StickySession, StickyVersion
from .settings import Settings
from .version import (
    Autoscaling,
    ConfigMapKey,
    Content,
    ExistingWorkload,
    Grpc,
    Probe,
    Probes,
    Resources,
    SecretKey,
    Subset,
    Version,
)

__all__ = [
    "GATEWAY_PORTS",
    "GRPC_HEALTH",
    "App",
    "Autoscaling",
    "Check",
    "ConfigMapKey",
    "Content",
    "Convergence",
    "ExistingWorkload",
    "Grpc",
    "IngressGateway",
    "Istio",
    "KubeconfigCluster",
    "MinikubeCluster",
    "MinikubeProgram",
    "Mirror",
    "Port",
    "Probe",
    "Probes",
    "RequestMark",
    "Resources",
    "Retries",
    "Routing",
    "SecretKey",
    "Settings",
    "StickySession",
    "StickyVersion",
    "Subset",
    "Version",
]
