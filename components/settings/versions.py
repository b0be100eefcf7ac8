"""What the keys of one version say together, which the forms of single values do not tell."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import fields

from . import pod_template, rules
from .forms import camel
from .mistakes import Mistake, shown
from .model import Probes, Resources, Routing, Settings, Version

_SET = "pulumi config set --path"
# What the stack says of a version whose pods somebody else has.
_OF_EXISTING = ("deployment", "subset", "traffic_policy", "workload")


def mistakes(settings: Settings, project: str) -> Iterator[Mistake]:
    """Everything that is wrong with the versions."""
    if not settings.versions:
        remedy = f"Type: {_SET} '{project}:versions.v1.image' IMAGE:TAG"
        yield Mistake(("versions",), "there is no version", remedy)
    own = {name: version for name, version in settings.versions.items() if version.existing is None}
    for place, wrong, remedy in pod_template.mistakes(settings.app, own):
        yield Mistake(place, wrong, remedy)
    yield from _shared(settings.versions)
    longest = 62 - len(settings.app.name)
    for name, version in settings.versions.items():
        path = ("versions", name)
        if not rules.DNS_LABEL.accepts(name):
            yield Mistake(path, f"{shown(name)} is not {rules.DNS_LABEL.form}", "Rename it")
        elif len(name) > longest:
            wrong = f"{settings.app.name}-{name} has more than 63 characters"
            yield Mistake(path, wrong, f"Take at most {longest} characters")
        yield from _existing(path, version)
        yield from selecting((*path, "labels"), version.labels)
        yield from _resources((*path, "resources"), version.resources)
        yield from balancing(path, version.traffic_policy, settings.routing)
        yield from _deadline(path, version)
        yield from _autoscaling((*path, "autoscaling"), version)
        yield from _probes((*path, "probes"), version.probes)
        yield from _files((*path, "files"), version)
        for index, one in enumerate(version.restart_on):
            if (one.secret is None) == (one.config_map is None):
                wrong = "it needs the name of a Secret or of a ConfigMap"
                yield Mistake((*path, "restartOn", index), wrong, "Write {secret: NAME} or {configMap: NAME}")


def _files(path: tuple[str, ...], version: Version) -> Iterator[Mistake]:
    for one in sorted(version.files):
        above = next((other for other in version.files if one.startswith(f"{other}/")), None)
        if above is not None:
            yield Mistake((*path, one), f"{above} is a file, not a folder", "Give one of them another path")


def _probes(path: tuple[str, ...], probes: Probes) -> Iterator[Mistake]:
    named = (("readiness", probes.readiness), ("liveness", probes.liveness), ("startup", probes.startup))
    for name, probe in named:
        if probe is not None and probe.path is not None and probe.grpc is not None:
            yield Mistake((*path, name, "grpc"), "there is a path as well", "Take one of them out")


def _existing(path: tuple[str, ...], version: Version) -> Iterator[Mistake]:
    """A version has an image, or else a workload that somebody else has, whose owner says all of the pods."""
    existing = version.existing
    if existing is None:
        if not version.image:
            yield Mistake((*path, "image"), "it is missing", f"Write {rules.IMAGE.form}")
        if version.subset.labels:
            wrong = "the stack's own pods are told apart by the label version"
            yield Mistake((*path, "subset"), wrong, "Take it out")
        return
    if version.deployment and version.workload:
        yield Mistake((*path, "deployment"), "it is workload in short", "Take one of them out")
    plain = Version()
    for one in fields(Version):
        if one.name not in _OF_EXISTING and getattr(version, one.name) != getattr(plain, one.name):
            wrong = f"the owner of {existing.kind} {existing.name} says that"
            yield Mistake((*path, camel(one.name)), wrong, "Take it out")


def _shared(versions: Mapping[str, Version]) -> Iterator[Mistake]:
    for (_, before), (name, version) in itertools.combinations(versions.items(), 2):
        if version.existing is not None and version.existing == before.existing:
            wrong = f"another version has {version.existing.kind} {version.existing.name}"
            yield Mistake(("versions", name), wrong, "Give each its own")


def _resources(path: tuple[str, ...], resources: Resources) -> Iterator[Mistake]:
    requests, limits = resources.requests, resources.limits
    for part, amounts in (("requests", requests), ("limits", limits)):
        memory = amounts.get("memory", "")
        if memory.endswith("m"):
            yield Mistake((*path, part, "memory"), f"{memory} is thousandths of a byte", "Write Mi for MiB")
    for name in sorted(set(requests) & set(limits)):
        if rules.quantity(requests[name]) > rules.quantity(limits[name]):
            wrong = f"{requests[name]} is more than its limit, {limits[name]}"
            yield Mistake((*path, "requests", name), wrong, "Lower it, or raise the limit")


def _autoscaling(path: tuple[str, ...], version: Version) -> Iterator[Mistake]:
    wanted = version.autoscaling
    if wanted is None:
        return
    if version.replicas is not None:
        wrong = "replicas says the number of pods, which the autoscaler would change"
        yield Mistake(path, wrong, "Take one of them out")
    if wanted.min > wanted.max:
        yield Mistake(
            (*path, "min"), f"{wanted.min} is more than max, {wanted.max}", "Lower it, or raise max"
        )


def _deadline(path: tuple[str, ...], version: Version) -> Iterator[Mistake]:
    """Kubernetes takes 0 and 600 where the config has none."""
    deadline = 600 if version.progress_deadline_seconds is None else version.progress_deadline_seconds
    if deadline <= (version.min_ready_seconds or 0):
        wrong = f"a roll-out would be called stuck after {deadline} s, before its pods can count as ready"
        yield Mistake((*path, "progressDeadlineSeconds"), wrong, "Write more than minReadySeconds")


def selecting(path: tuple[str, ...], labels: Mapping[str, str]) -> Iterator[Mistake]:
    """The labels that are set by the stack itself."""
    for name in ("app", "version"):
        if name in labels:
            yield Mistake((*path, name), "it selects the version's pods", "Take it out, it is set")


def balancing(path: tuple[str, ...], policy: Mapping[str, object], routing: Routing) -> Iterator[Mistake]:
    """A load balancer beside that of a sticky session."""
    if routing.sticky_session is not None and "loadBalancer" in policy:
        wrong = "routing.stickySession is the load balancer already"
        yield Mistake((*path, "trafficPolicy", "loadBalancer"), wrong, "Take one of them out")
