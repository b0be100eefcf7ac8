"""What our resources share: who carries them, plain errors, and an end of their providers with the engine."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pulumi
from pulumi import dynamic

from .carrier import in_plugin
from .collector import leave_out
from .ending import end_with
from .kubernetes.errors import GatewayError
from .kubernetes.kubeconfig import Kubeconfig, Reference, referred
from .profile.errors import MinikubeError


class Provider(dynamic.ResourceProvider):
    """A provider in the process that Pulumi starts for all dynamic resources of a program."""

    serialize_as_secret_always = False

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Prepares the process; Pulumi calls it before anything else."""
        super().configure(req)
        leave_out()
        # From 3.260 on the SDK sends an error as its traceback, which is then the error's text alone.
        sys.tracebacklimit = 0
        # Pulumi's own server gets the engine's address too, and makes no use of it.
        end_with(sys.argv[1])


class Carried(dynamic.Resource):
    """A resource of ours: dynamic in a Python program, and the plugin's own in the plugin.

    Pulumi runs dynamic resources in the program's folder with its Python, which other languages have not
    (pulumi #5455).
    """

    def __init__(
        self, provider: Provider, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None
    ) -> None:
        if in_plugin():
            pulumi.CustomResource.__init__(self, f"blue-green:index:{type(self).__name__}", name, props, opts)
        else:
            super().__init__(provider, name, props, opts)


def kubeconfig_input(kubeconfig: pulumi.Input[Kubeconfig]) -> pulumi.Input[Reference]:
    """The kubeconfig as a dynamic resource takes it.

    A reference stands in the state as it is; a text has credentials in it, and is a secret.
    """
    if isinstance(kubeconfig, dict):
        return Reference(**kubeconfig)
    return pulumi.Output.secret(pulumi.Output.from_input(kubeconfig).apply(referred))


@contextmanager
def plain_errors() -> Generator[None]:
    """Lets an error of the product pass with its own text alone.

    gRPC writes `Exception calling application:` before it, which cannot be switched off, and a newer
    SDK the error's class; so the text begins on a line of its own, and its causes are left out.
    """
    try:
        yield
    except (GatewayError, MinikubeError) as error:
        raise type(error)(f"\n{error}") from None
