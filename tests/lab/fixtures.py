"""One lab for the session and the stacks on it, for every tier that asks for them."""

import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pytest
from _pytest._code.code import ExceptionRepr

from harness.labs import ROOT, Lab, Program, lab_host, project_copy
from tests.lab import evidence, subnets
from tests.lab.baseline import Baseline
from tests.lab.observe import BASE, QUICK
from tests.lab.second_lab import SecondLab
from tests.lab.shop import beginning, second_stack
from tests.lab.wheel import environment

# `make lab-test` leaves the lab and the program on it up, and the next run goes on with them.
KEEP = os.environ.get("LAB_TEST_KEEP") == "1"
FOLDER = ROOT / ".lab" / ("test" if KEEP else f"test-{subnets.WORKER}")
LAB = pytest.StashKey[Lab]()


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The tests' lab, up for the whole session and away after it."""
    with lab_host(FOLDER, subnets.SESSION, keep=KEEP) as host:
        request.config.stash[LAB] = host
        yield host


@pytest.fixture(scope="session")
def baseline(lab: Lab) -> Baseline:
    """The project on the tests' lab after its first `pulumi up`: both versions have half of the traffic."""
    return _up(project_copy(FOLDER / "project", lab))


def _up(program: Program) -> Baseline:
    """The stack as its config says; of a kept lab, that may already be so."""
    made = Baseline(program, program.config_file.read_text(), FOLDER / f"{program.stack}.baseline")
    made.restore()
    return made


@pytest.fixture(scope="session")
def program(baseline: Baseline) -> Program:
    """The session's stack `lab`. A file finds it as the baseline says; within the file, see `base`."""
    return baseline.program


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of another project's, with the wheel installed."""
    return environment(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module", autouse=True)
def file_begins_at_the_baseline(request: pytest.FixtureRequest) -> None:
    """Whatever another file's tests have left, and in whatever order."""
    tests = (item for item in request.session.items if item.path == request.path)
    if any("baseline" in getattr(item, "fixturenames", ()) for item in tests):
        request.getfixturevalue("baseline").restore()


@pytest.fixture
def base(baseline: Baseline) -> Program:
    """The session's stack, put back to v1 and v2 with half of the traffic each before the test."""
    baseline.restore()
    return baseline.program


@pytest.fixture
def quick(baseline: Baseline) -> Program:
    """As `base`, but what does not come is given up soon, not after a minute."""
    baseline.with_config(convergence=QUICK).restore()
    return baseline.program


@pytest.fixture(scope="module")
def half_and_half(program: Program, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Baseline]:
    """A second stack for a file: half of the traffic each; what does not come is given up soon."""
    with second_stack(program, lab, request.path.stem) as made:
        made.config(**BASE)
        made.up("--skip-preview")
        made.config(convergence=QUICK)
        yield beginning(made)


@pytest.fixture
def shop(half_and_half: Baseline) -> Program:
    """The file's second stack, put back to that before the test."""
    half_and_half.restore()
    return half_and_half.program


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what one needs to know of a test that failed on a lab, and say where."""
    report = yield
    if report.failed and isinstance(report.longrepr, ExceptionRepr) and (place := _where(item)):
        kept = evidence.keep(item.nodeid, *place)
        said = f"The logs, Pulumi's events and what the cluster said: {kept.relative_to(ROOT)}/"
        report.longrepr.addsection("evidence", said)
    elif report.when == "setup":
        evidence.forget(item.nodeid)
    return report


def _where(item: pytest.Function) -> tuple[Path, Mapping[str, str] | None] | None:
    """The folder of the lab that a test ran on, and the environment in which kubectl works on its cluster."""
    for one in item.funcargs.values():
        if isinstance(one, SecondLab):
            return one.folder, one.environment | {"KUBECONFIG": str(one.layout.kubeconfig)}
        if isinstance(one, Program):
            return one.folder.parent, one.environment
    if "lab" not in item.fixturenames:
        return None
    lab = item.config.stash.get(LAB, None)
    return (lab.folder, lab.environment) if lab else (FOLDER, None)
