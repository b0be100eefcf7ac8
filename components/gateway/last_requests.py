"""The end of a version: the wait for the requests that are still in flight to it."""

from contextlib import suppress

from ..kubernetes.errors import GatewayError, NotConvergedError
from . import envoy
from .admin import EnvoyAdmin
from .callers import of_versions
from .chain import Split
from .gateways import Gateways
from .pods import GatewayPod
from .waiting import say, wait_until

# So many sidecars are asked for their last requests; for the others the time is given in full.
_SIDECARS = 10


def wait_for_last_requests(split: Split, version: str, seconds: float) -> None:
    """Waits until no gateway and no sidecar has a request in flight to the version, or the time is over.

    A gateway that was asked and does not answer now has what it had; one that never answered may have any
    number. Where the cluster cannot be asked there is nothing to wait for. Both are said.
    """
    if split.by_requests:
        say(f"requests alone cannot tell the last requests to {version}, so they get {seconds:.3g} s")
        with suppress(NotConvergedError):
            wait_until(lambda: (version,), seconds)
        return
    active: dict[str, int | None] = {}
    silent: dict[str, GatewayError | None] = {}
    lost: GatewayError | None = None

    sidecars: tuple[GatewayPod, ...] = ()
    unasked = ""

    def requests(admin: EnvoyAdmin) -> int:
        return envoy.active_requests(admin.get(envoy.CLUSTERS), split.target, version)

    def check() -> tuple[str, ...]:
        nonlocal active, silent, lost
        try:
            pods = (*gateways.pods(), *sidecars)
            answers = gateways.ask(requests, pods) if pods else ()
            lost = None
        except GatewayError as error:
            answers, lost = None, error
        if answers is not None:
            counts = {str(one.pod): one.value for one in answers}
            active = {pod: active.get(pod) if count is None else count for pod, count in counts.items()}
            # A pod that is not ready may not have an Envoy that listens yet.
            quiet = (one for one in answers if one.pod.ready and active[str(one.pod)] is None)
            silent = {str(one.pod): one.error for one in quiet}
        busy = (f"{pod}: {count} requests" for pod, count in active.items() if count)
        return (*silent, *busy, *([unasked] if unasked else ()))

    # A kubeconfig of the last `up` may name what this machine lacks; the version can go all the same.
    try:
        with Gateways(split.kubeconfig, split.selector) as gateways:
            sidecars, total = _callers(gateways, split)
            if total > len(sidecars):
                unasked = f"{total - len(sidecars)} of {total} sidecars were not asked"
            wait_until(check, seconds)
    except NotConvergedError:
        if unasked:
            say(f"{unasked} for their last requests to {version}, which got the whole {seconds:.3g} s")
        left = sum(count or 0 for count in active.values())
        if left:
            say(f"{left} requests to {version} took longer than {seconds:.3g} s and are ended with it")
        for pod, error in silent.items():
            role = "sidecar" if pod in {str(one) for one in sidecars} else "gateway"
            given = f"{role} {pod} was given {seconds:.3g} s for its last requests to {version}"
            say(f"{given}, unasked: {error}")
    except GatewayError as error:
        lost = error
    if lost is not None:
        say(f"{version} goes without a wait for its last requests: {lost}")


def _callers(gateways: Gateways, split: Split) -> tuple[tuple[GatewayPod, ...], int]:
    """Some sidecars to ask for their last requests, and how many there are."""
    if not split.callers:
        return (), 0
    return of_versions(gateways, split, (), 0).to_drain(_SIDECARS)
