"""What the commands say on a narrow terminal, and in a log."""

import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from components.pulumi_cli.terminal import wrapped

ROOT = Path(__file__).resolve().parents[2]
EXPLAIN = (sys.executable, "-m", "rollout", "explain", "convergence")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short enough", "short enough"),
        ("one two three four five", "one two three\nfour five"),
        ("  one two three four five", "  one two three\n  four five"),
        ("say\n\none two three four", "say\n\none two three\nfour"),
        # What is to be typed is copied whole.
        ("it differs. Run: blue-green up --stack lab", "it differs. Run:\nblue-green up --stack lab"),
        ("  to mend it: kubectl get pods -A", "  to mend it:\n  kubectl get pods -A"),
        ("  kubectl get pods -A --watch", "  kubectl get pods -A --watch"),
        ("now do `pulumi up --yes` and look", "now do\n`pulumi up --yes`\nand look"),
        ("write it as {kind: Deployment, name: cart}", "write it as\n{kind: Deployment, name: cart}"),
        ("at https://example.com/a-long-address", "at\nhttps://example.com/a-long-address"),
        # A table of Markdown is one only with whole lines.
        ("| version | traffic now |", "| version | traffic now |"),
    ],
)
def test_sentences_break_at_words_and_what_is_typed_stays_whole(text: str, shown: str) -> None:
    assert wrapped(text, 16) == shown


def on_a_terminal(rows: int, columns: int) -> str:
    """What `explain` says on a terminal of this size."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (rows, columns))
    with subprocess.Popen(EXPLAIN, cwd=ROOT, stdout=theirs, stderr=theirs):
        os.close(theirs)
        seen = b""
        # It fails once nobody has the other end.
        with suppress(OSError):
            while True:
                seen += os.read(ours, 65536)
    os.close(ours)
    return seen.decode()


def test_only_a_terminal_has_shorter_lines() -> None:
    logged = subprocess.run(EXPLAIN, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert max(map(len, logged.splitlines())) > 60
    seen = on_a_terminal(24, 60)
    assert max(map(len, seen.splitlines())) <= 60
    assert seen.split() == logged.split()
    # As `ssh -tt` out of a pipeline has it: nobody gave it a size.
    assert on_a_terminal(0, 0).splitlines() == logged.splitlines()
