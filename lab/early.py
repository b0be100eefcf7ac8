"""`python3 -m lab.early`: the refusals that need no package, before anything is installed or built."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from lab import checks, host, record
from lab.errors import LabError
from lab.layout import OWN


def main() -> None:
    """Exit with the first reason why this checkout cannot have its lab, unless it is there already."""
    try:
        checks.root_on_linux()
        if record.read(OWN) is None and not host.exists(OWN):
            subnet = record.subnet(OWN.directory, os.environ.get("LAB_SUBNET"))
            checks.place(replace(OWN, subnet=subnet))
    except LabError as error:
        sys.exit(f"lab: {error}")


if __name__ == "__main__":
    main()
