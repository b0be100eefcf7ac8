"""The remote components; their schema is Pulumi's own reading of the types and docstrings."""

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args, get_origin, is_typeddict

from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider

from ..arguments import of_section
from ..blue_green import BlueGreen
from ..gateway import waiting
from ..settings.forms import camel
from ..settings.written import whole
from ..version import VERSION
from .parts import Application, Istio, Minikube, TrafficSplit

COMPONENTS = (Application, BlueGreen, Istio, Minikube, TrafficSplit)
# What the package's pages say of it, in every language's registry.
_ABOUT = {
    "description": "Moves live traffic between versions of an app on Istio.",
    "license": "Apache-2.0",
    "keywords": ["pulumi", "category/infrastructure", "kind/component", "istio", "blue-green"],
    # Else the SDK for Go has no module file, and imports itself by a name that it has not.
    "meta": {"supportPack": True},
}


class Components(ComponentProvider):
    """Constructs them for the engine."""

    def __init__(self) -> None:
        super().__init__([*COMPONENTS], "blue-green", version=VERSION)
        self.schema = json.dumps(_described(json.loads(self.schema or "{}")))

    def map_inputs(self, inputs: Any, component_def: ComponentDefinition) -> Any:
        """The arguments as Python has them; Pulumi's own mapping leaves out misspelt ones unseen."""
        (component,) = (one for one in COMPONENTS if one.__name__ == component_def.name)
        return given(inputs, inspect.get_annotations(component.__init__)["args"])

    def cancel(self) -> None:
        """Ends every wait: somebody has pressed Ctrl-C."""
        waiting.INTERRUPTED.set()


def given(value: Any, hint: Any) -> Any:
    """An argument of the type `hint` as Python would give it: its names, and whole numbers as such."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value)
        if is_typeddict(hint):
            hints = of_section(hint)
            names = {camel(name): name for name in hints}
            known = {key: names.get(key, key) for key in pairs}
            return {known[key]: given(one, hints.get(known[key], Any)) for key, one in pairs.items()}
        of_each = get_args(hint)[1] if get_origin(hint) is Mapping else Any
        return {key: given(one, of_each) for key, one in pairs.items()}
    if isinstance(value, list):
        of_each = get_args(hint)[0] if get_origin(hint) is Sequence else Any
        return [given(one, of_each) for one in cast("list[Any]", value)]
    return whole(value)


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what it is about, and with descriptions that are not indented as docstrings are."""
    for one in (*schema["resources"].values(), *schema["types"].values()):
        one["description"] = inspect.cleandoc(one["description"])
    return {**schema, **_ABOUT}
