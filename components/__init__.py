"""The product: Pulumi components, what they stand on, and the commands.

A program imports the components from here; each is loaded when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from . import collector

if TYPE_CHECKING:
    from .application import Application as Application
    from .arguments import BlueGreenArgs as BlueGreenArgs
    from .blue_green import BlueGreen as BlueGreen
    from .istio import Istio as Istio
    from .minikube import Minikube as Minikube
    from .traffic_split import TrafficSplit as TrafficSplit
    from .traffic_split import TrafficSplitArgs as TrafficSplitArgs

# In a program of somebody else's the package is called blue_green, and the collector is theirs. In our own
# it has to be now: 40 ms of each `up` are looks through Pulumi's SDK while the rest is imported.
if __name__ == "components":
    collector.leave_out()

_MODULES = {
    "Application": "application",
    "BlueGreen": "blue_green",
    "BlueGreenArgs": "arguments",
    "Istio": "istio",
    "Minikube": "minikube",
    "TrafficSplit": "traffic_split",
    "TrafficSplitArgs": "traffic_split",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
