"""A whole life in a clone of its own: `make up`, an `up` with the lab down, `make down`; nothing is left."""

from pathlib import Path

import psutil
import pytest

from lab import host
from lab.layout import DEFAULT_SUBNET, Lab
from tests.lab import subnets
from tests.lab.clones import clone, typed
from tests.lab.second_lab import SecondLab, differences, living, machine, survivors

__all__ = ["clone"]

pytestmark = pytest.mark.timeout(600)


def test_of_a_whole_life_nothing_is_left(clone: Path) -> None:
    own = SecondLab(clone / ".lab", subnets.THIRD, clone.parent / "home")
    before = machine(own)
    files = {path: path.read_bytes() for path in clone.glob("*.*") if path.is_file()}

    said = typed(clone, f"make up LAB_SUBNET={subnets.THIRD}")
    assert f"The app is at http://{subnets.host(subnets.THIRD)}:31380. What next:" in said
    were = living(own)
    assert "is what its config says" in typed(clone, "make verify")

    psutil.Process(host.ensure_running(Lab(own.folder, clone / ".tools", DEFAULT_SUBNET))).kill()
    failed = typed(clone, 'eval "$(make -s env)"; pulumi up --yes --non-interactive', check=False)
    assert f"lab: the host of {own.folder} is not running: make up" in failed
    assert "driver" not in failed

    said = typed(clone, "make down")
    assert "what stays for the next `make up`" in said
    assert survivors(were, own) == []
    assert differences(before, machine(own)) == []
    assert list((clone.parent / "home").iterdir()) == []
    assert {path: path.read_bytes() for path in files} == files
    assert [path.name for path in own.folder.iterdir()] == ["pulumi"]
