"""Stops an `up` that began before a `rollback --now`, just before it would write the VirtualService again."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from . import first_write, later
from .history import record
from .history.past import Cause, Past
from .kubernetes import istio
from .kubernetes.api import Api
from .kubernetes.kubeconfig import Kubeconfig
from .settings.model import App

_BEGAN = time.time()
_ENGINE = "pulumi"


class RolledBackError(Exception):
    """Traffic was rolled back while this `up` ran."""


def rollback_guard(name: str, kubeconfig: pulumi.Input[Kubeconfig], app: App) -> pulumi.ResourceHook:
    """Return the hook of the app's VirtualService."""
    known = pulumi.Output.from_input(kubeconfig)
    where = pulumi.Output.from_input(later.filled(istio.virtual_service(app.namespace, app.name)))

    async def look(_: pulumi.ResourceHookArgs) -> None:
        reached, path = await known.future(), await where.future()
        if reached is not None and path is not None and record.cause() is not Cause.rollback:
            began = engine_began()
            await first_write.in_thread(lambda: must_not_be_rolled_back(reached, path, began))

    return pulumi.ResourceHook(f"{name} not rolled back", look)


def must_not_be_rolled_back(kubeconfig: Kubeconfig, where: str, began: float) -> None:
    """Raise RolledBackError where the newest split in the cluster is a rollback that came after `began`."""
    with Api(kubeconfig) as api:
        found = api.find(where)
        # The other command may have run on a machine whose clock is another.
        began = api.clock.earliest(began)
    newest = _newest(found)
    if newest is None or newest.cause is not Cause.rollback or newest.at < began:
        return
    at = time.strftime("%H:%M:%SZ", time.gmtime(newest.at))
    raise RolledBackError(
        f"Traffic was rolled back to {newest} at {at}, while this `up` ran. It was not moved again. Run "
        "pulumi up once more if that is what you want: its preview says where traffic goes."
    )


def _newest(found: Mapping[str, Any] | None) -> Past | None:
    splits = record.read(found) if found else []
    return splits[-1] if splits else None


def engine_began() -> float:
    """Return when the engine of this `up` began, by its process; else when this program did.

    The engine shows the preview first, which may have been looked at for long.
    """
    pid = os.getpid()
    try:
        while pid > 1:
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            if name == _ENGINE:
                # Not by the btime of /proc/stat, which is of whole seconds.
                age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
                return time.time() - age
            pid = int(fields[1])
    except (OSError, ValueError, IndexError):
        pass  # A system without /proc.
    return _BEGAN
