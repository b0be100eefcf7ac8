"""What carries our resources: a Python program, or the plugin for programs in every language."""

_plugin = False


def in_plugin() -> bool:
    """Whether this process is the plugin."""
    return _plugin


def be_plugin() -> None:
    """From now on this process is the plugin: it serves its resources itself, and arguments are camelCase."""
    global _plugin
    _plugin = True
