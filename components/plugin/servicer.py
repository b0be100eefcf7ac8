"""What the engine asks the plugin: to construct components, and to make, change and delete resources."""

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.provider.server import ComponentInitError, ProviderServicer
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as proto

from ..arguments import ArgumentsError
from ..cluster_identity import ClusterIdentityProvider, SameClusterProvider
from ..files import FilesProvider
from ..gateway import waiting
from ..ingress_service import IngressServiceProvider
from ..minikube_profile import MinikubeProfileProvider
from ..provider import Provider
from ..split_proof import ConvergedProvider, DrainProvider, ReadyProvider
from .component import Components

PROVIDERS: dict[str, Provider] = {
    "ClusterIdentity": ClusterIdentityProvider(),
    "IngressService": IngressServiceProvider(),
    "MinikubeProfile": MinikubeProfileProvider(),
    "SameCluster": SameClusterProvider(),
    "SplitConverged": ConvergedProvider(),
    "SplitReady": ReadyProvider(),
    "VersionDrain": DrainProvider(),
    "VersionFiles": FilesProvider(),
}
# Each wait holds a thread; Pulumi's own dynamic resources have four.
_AT_ONCE = 64
# What Pulumi writes around an Output or a secret on the wire (pulumi/sdk, resource.SigKey).
_SIGNATURE = "4dabf18193072939515e22adb298388d"

T = TypeVar("T")


class Servicer(ProviderServicer):
    """Components by Pulumi's own server, and the resources beside them, in one process."""

    def __init__(self, components: Components, engine: str) -> None:
        super().__init__(components, [], engine)
        # Apart from the loop's own threads: registrations hold these, and wait for ours.
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine))

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """A component; what is wrong with its arguments is said by their paths."""
        try:
            return await self._construct(request, context)  # pyright: ignore[reportUnknownMemberType]
        except Exception as raised:
            error = raised.inner if isinstance(raised, ComponentInitError) else raised
            if isinstance(error, ArgumentsError):
                status = self.create_grpc_invalid_properties_status(*_told(error, request.inputs))
                await context.abort_with_status(status)
            await context.abort(grpc.StatusCode.UNKNOWN, _words(error))

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The inputs with what the provider adds to them, or why they cannot be taken."""
        olds, _ = _plain(request.olds, keep_unknowns=True)
        news, secret = _plain(request.news, keep_unknowns=True)
        checked = await self._run(request, context, lambda provider: provider.check(olds, news))
        failures = [proto.CheckFailure(property=one.property, reason=one.reason) for one in checked.failures]
        return proto.CheckResponse(inputs=await _struct(checked.inputs, secret), failures=failures)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Whether anything is to change, in the inputs or in the cluster."""
        olds, _ = _plain(request.olds, keep_unknowns=True)
        news, _ = _plain(request.news, keep_unknowns=True)
        found = await self._run(request, context, lambda provider: provider.diff(request.id, olds, news))
        some = proto.DiffResponse.DIFF_SOME if found.changes else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(
            changes=some,
            replaces=found.replaces or [],
            deleteBeforeReplace=bool(found.delete_before_replace),
        )

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Waits for what the resource stands for."""
        props, secret = _plain(request.properties)
        made = await self._run(request, context, lambda provider: provider.create(props))
        return proto.CreateResponse(id=made.id, properties=await _struct(made.outs, secret))

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What a refresh keeps; refuses another cluster."""
        props, secret = _plain(request.properties)
        found = await self._run(request, context, lambda provider: provider.read(request.id, props))
        properties = await _struct(found.outs, secret)
        return proto.ReadResponse(id=found.id or "", properties=properties, inputs=request.inputs)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Waits for what the resource stands for."""
        olds, _ = _plain(request.olds)
        news, secret = _plain(request.news)
        made = await self._run(request, context, lambda provider: provider.update(request.id, olds, news))
        return proto.UpdateResponse(properties=await _struct(made.outs, secret))

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Waits for what must have ended first."""
        props, _ = _plain(request.properties)
        await self._run(request, context, lambda provider: provider.delete(request.id, props))
        return Empty()

    async def _run(self, request: Any, context: Any, call: Callable[[Provider], T]) -> T:
        """What the resource's provider says, in a thread; what it waits for, the engine shows by its URN."""

        def in_thread() -> T:
            waiting.LISTENER.set(lambda text: self._tell(request.urn, text))
            return call(PROVIDERS[_type(request.urn)])

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, in_thread)
        except Exception as error:
            await context.abort(grpc.StatusCode.UNKNOWN, _words(error))
            raise

    def _tell(self, urn: str, text: str) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn)
        self._engine.Log(request)  # pyright: ignore[reportUnknownMemberType]


def _words(error: BaseException) -> str:
    """An error in words: ours and Pulumi's are sentences, of others the name tells something too."""
    whose, ours = (name.partition(".")[0] for name in (type(error).__module__, __name__))
    return str(error).strip() if whose in (ours, "pulumi") else f"{type(error).__name__}: {error}"


def _type(urn: str) -> str:
    """The class of a URN, as SplitReady of …$blue-green:index:SplitReady::cart-ready."""
    return urn.split("::")[2].rpartition(":")[2]


def _told(error: ArgumentsError, inputs: Struct) -> tuple[str, Any]:
    """The text of what is wrong, and by path what the engine is to add to it."""
    first, apart = str(error).partition("\n")[0], list[dict[str, str]]()
    given = json_format.MessageToDict(inputs)
    for mistake in error.mistakes:
        path, colon, reason = mistake.partition(": ")
        # The engine shows the value that is there, a secret one too.
        if colon and " " not in path and _SIGNATURE not in json.dumps(_at(given, path)):
            apart.append({"property_path": path, "reason": reason})
        else:
            first = f"{first}\n  {mistake}"
    return first, apart


def _at(given: Any, path: str) -> Any:
    """The value at a path, or the last one on the way to it."""
    for part in re.findall(r"[^.\[\]\"]+", path):
        members: Any = dict(enumerate(cast("list[Any]", given))) if isinstance(given, list) else given
        key = int(part) if part.isdigit() and isinstance(given, list) else part
        if not isinstance(members, dict) or key not in members:
            break
        given = cast("dict[str | int, Any]", members)[key]
    return cast("Any", given)


def _plain(struct: Struct, *, keep_unknowns: bool = False) -> tuple[dict[str, Any], set[str]]:
    """The properties with secrets in the clear, and the names of those that are secret."""
    found = rpc.deserialize_properties(struct, keep_unknowns)
    secret = {key for key, one in found.items() if rpc.is_rpc_secret(one)}
    return {key: rpc.unwrap_rpc_secret(one) for key, one in found.items()}, secret


async def _struct(props: dict[str, Any] | None, secret: set[str]) -> Struct:
    marked = {key: rpc.wrap_rpc_secret(one) if key in secret else one for key, one in (props or {}).items()}
    return await rpc.serialize_properties(marked, {})
