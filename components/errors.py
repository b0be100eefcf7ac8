"""The one error of the commands that a user sees, without a traceback."""


class RolloutError(Exception):
    """Something that the user can mend; its text says what and how."""


class NotAskedError(RolloutError):
    """The cluster or its gateways cannot be asked, so that nothing is known of them."""
