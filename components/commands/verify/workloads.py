"""Can each version serve: is it scaled up, rolled out, and do its pods run?"""

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import RolloutError
from ...kubernetes.api import Api
from ...kubernetes.errors import GatewayError
from ...kubernetes.workloads import PAUSED, pod_reasons, rollout_gap, serves_on
from ...kubernetes.writers import last_writer
from ...observation.live import Live
from ...settings.model import Settings
from .fields import beside
from .mend import refresh
from .verdict import Difference

_REPLICAS = ("spec", "replicas")


def scaled(name: str, settings: Settings, now: Live) -> Iterator[Difference]:
    """Yield the versions whose number of replicas somebody changed, or that get traffic with none.

    A number that is not in the config is never put back by an `up`.
    """
    for version, wanted in settings.versions.items():
        deployment = now.objects.get(("Deployment", f"{settings.app.name}-{version}"))
        if deployment is None:
            continue
        has = int(deployment["spec"].get("replicas", 1))
        named = _by(deployment, now.emptied.get(version))
        if wanted.replicas is not None and has != wanted.replicas:
            yield Difference(f"{version} is scaled to {has} and not {wanted.replicas}{named}", refresh(name))
        elif not has and settings.weights[version]:
            where = f"-n {settings.app.namespace} deployment/{settings.app.name}-{version}"
            yield Difference(f"{version} is scaled to 0{named}", f"{now.kubectl} scale {where} --replicas=1")


def _by(deployment: Mapping[str, Any], emptied: str | None) -> str:
    """Who wrote the number of replicas last: a clause with a time, empty where it was an `up`."""
    by = last_writer(deployment, _REPLICAS)
    if by is not None:
        return "" if by.is_pulumi else f" by {by}"
    # Of a scale to 0 the API server notes no manager: its number is left out as the zero value.
    at = f", at {emptied}" if emptied else ""
    return (
        f" by the subresource scale, as of kubectl scale{at}"
        if deployment["spec"].get("replicas") == 0
        else ""
    )


def paused(settings: Settings, now: Live) -> Iterator[Difference]:
    """Yield the versions whose next change would not be rolled out."""
    for version, deployment in _deployments(settings, now):
        if deployment["spec"].get("paused"):
            by = last_writer(deployment, ("spec", "paused"))
            where = f"-n {settings.app.namespace} deployment/{settings.app.name}-{version}"
            yield Difference(
                f"version {version} is paused{f' by {by}' if by else ''}: no change of it is rolled out",
                f"{now.kubectl} rollout resume {where}",
            )


def unready(name: str, settings: Settings, now: Live, api: Api) -> Iterator[Difference]:
    """Yield the versions with traffic that are not rolled out, with their pods' own reasons.

    What others wrote into the pods beside our own fields is the first to be looked at then.
    """
    for version, deployment in _deployments(settings, now):
        gap = rollout_gap(version, deployment)
        if gap is None or not settings.weights[version] or not deployment["spec"].get("replicas", 1):
            continue
        # Told by `paused`, with who did it.
        if gap.endswith(PAUSED):
            continue
        if not serves_on(deployment):
            yield from beside(name, settings, now, version)
            reasons = "; ".join((gap, *_reasons(settings, version, api)))
            yield Difference(f"version {reasons}", _look(settings, version, now.kubectl))


def of_others(settings: Settings, now: Live) -> Iterator[Difference]:
    """Yield the versions with traffic whose workload somebody else has, and which is gone or lacks pods."""
    for version, wanted in settings.versions.items():
        one, pods = wanted.existing, now.pods.get(version)
        if one is None or not settings.weights[version]:
            continue
        where = f"{now.kubectl} describe {one.kind.lower()} {one.name} -n {settings.app.namespace}"
        if pods is None:
            gone = f"version {version}: there is no {one.kind} {one.name} any more, which its owner had"
            yield Difference(gone, f"{now.kubectl} get {one.kind.lower()}s -n {settings.app.namespace}")
        elif pods.ready < pods.wanted or not pods.wanted:
            count = f"{pods.ready} of {pods.wanted} pods ready"
            yield Difference(f"version {version}: {one.kind} {one.name} has {count}", where)


def impaired(settings: Settings, now: Live, api: Api) -> Iterator[str]:
    """Yield a warning for each version without traffic whose pods do not run, and for one that lost some."""
    for version, deployment in _deployments(settings, now):
        gap = rollout_gap(version, deployment)
        if gap is None:
            continue
        reasons = _reasons(settings, version, api)
        if not settings.weights[version]:
            for reason in reasons:
                yield f"version {version} gets no traffic and could take none: {reason}"
        elif serves_on(deployment):
            yield f"version {'; '.join((gap, *reasons))}"


def _deployments(settings: Settings, now: Live) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for version in settings.versions:
        deployment = now.objects.get(("Deployment", f"{settings.app.name}-{version}"))
        if deployment is not None:
            yield version, deployment


def _reasons(settings: Settings, version: str, api: Api) -> tuple[str, ...]:
    labels = {"app": settings.app.name, "version": version}
    try:
        return pod_reasons(api, settings.app.namespace, labels)
    except GatewayError as error:
        raise RolloutError(str(error)) from error


def _look(settings: Settings, version: str, kubectl: str) -> str:
    labels = f"app={settings.app.name},version={version}"
    return f"{kubectl} describe pods -n {settings.app.namespace} -l {labels}"
