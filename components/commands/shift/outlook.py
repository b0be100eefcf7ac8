"""Whether the traffic that is there can judge a shift: found out before its first step."""

import math
import time

from ...errors import RolloutError
from ...gateway.gateways import Gateways
from ...observation import traffic
from ...pulumi_cli.project import say
from ...settings.model import Settings
from .judge import Plan

SECONDS = 3.0


def must_be_judgeable(gateways: Gateways, settings: Settings, plan: Plan) -> None:
    """Count the gateways' requests for three seconds, and say what the first step may expect of them.

    Raises:
        RolloutError: at this rate the step would get too few requests; the text says what would do.
    """
    before, began = traffic.read(gateways, settings), time.monotonic()
    time.sleep(SECONDS)
    since = traffic.between(before, traffic.read(gateways, settings))
    seconds = time.monotonic() - began
    seen = sum(served.requests for version, served in since.items() if not settings.is_mirror(version))
    reason, hopeless = outlook(seen, seconds, plan)
    if hopeless:
        msg = f"{reason}. Nothing was changed"
        raise RolloutError(msg)
    say(f"shift: {reason}")


def outlook(seen: int, seconds: float, plan: Plan) -> tuple[str, bool]:
    """Return what the first step may expect in words, and whether it is hopeless.

    Args:
        seen: the requests of all versions that were counted.
        seconds: for how long.
        plan: the shift.
    """
    share, needed = plan.steps[0], plan.limits.min_requests
    part = share / 100 / seconds
    expected = seen * part * plan.pause
    found = (
        f"the gateways see {seen / seconds:.0f} requests a second; at {share} % {plan.version} gets about "
        f"{expected:.0f} of them in {plan.pause:g} s, and {needed} are needed to judge"
    )
    # So that a step gets fewer only one time in forty: expected - 2 √expected = needed.
    safe = (1 + math.sqrt(1 + needed)) ** 2
    if expected >= safe:
        return found, False
    ways = [f"--pause {math.ceil(safe / (seen * part))}"] if seen else []
    fewer = math.floor(expected - 2 * math.sqrt(expected))
    ways += [f"--min-requests {fewer}"] if fewer > 0 else []
    larger = math.ceil(share * safe / expected) if expected else 101
    ways += [f"a first step of {larger} %"] if larger <= 100 else []
    ways.append(f"where nobody else uses the stack, --traffic {_rate(share, safe, plan.pause)}")
    # What was seen may be a slow moment.
    hopeless = (seen + 2 * math.sqrt(seen)) * part * plan.pause < needed
    toss = "" if hopeless else " (that may be too few by chance)"
    return f"{found}{toss}. What would do: {'; '.join(ways)}", hopeless


def _rate(share: int, safe: float, pause: float) -> str:
    rate = math.ceil(safe / (share / 100 * pause))
    return str(rate) if rate <= 100 else "100 and a longer --pause"
