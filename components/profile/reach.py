"""Whether this machine has a way to a profile's API server, whatever answers there."""

import socket

from ..kubernetes import kubeconfig
from ..kubernetes.connection import parsed
from ..kubernetes.errors import KubeconfigError
from .profile import Profile

# A machine that is there answers a connection at once, if only by refusing it.
_SECONDS = 5


def lost(profile: Profile) -> str | None:
    """What to say where a node's address is not reached; None where it is, or where it is not known."""
    try:
        server = parsed(str(kubeconfig.read(profile.reference).cluster["server"]), "http", "https")
    except KubeconfigError:
        return None
    if server is None:
        return None
    try:
        socket.create_connection((server.hostname, server.port or 443), _SECONDS).close()
    except ConnectionRefusedError:
        return None
    except OSError as error:
        return (
            f"This machine does not reach the node of {profile.name} at {server.hostname} "
            f"({error.strerror or error}): a VPN has taken its address, or a firewall stands before it. "
            "Leave the VPN. Or make the cluster anew at other addresses: write `flags: "
            f"[subnet=192.168.200.0/24]` in {profile.source}, then type: "
            f"minikube delete --profile {profile.name} && pulumi up"
        )
    return None
