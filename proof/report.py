"""The table and the raw figures of `docs/zero-drop.md`."""

import json
from collections import Counter
from collections.abc import Sequence

from proof.result import Result


def table(results: Sequence[Result]) -> str:
    """Return the Markdown table: a line for each transition and fault; nothing of nothing."""
    if not results:
        return ""
    lines = [
        "| change | promise | requests | a second | failed | for | longest answer | sent late by at most |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        failed = f"**{len(result.failed)}**" if not result.kept else str(len(result.failed))
        if result.failed_by_theirs:
            failed += f", and {result.failed_by_theirs} by the other team's objects"
        failing = f"{result.failing:.1f} s" if result.failed else ""
        cells = (
            result.name,
            result.promise,
            len(result.requests),
            f"{result.rate:.0f}",
            failed,
            failing,
            f"{result.longest * 1000:.0f} ms",
            f"{result.latest * 1000:.0f} ms",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def reasons(result: Result) -> str:
    """Return what failed and how often, the commonest first."""
    counted = Counter(request.failure for request in result.failed)
    return "; ".join(f"{count} x {failure}" for failure, count in counted.most_common(5))


def raw(results: Sequence[Result]) -> str:
    """Return the figures as JSON, one object a line of the table."""
    lines = [
        {
            "change": result.name,
            "promise": result.promise,
            "requests": len(result.requests),
            "failed": len(result.failed),
            "failedByTheirs": result.failed_by_theirs,
            "failures": Counter(request.failure for request in result.failed),
            "failingSeconds": round(result.failing, 3),
            "longestSeconds": round(result.longest, 6),
            "latestSeconds": round(result.latest, 6),
            "requestsASecond": round(result.rate, 1),
            "notes": result.notes,
            "error": result.error,
        }
        for result in results
    ]
    return json.dumps(lines, indent=1, ensure_ascii=False) + "\n"
