"""The copies of a kubeconfig that Pulumi's Kubernetes provider leaves: ours go, and nothing else does."""

import os
import tempfile
from pathlib import Path

import pytest
import yaml

from components.kubernetes import copies

TEXT = """{"apiVersion": "v1", "kind": "Config", "users": [{"name": "me", "user": {"token": "t0p"}}]}"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_mark_changes_nothing_else_and_leaves_what_is_no_kubeconfig() -> None:
    plain, marked = yaml.safe_load(TEXT), yaml.safe_load(copies.marked(TEXT))
    assert {key: value for key, value in marked.items() if key != "extensions"} == plain
    theirs: dict[str, object] = {"name": "theirs", "extension": {}}
    (one, _mark) = yaml.safe_load(copies.marked(yaml.safe_dump({**plain, "extensions": [theirs]})))[
        "extensions"
    ]
    assert one == theirs
    assert copies.marked("a: [") == "a: ["
    assert copies.marked("text") == "text"


def test_our_copies_alone_are_deleted(folder: Path) -> None:
    (folder / "kubeconfig123").write_text(copies.marked(TEXT))
    (folder / "kubeconfig124").write_text(TEXT)
    (folder / "kubeconfig-125").write_text(copies.marked(TEXT))
    (folder / "kept").write_text(copies.marked(TEXT))
    (folder / "kubeconfig126").symlink_to(folder / "kept")
    (folder / "kubeconfig127").mkdir()
    os.mkfifo(folder / "kubeconfig128")
    copies.remove()
    left = {one.name for one in folder.iterdir()}
    assert left == {f"kubeconfig{end}" for end in (124, "-125", 126, 127, 128)} | {"kept"}
