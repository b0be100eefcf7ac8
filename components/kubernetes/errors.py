"""What can go wrong when a cluster or a gateway is asked."""


class GatewayError(Exception):
    """A cluster or a gateway cannot be asked; the message says which, why and what to do."""


class KubeconfigError(GatewayError):
    """A kubeconfig or one of its contexts is not there or cannot be used; the message says where."""


class UnreachableError(GatewayError):
    """The API server does not answer."""


class RefusedError(GatewayError):
    """The API server answers, and takes the credentials for none that it knows (HTTP 401)."""


class ForbiddenError(GatewayError):
    """The kubeconfig's user lacks a right; the message has the rule to add. No waiting gives it."""


class NotConvergedError(GatewayError):
    """What was awaited did not come in time; the message says what is still missing."""


class ChangedMeanwhileError(GatewayError):
    """The object is no longer as it was read: somebody else wrote it."""
