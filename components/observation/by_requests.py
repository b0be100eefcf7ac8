"""What the versions served where no gateway may be asked: of a command's own requests, by their marks."""

from collections.abc import Iterable, Mapping

from ..errors import RolloutError
from ..manifests.objects import objects
from ..manifests.routes import marks
from ..pulumi_cli import splits
from ..settings.model import Settings
from .answers import Answer
from .traffic import Served


def served(settings: Settings, answers: Iterable[Answer]) -> Mapping[str, Served]:
    """By version, the answers that came by the split of the config; others count for none."""
    (service,) = (one for one in objects(settings) if one["kind"] == "VirtualService")
    versions = {mark: version for version, mark in marks(service["spec"]).items()}
    found: dict[str, Served] = {}
    for answer in answers:
        if answer.mark in versions:
            version = versions[answer.mark]
            found[version] = found.get(version, Served()) + Served(1, int(not answer.ok))
    return found


def evidence(served_by: Mapping[str, Served], requests: int) -> str:
    """Say what the answers tell, and that it is the weaker evidence."""
    shares = ", ".join(f"{version} {one.requests}" for version, one in served_by.items())
    came = sum(one.requests for one in served_by.values())
    return (
        f"requests alone: {came} of {requests} answers came by this split{f' ({shares})' if shares else ''}; "
        "no gateway was asked"
    )


def must_be_asked(name: str, settings: Settings, what: str) -> None:
    """Raises RolloutError where the stack says that no gateway may be asked, which this needs."""
    if settings.convergence.by_requests:
        options = splits.options(name)
        msg = (
            f"{what} goes by what the gateways count, and {name} has convergence.evidence: requests, so "
            f"none may be asked; what requests alone tell: blue-green watch {options}"
        )
        raise RolloutError(msg)
