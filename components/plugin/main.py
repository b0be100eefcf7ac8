"""`pulumi-resource-blue-green`: the plugin's process, as an engine or a language host starts it."""

import asyncio
import sys
from contextlib import suppress

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from ..carrier import be_plugin
from ..collector import leave_out
from ..ending import end_with
from .component import Components
from .servicer import Servicer

# As much as the engine itself takes.
_LARGEST_BYTES = 400 * 1024 * 1024


def main() -> None:
    """Serves until the engine ends it, or is gone."""
    # A host that installs the plugin names its folder before the engine's address.
    engine = next((one for one in reversed(sys.argv[1:]) if not one.startswith("-")), None)
    if engine is None:
        sys.exit("pulumi-resource-blue-green: Pulumi starts it, with the address of its engine")
    leave_out()
    be_plugin()
    end_with(engine)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(engine))


async def _serve(engine: str) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", _LARGEST_BYTES)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(Components(), engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()
