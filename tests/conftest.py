"""What every test stands on, and how a run is shown."""

import os
import random
import signal
from collections import defaultdict
from collections.abc import Generator
from typing import cast

import pytest
from _pytest._code.code import ExceptionRepr
from hypothesis import settings
from xdist.workermanage import NodeManager

from harness import labs
from harness.pace import pace

# What stands on a lab, for whatever tier asks for it: of several tiers in one run, all have the same one.
pytest_plugins = ("tests.lab.fixtures",)
# A shell starts what runs in the background with SIGINT ignored, and children inherit that: the
# tests that interrupt a command would wait for ever. A handler of our own is the default in them.
signal.signal(signal.SIGINT, signal.default_int_handler)
# What the shell is set up for is not what the tests are about.
os.environ.pop("PULUMI_STACK", None)
SHOWN = 10
# A test that is interrupted takes its stacks and labs away; its process would be killed after ten seconds.
NodeManager.EXIT_TIMEOUT = 120  # pyright: ignore[reportAttributeAccessIssue]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="the files in a random order, of that seed")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes is the machine's load; each test has its own limit below. The examples are
    # the same each time, but for a shuffled run: what a new one finds is no reason to refuse another change.
    settings.register_profile("default", deadline=None, derandomize=config.getoption("--shuffle") is None)
    settings.load_profile("default")
    # Of several processes, xdist would begin with the files that have the most tests, whatever the seed.
    config.option.loadscopereorder = config.getoption("--shuffle") is None
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        config.pluginmanager.register(_AtOnce(reporter))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the files as asked, and give every test the time that this machine needs."""
    seed = config.getoption("--shuffle")
    if seed is not None:
        files = sorted({item.path for item in items})
        random.Random(seed).shuffle(files)  # noqa: S311 - a repeatable choice, no secret
        items.sort(key=lambda item: files.index(item.path))
    for item in items:
        marked = item.get_closest_marker("timeout")
        seconds = float(marked.args[0] if marked else config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(seconds * pace()), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the commands of a test in its report, and what to type to run it alone."""
    report = yield
    noted: list[tuple[str, object]] = [*labs.spent]
    report.user_properties = noted
    labs.spent.clear()
    if report.failed and isinstance(report.longrepr, ExceptionRepr):
        report.longrepr.addsection("to run it alone", f"make lab-test T='{item.nodeid}'")
    return report


class _AtOnce:
    """Shows a failure when it comes, not only at the end; and at the end, where the time went."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._reporter.ensure_newline()
            self._reporter.write_line(f"{report.nodeid} failed:", red=True, bold=True)
            self._reporter.write_line(report.longreprtext)

    def pytest_terminal_summary(self) -> None:
        files: dict[str, float] = defaultdict(float)
        commands: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for reports in self._reporter.stats.values():
            for report in reports:
                if isinstance(report, pytest.TestReport):
                    files[report.nodeid.partition("::")[0]] += report.duration
                    for command, took in report.user_properties:
                        commands[command].append(cast("tuple[float, float]", took))
        self._reporter.section("where the time went")
        for name, seconds in _longest(files):
            self._reporter.write_line(f"{seconds:7.1f} s  {name}")
        totals = {command: sum(seconds for seconds, _ in each) for command, each in commands.items()}
        for name, seconds in _longest(totals):
            processor = sum(each for _, each in commands[name])
            said = f"{name}, {len(commands[name])} times, {processor:.0f} s of processor"
            self._reporter.write_line(f"{seconds:7.1f} s  {said}")


def _longest(seconds: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(((name, each) for name, each in seconds.items() if each >= 1), key=lambda one: -one[1])[
        :SHOWN
    ]
