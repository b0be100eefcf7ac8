"""The pin of a tool follows what it links, and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import pins
from tools.catalogue import GO_TOOLS
from tools.errors import ToolsError

TOOLS = {tool.name: tool for tool in GO_TOOLS}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the Go modules' pins that a test may change."""
    shutil.copytree(pins.GO, tmp_path / "go")
    monkeypatch.setattr(pins, "GO", tmp_path / "go")
    _forget()
    yield tmp_path / "go"
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for memoized in (pins.linked, pins._versions, pins._sums):  # pyright: ignore[reportPrivateUsage]
        memoized.cache_clear()


def _keys() -> dict[str, str]:
    _forget()
    return {name: pins.key(tool) for name, tool in TOOLS.items()}


def test_changed_version_of_a_module_touches_just_the_tools_that_link_it(modules: Path) -> None:
    before = _keys()
    caddy = "github.com/coredns/caddy "
    for name in ("go.mod", "go.sum"):
        pinned = modules / "cluster" / name
        text = pinned.read_text()
        assert caddy in text
        pinned.write_text(text.replace(caddy + "v1.1.4-0", caddy + "v1.1.5-0"))
    after = _keys()
    changed = {name for name in TOOLS if before[name] != after[name]}
    assert "coredns" in changed
    assert changed <= {"coredns", "kubeadm"}


def test_changed_go_sum_is_another_pin(modules: Path) -> None:
    before = _keys()
    go_sum = modules / "cluster" / "go.sum"
    lines = go_sum.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("k8s.io/minikube v"))
    lines[at] = lines[at].rpartition(":")[0] + ":AAAA"
    go_sum.write_text("\n".join(lines) + "\n")
    after = _keys()
    assert {name for name in TOOLS if before[name] != after[name]} == {"minikube"}


def test_changed_source_of_ours_touches_just_its_tool(modules: Path) -> None:
    before = _keys()
    with (modules / "myapp" / "main.go").open("a") as source:
        source.write("// changed\n")
    after = _keys()
    assert {name for name in TOOLS if before[name] != after[name]} == {"myapp"}


def test_a_file_more_in_a_folder_of_ours_touches_just_the_tool_that_is_built_of_it(modules: Path) -> None:
    before = _keys()
    (modules / "cluster" / "openapi" / "orderedmap" / "more.go").write_text("package orderedmap\n")
    after = _keys()
    assert {name for name in TOOLS if before[name] != after[name]} == {"pulumi"}


def test_link_to_an_unpinned_module_says_what_to_run(modules: Path) -> None:
    with (modules / "crictl" / "links.txt").open("a") as file:
        file.write("example.org/unknown: crictl\n")
    _forget()
    with pytest.raises(ToolsError, match="python3 -m tools lock"):
        pins.key(TOOLS["crictl"])
