"""Runs a Pulumi program against mocks, and keeps what it registered."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

# How the SDK marks a value as a secret, on its way to the engine.
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105


@dataclass(frozen=True)
class Resource:
    """One registered resource."""

    type: str
    name: str
    inputs: dict[str, Any]


@dataclass
class Registered(mocks.Mocks):
    """Every resource that the program registered, by its logical name."""

    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    before: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    resources: list[Resource] = field(default_factory=list[Resource])
    requests: dict[str, resource_pb2.RegisterResourceRequest] = field(
        default_factory=dict[str, resource_pb2.RegisterResourceRequest]
    )

    component_outputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answers with the inputs, and with the outputs that the test gave for the name."""
        inputs = cast("dict[str, Any]", args.inputs)
        self.resources.append(Resource(args.typ, args.name, inputs))
        metadata: Mapping[str, Any] = inputs.get("metadata") or {}
        name = metadata.get("name", args.name)
        object_id = f"{metadata['namespace']}/{name}" if "namespace" in metadata else name
        return object_id, {**inputs, **self.outputs.get(args.name, {})}

    def call(self, args: mocks.MockCallArgs) -> Any:
        """The one function that a component calls: what the state had before."""
        assert args.token.endswith(":readStackResourceOutputs"), args.token
        return {"outputs": {urn: {"type": urn, "outputs": outputs} for urn, outputs in self.before.items()}}

    def named(self, name: str) -> Resource:
        """The one resource of that logical name that is no component."""
        (found,) = [
            resource
            for resource in self.resources
            if resource.name == name and not resource.type.startswith("blue-green:")
        ]
        return found

    def request(self, name: str, component: str | None = None) -> resource_pb2.RegisterResourceRequest:
        """What the engine gets for the resource of that logical name, or for the component of that class."""
        kind = f"blue-green:index:{component}"
        named = (one for one in self.requests.values() if one.name == name)
        (found,) = (one for one in named if (one.custom if component is None else one.type == kind))
        return found

    def after(self, name: str, component: str | None = None) -> set[str]:
        """The logical names of all that the engine makes before that resource, and deletes after it."""
        found: set[str] = set()
        open_ = [*self.request(name, component).dependencies]
        while open_:
            one = self.requests[open_.pop()]
            if one.name not in found:
                found.add(one.name)
                open_ += one.dependencies
        return found

    def secrets(self, name: str) -> set[str]:
        """The inputs of that resource which the state has encrypted."""
        return {key for key, one in self.request(name).object.fields.items() if _SECRET in str(one)}

    def names(self) -> list[str]:
        """`type name` of everything, sorted."""
        return sorted(f"{resource.type} {resource.name}" for resource in self.resources)


class Monitor(mocks.MockMonitor):
    """Pulumi's own mock, which keeps what each registration asks of the engine."""

    def __init__(self, registered: Registered) -> None:
        super().__init__(registered)
        self._registered = registered

    def RegisterResource(  # noqa: N802 - its name in gRPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Answers as Pulumi's own does."""
        response = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        self._registered.requests[response.urn] = request
        return response

    def RegisterResourceOutputs(  # noqa: N802 - its name in gRPC
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Keeps what the state has of a component, by its logical name."""
        name = self._registered.requests[request.urn].name
        self._registered.component_outputs[name] = rpc.deserialize_properties(request.outputs)
        return empty_pb2.Empty()


def run(
    program: Callable[[], object],
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    before: Mapping[str, Mapping[str, Any]] | None = None,
) -> Registered:
    """Runs the program to its end.

    `outputs` is what the engine would add, by logical name; `before` are the outputs in the state, by URN.
    """
    registered = Registered(outputs or {}, before or {})
    # Pulumi's mocks want the current event loop.
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(
        registered, project="blue-green", stack="test", preview=False, monitor=Monitor(registered)
    )

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def to_its_end() -> None:
        program()

    to_its_end()
    return registered


def value(output: pulumi.Output[Any]) -> Any:
    """What an output came to, after the run."""
    return asyncio.get_event_loop().run_until_complete(output.future())
