"""The commands that `verify` and `watch` tell, typable as printed."""


def up(stack: str) -> str:
    """Return the command that makes a stack what its config says."""
    return f"blue-green up --stack {stack}"


def refresh(stack: str) -> str:
    """Return the command that puts back what others changed."""
    return f"{up(stack)} --refresh"
