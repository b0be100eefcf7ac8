"""The copies of a kubeconfig that Pulumi's Kubernetes provider leaves in the folder for temporary files.

It writes one whenever it starts, with all credentials, and never deletes it. Only Helm's v4 charts read it,
which no component here has (pulumi-kubernetes 4.27, provider/pkg/provider/provider.go).
"""

import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

import yaml

_MARK = "blue-green/copy-of-a-provider"
# Programs that do not take theirs away leave thousands in a year.
_SECONDS = 24 * 60 * 60
_NAME = re.compile(r"kubeconfig\d+")


def marked(text: str) -> str:
    """The kubeconfig with a mark, by which its copies are told from other people's; another text as it is."""
    try:
        config: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if not isinstance(config, dict):
        return text
    found = cast("dict[str, Any]", config)
    mark = {"name": _MARK, "extension": {"for": "nobody"}}
    return yaml.safe_dump({**found, "extensions": [*(found.get("extensions") or ()), mark]})


def remove() -> None:
    """Deletes the copies of marked kubeconfigs that were made in the last day."""
    for entry in os.scandir(tempfile.gettempdir()):
        with suppress(OSError):
            if _NAME.fullmatch(entry.name) and _is_own(entry) and _MARK in Path(entry).read_text():
                Path(entry).unlink()


def _is_own(entry: os.DirEntry[str]) -> bool:
    """Whether it is a young file of this user; what others put there may be a pipe."""
    found = entry.stat(follow_symlinks=False)
    return S_ISREG(found.st_mode) and found.st_uid == os.getuid() and time.time() - found.st_mtime < _SECONDS
