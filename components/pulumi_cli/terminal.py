"""What the commands say to a person: on a narrow terminal, sentences break between words."""

import os
import re
import textwrap
from typing import TextIO

# What is typed as it is printed: in backticks, a piece of YAML, or a command that its line ends with.
_TYPED = re.compile(
    r"`[^`]*`|[{\[].*[}\]]|(?:(?<=: )|(?<=^  ))"
    r"(?:blue-green|curl|document\.cookie|eval|git|kubectl|make|minikube|pulumi|python3?|sudo) .*"
)
_HELD = "\0"


def fitted(text: str, file: TextIO) -> str:
    """A text as it goes to a file: broken at words where that is a terminal, unchanged in a log."""
    if not file.isatty():
        return text
    # One that nobody gave a size says 0, such as that of `ssh -tt` out of a pipeline.
    columns = os.get_terminal_size(file.fileno()).columns
    return wrapped(text, columns) if columns else text


def wrapped(text: str, columns: int) -> str:
    """Break lines that are longer than so many columns at words, each in its own indent.

    Markdown's tables stay. What is to be typed stays in one line, however long, so that it can be copied.
    """
    return "\n".join(_wrapped(line, columns) for line in text.split("\n"))


def _wrapped(line: str, columns: int) -> str:
    if len(line) <= columns or line.startswith("|"):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    held = _TYPED.sub(lambda found: found[0].replace(" ", _HELD), line)
    broken = textwrap.fill(
        held.lstrip(),
        columns,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return broken.replace(_HELD, " ")
