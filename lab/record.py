"""What `up` writes down before it makes it, and reads back: `.lab/host/record.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, cast

from lab.errors import LabError
from lab.layout import DEFAULT_SUBNET, Lab

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Record:
    """A host being made, or made (`complete`).

    `controllers`: what was enabled at the root of a cgroup v2 hierarchy, by its control file.
    `modules`: what was loaded into the kernel, and stays there. `docker`: with a Docker engine.
    """

    subnet: str
    tools: str
    images: list[str] = field(default_factory=list[str])
    controllers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    modules: list[str] = field(default_factory=list[str])
    complete: bool = False
    docker: bool = False


def write(lab: Lab, record: Record) -> None:
    """Replace the record in one step, so that it is never half written."""
    lab.host.mkdir(parents=True, exist_ok=True)
    new = lab.host / "record.json.new"
    new.write_text(json.dumps(asdict(record), indent=1))
    new.replace(lab.host / "record.json")


def read(lab: Lab) -> Record | None:
    """The record, or None where nothing was begun (or what there is cannot be read)."""
    try:
        found: object = json.loads((lab.host / "record.json").read_text())
        return Record(**cast("dict[str, object]", found))  # pyright: ignore[reportArgumentType]
    except (OSError, ValueError, TypeError):
        return None


def subnet(directory: Path, asked: str | None) -> IPv4Network:
    """The network that is asked for, else that of the lab that is there, else the default.

    Raises LabError for one that is no network.
    """
    written = read(Lab(directory, directory, DEFAULT_SUBNET))
    text = asked or (written.subnet if written else str(DEFAULT_SUBNET))
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise LabError(f"the subnet {text}: {error}; write it like {DEFAULT_SUBNET}") from error
