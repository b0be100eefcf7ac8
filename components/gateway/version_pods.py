"""Are a version's endpoints in an Envoy pods of that version, and of no other workload?"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ..kubernetes import workloads
from ..kubernetes.api import Api
from ..kubernetes.workloads import Pod, Workload
from .envoy import Target
from .finding import Finding, Grade, Link, some


@dataclass(frozen=True)
class VersionPods:
    """The pods of a version, and the others of its app.

    Attributes:
        version: its name.
        namespace: where all of them are.
        workload: what runs the version's.
        ours: the version's.
        others: those that are not.
        is_down: whether what runs the version's is there and says that none is ready.
    """

    version: str
    namespace: str
    workload: Workload
    ours: tuple[Pod, ...]
    others: tuple[Pod, ...]
    is_down: bool

    def findings(self, endpoints: frozenset[str]) -> Iterator[Finding]:
        """What an Envoy that sends the version's requests to these addresses has wrong."""
        ready = workloads.addresses_of(one for one in self.ours if one.ready)
        if ready and not ready & endpoints:
            cause = f"knows none of the ready pods of {self.version}: it has no news from istiod"
            yield Finding(Link.ENDPOINTS, cause)
        elif self.is_down and endpoints:
            where = some(sorted(endpoints), ", ")
            cause = f"still sends requests of {self.version} to {where}, and none of its pods is ready"
            yield Finding(Link.ENDPOINTS, cause)
        # Pods on the node's own network have one address.
        strange = endpoints - workloads.addresses_of(self.ours)
        reached = [one for one in self.others if one.addresses & strange]
        labelled = [one for one in reached if one.has(self.workload)]
        if labelled:
            yield self._labelled(labelled)
        elif reached:
            # An Envoy may be about to follow a rule that was put back.
            cause = f"sends requests of {self.version} to {self._named(reached)}, without its labels"
            yield Finding(Link.RULE, cause)

    def _labelled(self, reached: list[Pod]) -> Finding:
        labels = workloads.selector(self.workload.labels)
        cause = (
            f"sends requests of {self.version} to {self._named(reached)}, with its labels {labels}, "
            f"and not of {self.workload.kind} {self.workload.name}"
        )
        first = reached[0]
        cure = f"kubectl -n {self.namespace} label pod {first.name} version-"
        if first.maker:
            kind, name = first.maker.split()
            look = f"kubectl -n {self.namespace} get {kind.lower()} {name}"
            cure = f"give the pods of {first.maker} other labels: {look}"
        return Finding(Link.ENDPOINTS, cause, cure, grade=Grade.BROKEN)

    def _named(self, reached: list[Pod]) -> str:
        names = [f"{self.namespace}/{one.name}" for one in reached]
        return f"{'pod' if len(names) == 1 else 'pods'} {some(names, ', ')}"


def of(api: Api, target: Target, versions: Collection[str]) -> Mapping[str, VersionPods]:
    """By version, its pods and those of others. Raises GatewayError."""
    common = workloads.common_labels(map(target.workload, versions))
    # Of one version alone those of the others are looked at too.
    of_app = {key: value for key, value in common.items() if key != "version"} or common
    pods = workloads.pods(api, target.namespace, of_app)
    return {version: _of(api, target, version, pods) for version in sorted(versions)}


def _of(api: Api, target: Target, version: str, pods: tuple[Pod, ...]) -> VersionPods:
    workload = target.workload(version)
    # Whose workload is somebody else's, the labels say which pods are the version's.
    is_own = version not in target.existing
    ours = tuple(one for one in pods if one.has(workload) and (not is_own or one.is_of(workload.name)))
    others = tuple(one for one in pods if one not in ours)
    is_down = False
    if not any(one.ready for one in ours):
        # Pods of somebody else's workload may have labels that the caller does not know.
        is_down = workloads.ready_count(api, target.namespace, workload) == 0
    return VersionPods(version, target.namespace, workload, ours, others, is_down)
