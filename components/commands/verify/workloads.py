"""Can each version serve: is it scaled up, rolled out, and do its pods run?"""

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import RolloutError
from ...kubernetes.api import Api
from ...kubernetes.errors import GatewayError
from ...kubernetes.workloads import pod_reasons, rollout_gap
from ...kubernetes.writers import last_writer
from ...observation.live import Live
from ...settings.model import Settings
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
        by = last_writer(deployment, _REPLICAS)
        named = f" by {by}" if by is not None and not by.is_pulumi else ""
        if wanted.replicas is not None and has != wanted.replicas:
            yield Difference(f"{version} is scaled to {has} and not {wanted.replicas}{named}", refresh(name))
        elif not has and settings.weights[version]:
            where = f"-n {settings.app.namespace} deployment/{settings.app.name}-{version}"
            yield Difference(f"{version} is scaled to 0{named}", f"kubectl scale {where} --replicas=1")


def unready(settings: Settings, now: Live, api: Api) -> Iterator[Difference]:
    """Yield the versions with traffic that are not rolled out, with their pods' own reasons."""
    for version, deployment in _deployments(settings, now):
        gap = rollout_gap(version, deployment)
        if gap is not None and settings.weights[version] and deployment["spec"].get("replicas", 1):
            reasons = "; ".join((gap, *_reasons(settings, version, api)))
            yield Difference(f"version {reasons}", _look(settings, version))


def idle(settings: Settings, now: Live, api: Api) -> Iterator[str]:
    """Yield a warning for each version without traffic whose pods do not run."""
    for version, deployment in _deployments(settings, now):
        if not settings.weights[version] and rollout_gap(version, deployment) is not None:
            for reason in _reasons(settings, version, api):
                yield f"version {version} gets no traffic and could take none: {reason}"


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


def _look(settings: Settings, version: str) -> str:
    labels = f"app={settings.app.name},version={version}"
    return f"kubectl describe pods -n {settings.app.namespace} -l {labels}"
