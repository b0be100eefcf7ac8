"""Do the pods of the last proof serve? And the wait for those that an `up` replaces."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..kubernetes import workloads
from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError, NotConvergedError
from .chain import Split
from .envoy import Target
from .waiting import InterruptedWaitError, outcome, wait_until

_ByVersion = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Served:
    """By version, what served it: images by digest, and Kubernetes' hashes of pod templates.

    The states of earlier releases have no templates.
    """

    images: _ByVersion
    templates: _ByVersion

    def has_images(self, version: str, others: "Served") -> bool:
        """Whether all images of the version among `others` are of these."""
        return set(others.images[version]) <= set(self.images.get(version, ()))

    def has(self, version: str, others: "Served") -> bool:
        """The same of images and templates."""
        templates = others.templates[version]
        known = self.templates.get(version, templates)
        return self.has_images(version, others) and set(templates) <= set(known)


def served(api: Api, target: Target, versions: Collection[str]) -> Served:
    """What serves the versions now. Raises GatewayError."""
    found = workloads.serving(api, target.namespace, {one: target.workload(one) for one in versions})
    return Served(
        {version: one.images for version, one in found.items()},
        {version: one.templates for version, one in found.items()},
    )


def serves_only(split: Split, proved: Served, own: Collection[str]) -> bool:
    """Whether no version is served by an image without a proof, or by pods that are to go.

    While a workload that is not the stack's `own` is rolled out, its images are in motion and tell nothing.
    Raises GatewayError.
    """
    target = split.target
    with Api(split.kubeconfig) as api:
        now = served(api, target, {*proved.images, *own})
        others = [version for version in proved.images if not proved.has_images(version, now)]
        if any(version in own for version in others):
            return False
        if len(not_rolled_out(api, target, others)) < len(others):
            return False
        return not _leaving(api, target, proved, now, own)


def wait_for_replaced(
    split: Split, versions: Collection[str], own: Collection[str], proved: Served, seconds: float
) -> Served:
    """Waits until no pods serve a version that the last proof lacks and that are to go; returns what does.

    Somebody else wrote their template, and the `up` has put it back. Of the versions the `own` ones are the
    stack's. Raises NotConvergedError with what is left of them, and why no new ones take their place.
    """
    target = split.target
    now, leaving = Served({}, {}), dict[str, str]()
    with Api(split.kubeconfig) as api:

        def check() -> tuple[str, ...]:
            nonlocal now, leaving
            now = served(api, target, versions)
            leaving = _leaving(api, target, proved, now, own)
            return tuple(leaving.values())

        try:
            wait_until(check, seconds, lambda: pod_reasons(api, target, tuple(leaving)))
        except NotConvergedError as error:
            said, rest = outcome(error, f"after {seconds:g} s")
            late = tuple(leaving)
            reasons = [with_cure(api, target, *one) for one in leaving.items()]
            lines = [f"Requests still reach pods that are to go{said}", *(reasons or rest)]
            if late and not isinstance(error, InterruptedWaitError):
                lines += pod_reasons(api, target, late)
                look = f"-n {target.namespace} describe pods -l {selector(target, late)}"
                lines.append(f"Look at: {api.kubectl} {look}")
            lines.append("To try again, run pulumi up; to go back, set the config back before it.")
            raise type(error)("\n  ".join(lines)) from error
        # The Deployments were asked after the pods: some of these may have left meanwhile.
        return now if all(proved.has(version, now) for version in own) else served(api, target, versions)


def not_rolled_out(api: Api, target: Target, versions: Iterable[str]) -> dict[str, str]:
    """The versions that are not rolled out, and why. Raises GatewayError."""
    reasons = {one: workloads.not_rolled_out(api, target.namespace, target.workload(one)) for one in versions}
    return {version: reason for version, reason in reasons.items() if reason is not None}


def with_cure(api: Api, target: Target, version: str, reason: str) -> str:
    """The reason why a workload is not rolled out, and below it what to type, where it waits for somebody."""
    one = target.workload(version)
    does: dict[str, tuple[str, str]] = {
        # The controller of an autoscaler leaves alone what has 0, and an `up` what has no `replicas`.
        workloads.EMPTY: ("No autoscaler takes it from there", "scale {} --replicas=1"),
        workloads.PAUSED: ("Whoever paused it lets it go on", "rollout resume {}"),
    }
    for end, (why, command) in does.items():
        if reason.endswith(end):
            typed = command.format(f"{one.kind.lower()}/{one.name}")
            return f"{reason}\n  {why}; type: {api.kubectl} -n {target.namespace} {typed}"
    return reason


def pod_reasons(api: Api, target: Target, versions: tuple[str, ...]) -> list[str]:
    """What the versions' pods that are not ready say of themselves; or why the cluster does not tell."""
    reasons: list[str] = []
    for version in versions:
        try:
            reasons += workloads.pod_reasons(api, target.namespace, target.workload(version).labels)
        except GatewayError as error:
            reasons.append(str(error))
    return reasons


def selector(target: Target, versions: tuple[str, ...]) -> str:
    """Labels of the versions' pods, as kubectl takes them; of the stack's own the one that all have."""
    theirs = target.existing.get(versions[0])
    labels = {"app": target.virtual_service} if theirs is None else theirs.labels
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _leaving(api: Api, target: Target, proved: Served, now: Served, own: Collection[str]) -> dict[str, str]:
    """The versions that are served by pods that were not proved and are to go, and by how many."""
    unproved = [version for version in own if not proved.has(version, now)]
    reasons = {one: workloads.being_replaced(api, target.namespace, target.workload(one)) for one in unproved}
    return {version: reason for version, reason in reasons.items() if reason is not None}
