"""Users who stay: ten thousand of them beside the load, and who of them moves when the split does."""

import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.observation.statistics import could_be
from harness.labs import Program
from proof.signals import at_work
from proof.steps import HALF, IMAGES, Split, Step
from proof.traffic import Request, load

USERS = 10_000
# Each is asked every twenty seconds.
RATE = 500.0
BY_COOKIE, BY_HEADER = {"cookie": "session"}, {"header": "x-user"}
ONE = {"v1": 100, "v2": 0}
SHARES = (10, 50, 100, 25)


@dataclass
class Seen:
    """What the users met: by user the version that answered last, and the weights by which it was drawn."""

    weights: Split
    versions: Mapping[str, str]


def moved() -> tuple[Step, ...]:
    """Return steps that move the weights up and down again, two versions of them and then three."""
    seen: list[Seen] = []
    splits = [{"v1": 100 - share, "v2": share} for share in SHARES]
    three = [{"v1": 60, "v2": 30, "v3": 10}, {"v1": 40, "v2": 30, "v3": 30}, {"v1": 60, "v2": 40}]
    return (
        _set(ONE, BY_COOKIE),
        *(_move(split, seen) for split in [*splits, *three]),
        _set(HALF, None),
    )


def changed() -> tuple[Step, ...]:
    """Return steps with which it comes, is another one, meets changes of the routes, and goes."""
    seen: list[Seen] = []
    routing: dict[str, object] = {"retries": {"attempts": 0}, "stickyVersion": BY_HEADER}
    return (
        _set(HALF, BY_COOKIE),
        _move(HALF, seen),
        # Other routes, the same users.
        _move(HALF, seen, {"routing": {**routing, "stickyVersion": BY_COOKIE, "timeout": "20s"}}),
        _move(HALF, seen, {"testRoutes": {"v2": {"header": {"x-version": "v2"}}}}),
        # The lab's users have the same name in both.
        _move(HALF, seen, {"routing": routing}),
        _move({"v1": 20, "v2": 80}, seen, interrupted={"v1": 30, "v2": 70}),
        _move(HALF, seen, killed=True),
        _set(HALF, None),
    )


def _config(program: Program, weights: Split, sticky: Mapping[str, object] | None) -> None:
    kept: Mapping[str, object] = {} if sticky is None else {"stickyVersion": sticky}
    _weights(program, weights)
    program.config(routing={"retries": {"attempts": 0}, **kept}, testRoutes={})


def _weights(program: Program, weights: Split) -> None:
    program.config(versions={name: IMAGES[name] for name in weights}, weights=dict(weights))


def _set(weights: Split, sticky: Mapping[str, object] | None) -> Step:
    """Return a step that nobody is watched at."""

    def step(program: Program) -> None:
        _config(program, weights, sticky)
        program.up("--skip-preview")

    return step


def _move(
    weights: Split,
    seen: list[Seen],
    changes: Mapping[str, object] | None = None,
    *,
    interrupted: Split | None = None,
    killed: bool = False,
) -> Step:
    """Return a step that runs `up` while the users are asked, then asks each of them once more.

    It fails where one of them moved twice, the wrong way, or without need, or where a share is wrong. It
    may supersede another `up` that was `interrupted`, or carry on one that was `killed`.
    """

    def step(program: Program) -> str:
        output = program.folder / "users.csv"
        with load(str(program.outputs()["url"]), RATE, output, program.environment, USERS) as requests:
            if interrupted is not None:
                _weights(program, interrupted)
                with at_work(program) as process:
                    process.send_signal(signal.SIGINT)
            _weights(program, weights)
            program.config(**changes or {})
            if killed:
                with at_work(program) as process:
                    process.kill()
            program.run(sys.executable, "-m", "rollout", "up", "--stack", program.stack)
            time.sleep(USERS / RATE)
        now = Seen(weights, {one.user: one.version for one in requests})
        before = seen[-1] if seen else None
        seen.append(now)
        wrong = [*_failed(requests), *_shares(now), *(_moves(requests, before, now) if before else ())]
        if wrong:
            raise AssertionError(f"users under {dict(weights)}: {'; '.join(wrong)}")
        gone = Counter(move for move in _moved(before, now)) if before else Counter[str]()
        what = ", ".join(f"{count} from {move}" for move, count in sorted(gone.items())) or "nobody"
        return f"{weights}: {len(now.versions)} users, moved: {what}"

    return step


def _failed(requests: Sequence[Request]) -> list[str]:
    failed = Counter(one.failure for one in requests if one.failure)
    return [f"{count} x {failure}" for failure, count in failed.items()]


def _shares(now: Seen) -> list[str]:
    counts = Counter(now.versions.values())
    return [
        f"{counts[version]} of {USERS} have {version}"
        for version in {*now.weights, *counts}
        if not could_be(counts[version], USERS, now.weights.get(version, 0) / 100)
    ]


def _moved(before: Seen, now: Seen) -> list[str]:
    return [
        f"{was} to {now.versions[user]}" for user, was in before.versions.items() if now.versions[user] != was
    ]


def _moves(requests: Sequence[Request], before: Seen, now: Seen) -> list[str]:
    """What is wrong with the users' moves: places are side by side in the order of the versions' names."""
    last, times = dict(before.versions), Counter[str]()
    for one in sorted(requests, key=lambda one: one.sent):
        times[one.user] += one.version != last[one.user]
        last[one.user] = one.version
    wrong = [f"{user} moved {count} times" for user, count in times.items() if count > 1][:3]
    most = needed(before.weights, now.weights)
    if not could_be(len(_moved(before, now)), USERS, most):
        wrong.append(f"{len(_moved(before, now))} of {USERS} moved, and not {100 * most:g} %")
    up = {one for one in now.weights if now.weights[one] > before.weights.get(one, 0)}
    if len({*before.weights, *now.weights}) == 2:
        wrong += [f"somebody moved from {move}" for move in set(_moved(before, now)) if move[-2:] not in up]
    return wrong


def needed(before: Split, now: Split) -> float:
    """Which part of the users has to move from one split to another: whose place is another version's."""

    def places(weights: Split) -> list[str]:
        return [version for version in sorted(weights) for _ in range(weights[version])]

    return sum(was != is_ for was, is_ in zip(places(before), places(now), strict=True)) / 100
