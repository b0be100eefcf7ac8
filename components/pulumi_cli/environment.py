"""What `make env` has set in a shell for one stack, so that no other stack gets it.

A shell for the lab's stack has the lab's KUBECONFIG and MINIKUBE_HOME; the commands of another stack do
without them, and the program under a plain `pulumi up` refuses.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from .project import short

# Set beside the rest: the stack, and of each variable what it was before (null: not set), and what was set.
MARK = "BLUE_GREEN_ENV"
# Where the state is and how it is read stays: a command may work on several stacks of one backend.
_KEPT = "PULUMI_"


def mark(stack: str, before: Mapping[str, str | None], made: Mapping[str, str]) -> str:
    """Return the value of MARK for a stack's variables, each with what it was before and what it is made."""
    return json.dumps({"stack": stack, "before": before, "made": {name: made[name] for name in before}})


def undone(environment: Mapping[str, str], *, keep: str | None = None) -> dict[str, str]:
    """Return an environment as it was before `make env`.

    Names that begin with `keep` stay, and so does what the user has set since.
    """
    restored = {name: value for name, value in environment.items() if name != MARK}
    marked = _marked(environment)
    before = cast("Mapping[str, str | None]", marked.get("before") or {})
    # A shell of an earlier version has no note of what was set.
    made = cast("Mapping[str, str]", marked.get("made") or environment)
    for name, value in before.items():
        if (keep is not None and name.startswith(keep)) or environment.get(name) != made.get(name):
            continue
        restored.pop(name, None)
        if value is not None:
            restored[name] = value
    return restored


def leave_for(*stacks: str) -> None:
    """Undo in this process what `make env` has set for the cluster of a stack that is none of these."""
    if any(not _is_for(stack) for stack in stacks):
        clean = undone(os.environ, keep=_KEPT)
        os.environ.clear()
        os.environ.update(clean)


def refusal(stack: str) -> str | None:
    """Return why the program of this stack does not run in this shell, or None."""
    if _is_for(stack):
        return None
    theirs = short(str(_marked(os.environ).get("stack")))
    return (
        f"This shell is set up for stack {theirs}, by `make env`. "
        f'For stack {short(stack)}, type: eval "$(make -s env STACK={short(stack)})"'
    )


def _is_for(stack: str) -> bool:
    marked = _marked(os.environ).get("stack")
    return marked is None or short(str(marked)) == short(stack)


def _marked(environment: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        return cast("Mapping[str, Any]", json.loads(environment.get(MARK, "{}")))
    except ValueError:
        return {}
