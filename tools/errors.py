"""The one error of this package that a user sees, without a traceback."""


class ToolsError(Exception):
    """Something that the user can mend; its text says what and how."""
