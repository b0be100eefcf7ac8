"""How a user sets one of our options: in the stack config of this program, or in a component's arguments."""

import re
from dataclasses import dataclass

from .carrier import in_plugin
from .settings.mistakes import of_stack
from .settings.stack import typed_name


@dataclass(frozen=True)
class Options:
    """The words by which messages name options.

    `component` is the one whose arguments they are, such as BlueGreen cart; None: they stand in the stack
    config.
    """

    component: str | None = None

    def hook(self, name: str) -> str:
        """The name of a hook: in a program they have to differ from component to component."""
        return name if self.component is None else f"{self.component}: {name}"

    def name(self, path: str) -> str:
        """An option's name, such as blue-green:app.takeOwnership."""
        return f"blue-green:{path}" if self.component is None else snake(path)

    def line(self, path: str, value: str) -> str:
        """The line that sets it: to type, or to write."""
        if self.component is None:
            quoted = f"'{self.name(path)}'" if "[" in path else self.name(path)
            return _of_this_stack(f"pulumi config set --path {quoted} {value}")
        return f"{snake(path)}: {value}, in the arguments of {self.component}"

    def removal(self, path: str) -> str:
        """The line that takes it out again: to type, or what to leave out."""
        if self.component is None:
            return _of_this_stack(f"pulumi config rm --path {self.name(path)}")
        return f"and leave out {self.name(path)}, in the arguments of {self.component}"


IN_CONFIG = Options()


def _of_this_stack(line: str) -> str:
    """The line for the stack that runs, which a thread of its own may not know."""
    return of_stack(line, typed_name())


def snake(path: str) -> str:
    """A path of config keys as arguments have it: containerPort is container_port, but in the plugin."""
    if in_plugin():
        return path
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", path)
