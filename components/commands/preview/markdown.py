"""Changes as one Markdown comment: the summary first, then the resources, then the folded diff."""

import re
from collections.abc import Collection, Mapping, Sequence

from ...errors import RolloutError
from .. import look
from .change import Change, Resource, risks

MARKER = "<!-- blue-green preview -->"
# A comment of GitHub holds 65,536 characters.
LIMIT = 64_000
_CUT = "… cut here: `pulumi preview --diff --stack {stack}` shows all of it"
_FOLD = "<details><summary>Full diff</summary>\n\n{fence}diff\n{lines}\n{fence}\n\n</details>"


def marker(name: str | None) -> str:
    """Return the first line of the comment of that name, by which it is found again; None: it has no name.

    Raises:
        RolloutError: the name is empty, or has a character that could end the marker.
    """
    if name is None:
        return MARKER
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", name):
        msg = f"--comment {name!r} is no name for a comment. Take letters, digits, -, _, . and /"
        raise RolloutError(msg)
    return MARKER.replace(" -->", f" {name} -->")


def comment(
    changes: Sequence[Change],
    served: Mapping[str, Mapping[str, Collection[str]]],
    limit: int = LIMIT,
    marker: str = MARKER,
) -> str:
    """Return the comment for the previews of one or more stacks.

    Args:
        changes: what each stack's preview says.
        served: for each stack, by other stacks the images that served there.
        limit: the most characters; diffs, then tables are cut to hold it, summaries never.
        marker: its first line.
    """
    summaries = [_summary(change, served.get(change.stack, {})) for change in changes]
    left = limit - len(marker) - sum(len(summary) + 4 for summary in summaries)
    parts = [marker] if changes else [marker, "No stack is touched."]
    for number, (change, summary) in enumerate(zip(changes, summaries, strict=True)):
        share = left // (len(changes) - number)
        details = _details(change, share)
        left -= len(details)
        parts.append(f"{summary}\n\n{details}".strip())
    return "\n\n".join(parts)


def _summary(change: Change, served: Mapping[str, Collection[str]]) -> str:
    if change.is_nothing:
        title = f"### `{change.stack}`: nothing changes"
        return f"{title}\n\n{_unknown(change)}".strip()
    parts = [f"### `{change.stack}`: {_traffic(change)}", _effects(change)]
    warnings = list(risks(change, served))
    if warnings:
        parts.append("\n".join(["> [!WARNING]", *(f"> - {warning}" for warning in warnings)]))
    if change.unknown:
        parts.append(_unknown(change))
    parts.append(_split_table(change))
    if change.tests:
        parts.append("\n".join(f"{version} alone: `{curl}`" for version, curl in change.tests.items()))
    return "\n\n".join(parts)


def _unknown(change: Change) -> str:
    return f"> [!NOTE]\n> {change.unknown}" if change.unknown else ""


def _traffic(change: Change) -> str:
    if not change.moved:
        return "no traffic moves"
    moves = ((one, change.before.weight(one), change.after.weight(one)) for one in change.moved)
    return ", ".join(f"{version}: {look.weight(old)} → {look.weight(new)}" for version, old, new in moves)


def _effects(change: Change) -> str:
    """Say what happens to pods and objects in a few plain sentences."""
    before, after = change.before.workloads, change.after.workloads
    said = [
        *(f"{version} starts (`{after[version].image}`)." for version in after if version not in before),
        *(f"{version} is removed." for version in before if version not in after),
        *(f"Pods of {version} restart{_image_change(change, version)}." for version in change.restarted),
    ]
    if not change.restarted:
        said.append("No pods restart.")
    if change.resources is not None:
        said += [f"Helm release {r.name}: {r.operation}." for r in change.resources if r.type == "Release"]
        objects = sum(resource.is_object for resource in change.resources)
        counted = {0: "No object changes", 1: "One object changes"}.get(objects, f"{objects} objects change")
        said.append(f"{counted}.")
    return " ".join(said)


def _image_change(change: Change, version: str) -> str:
    old, new = change.before.workloads[version].image, change.after.workloads[version].image
    return f": `{old}` → `{new}`" if old != new else ""


def _split_table(change: Change) -> str:
    rows = ["| version | traffic now | traffic after | image |", "|---|---:|---:|---|"]
    for version in change.versions:
        workload = change.after.workloads.get(version)
        image = f"`{workload.image}`" if workload else "removed"
        rows.append(
            f"| {version} | {look.weight(change.before.weight(version))} "
            f"| {look.weight(change.after.weight(version))} | {image} |"
        )
    return "\n".join(rows)


def _details(change: Change, room: int) -> str:
    if not change.resources:
        return ""
    head = "| | resource | type | what changes |\n|---|---|---|---|"
    table = _cut([_row(resource) for resource in change.resources], room - len(head) - 2, change.stack)
    table = f"{head}\n{table}"
    lines = [
        line
        for resource in change.resources
        for line in (f"# {resource.operation} {resource.type} {resource.name}", *resource.diff)
    ]
    ticks = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, ticks + 1)
    frame = len(_FOLD.format(fence=fence, lines="")) + 2
    diff = _cut(lines, room - len(table) - frame, change.stack)
    return f"{table}\n\n{_FOLD.format(fence=fence, lines=diff)}" if diff else table


def _row(resource: Resource) -> str:
    paths = ", ".join(f"`{path}`" for path in resource.paths[:4])
    more = f" and {len(resource.paths) - 4} more" if len(resource.paths) > 4 else ""
    return f"| {resource.operation} | `{resource.name}` | {resource.type} | {paths}{more} |"


def _cut(lines: Sequence[str], room: int, stack: str) -> str:
    """Return the whole lines that there is room for; where some are left out, a last one says so."""
    whole = "\n".join(lines)
    if len(whole) <= room:
        return whole
    note = _CUT.format(stack=stack)
    kept: list[str] = []
    used = len(note)
    for line in lines:
        used += len(line) + 1
        if used > room:
            break
        kept.append(line)
    return "\n".join([*kept, note]) if room >= len(note) else ""
