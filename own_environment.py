"""Every `python -m` of this checkout runs in its own environment, by whichever Python it is begun."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).resolve().parent


def enter(module: str) -> None:
    """Begin `python -m MODULE` again in `.venv`, unless this Python has what it needs.

    Raises SystemExit with what to type where there is no such environment yet.
    """
    if find_spec("typer") is not None:
        return
    own = _ROOT / ".venv" / "bin" / "python"
    if not own.exists() or Path(sys.prefix) == _ROOT / ".venv":
        # The lab and its tools are for `make` alone; the commands are for every stack.
        line = "pulumi install, or for the lab: make setup" if module == "rollout" else "make setup"
        sys.exit(f"{module}: the project's Python packages are not installed yet. Type: {line}")
    os.execv(own, [str(own), "-m", module, *sys.argv[1:]])  # noqa: S606
