"""Sessions at a terminal for the docs: each command typed, run, and drawn as its reader would see it."""

import io
import re
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

SECONDS = 600
# So high that nothing scrolls away.
_ROWS = 300
# Each of these is legible on the first, its background (WCAG AA).
_BACKGROUND, _FOREGROUND = (22, 27, 34), (230, 237, 243)
_NORMAL = [
    (110, 118, 129),
    (255, 123, 114),
    (86, 211, 100),
    (227, 179, 65),
    (108, 182, 255),
    (210, 168, 255),
    (86, 212, 221),
    (230, 237, 243),
]
_THEME = TerminalTheme(_BACKGROUND, _FOREGROUND, _NORMAL)
_PROMPT = re.compile(r"(^|\n)\$\s*\Z")
_FONT_FACE = re.compile(r"@font-face {[^}]*}\s*")


@dataclass(frozen=True)
class Terminal:
    """A shell in a terminal of its own.

    Attributes:
        columns: how wide it is.
        socket: where its tmux listens.
    """

    columns: int
    socket: Path

    def type(self, command: str) -> None:
        """Type a line, and go on."""
        self._tmux("send-keys", "-l", command)
        # Until it is there, the screen still shows the prompt before it.
        self._until(lambda screen: not _PROMPT.search(screen), command)
        self._tmux("send-keys", "Enter")

    def run(self, command: str) -> None:
        """Type a line, and wait for the next prompt."""
        self.type(command)
        self.prompt()

    def prompt(self) -> None:
        """Wait until the shell asks for the next line."""
        self.until(_PROMPT)

    def until(self, pattern: re.Pattern[str]) -> None:
        """Wait until the screen shows a pattern; TimeoutError says what it shows instead."""
        self._until(lambda screen: bool(pattern.search(screen)), pattern.pattern)

    def interrupt(self) -> None:
        """Type Ctrl-C, and wait for the prompt."""
        self._tmux("send-keys", "C-c")
        self.prompt()

    def clear(self) -> None:
        """Empty the screen, for the next picture."""
        self._tmux("send-keys", "C-l")
        self.until(re.compile(r"^\$\s*\Z"))

    def picture(self, title: str, identity: str) -> str:
        """Draw the screen as SVG, without the prompt that waits for the next line."""
        shown = Text.from_ansi(self._tmux("capture-pane", "-e", "-p").rstrip())
        lines = shown.split(allow_blank=True)
        while lines and lines[-1].plain.strip() in ("", "$"):
            lines.pop()
        console = Console(record=True, width=self.columns, file=io.StringIO(), force_terminal=True)
        for line in lines:
            console.print(line, no_wrap=True, overflow="ignore", crop=False)
        # Of the last line, the picture cuts off what hangs below.
        console.print()
        svg = console.export_svg(title=title, theme=_THEME, unique_id=identity)
        # Nothing is fetched to show it.
        return _FONT_FACE.sub("", svg).replace("Fira Code, monospace", "ui-monospace, monospace")

    def _until(self, shown: Callable[[str], bool], what: str) -> None:
        end = time.monotonic() + SECONDS
        while not shown(screen := self._tmux("capture-pane", "-p")):
            if time.monotonic() > end:
                raise TimeoutError(f"no {what!r} in {SECONDS} s:\n{screen.strip()}")
            time.sleep(0.2)

    def _tmux(self, *arguments: str) -> str:
        command = ("tmux", "-u", "-S", str(self.socket), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def terminal(columns: int, folder: Path, environment: Mapping[str, str]) -> Generator[Terminal]:
    """A shell in a folder, its prompt a dollar sign, that ends with the block."""
    with TemporaryDirectory() as home:
        opened = Terminal(columns, Path(home, "tmux"))
        settings = Path(home, "settings")
        settings.write_text('set -g default-terminal "tmux-256color"\nset -g status off\n')
        size = ("-x", str(columns), "-y", str(_ROWS))
        server = ("tmux", "-u", "-S", str(opened.socket), "-f", str(settings))
        shell = ("new-session", "-d", *size, "bash", "--norc", "--noprofile")
        subprocess.run((*server, *shell), cwd=folder, env={**environment, "PS1": "$ "}, check=True)
        try:
            opened.prompt()
            yield opened
        finally:
            subprocess.run(("tmux", "-S", str(opened.socket), "kill-server"), check=True)
