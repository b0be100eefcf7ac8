"""Random pieces of a pod template as a config could have them, with the directives of the strategic merge."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Piece = Mapping[str, Any]

_NAMES = st.sampled_from(["a", "b", "c"])
_TEXT = st.sampled_from(["", "x", "8080", "/data"])
_QUANTITY = st.sampled_from(["10m", "1", "64Mi"])


def _some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of the members, each of them null now and then."""
    return st.fixed_dictionaries({}, optional={key: st.none() | one for key, one in members.items()})


def _object(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """As `_some`, or all of it replaced or deleted."""
    found = _some(**members)
    replaced = found.map(
        lambda one: {key: value for key, value in one.items() if value is not None} | {"$patch": "replace"}
    )
    return found | found | replaced | st.just({"$patch": "delete"})


def _list(key: str, member: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[Any]]:
    """Members with a key each, some of them deleted; now and then the whole list is replaced."""
    deleted = member.map(lambda one: {key: one[key], "$patch": "delete"})
    unique = st.lists(member | member | deleted, max_size=3, unique_by=lambda one: one[key])
    return unique | unique.map(lambda found: [*found, {"$patch": "replace"}])


def _named(
    key: str, names: st.SearchStrategy[Any], **members: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(names, _some(**members)).map(lambda one: {key: one[0], **one[1]})


_ENV = _list("name", _named("name", st.sampled_from(["A", "B", "C", "D"]), value=_TEXT))
_PROBE = _object(
    periodSeconds=st.integers(1, 9),
    failureThreshold=st.integers(1, 9),
    tcpSocket=st.just({"port": 80}),
    httpGet=st.just({"path": "/healthz", "port": 80}),
)
_SECURITY = _object(
    runAsUser=st.integers(1, 9),
    runAsNonRoot=st.booleans(),
    capabilities=_object(add=st.lists(st.sampled_from(["CHOWN", "KILL"]), unique=True)),
)
_CONTAINER: Mapping[str, st.SearchStrategy[Any]] = {
    "image": st.just("image:1"),
    "command": st.lists(_TEXT, max_size=2),
    "args": st.lists(_TEXT, max_size=2),
    "env": _ENV,
    "ports": _list(
        "containerPort",
        _named("containerPort", st.sampled_from([80, 81, 82]), name=st.sampled_from(["http", "extra"])),
    ),
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "securityContext": _SECURITY,
    "resources": _object(requests=_object(cpu=_QUANTITY), limits=_object(memory=_QUANTITY)),
    "volumeMounts": _list(
        "mountPath", _named("mountPath", st.sampled_from(["/a", "/b"]), name=_NAMES, readOnly=st.booleans())
    ),
    "lifecycle": _object(
        preStop=_object(sleep=_object(seconds=st.integers(1, 9)), exec=st.just({"command": ["true"]}))
    ),
}
_MEDIUM: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional={"medium": st.just("Memory")})
_VOLUME = (
    _named("name", _NAMES, emptyDir=_MEDIUM)
    | _named("name", _NAMES, configMap=st.just({"name": "settings"}))
    | _NAMES.map(
        lambda name: {"name": name, "secret": {"secretName": "s"}, "$retainKeys": ["name", "secret"]}
    )
)
_TERM = st.just({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]})
_SPREAD = _named(
    "topologyKey",
    st.sampled_from(["zone", "host"]),
    maxSkew=st.integers(1, 2),
    whenUnsatisfiable=st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]),
)
_SPEC = _some(
    containers=_list("name", _named("name", st.sampled_from(["shop", "sidecar", "other"]), **_CONTAINER)),
    initContainers=_list("name", _named("name", st.sampled_from(["first", "second"]), **_CONTAINER)),
    volumes=_list("name", _VOLUME),
    imagePullSecrets=_list("name", _named("name", _NAMES)),
    hostAliases=_list(
        "ip",
        _named("ip", st.sampled_from(["10.0.0.1", "10.0.0.2"]), hostnames=st.lists(_NAMES, unique=True)),
    ),
    topologySpreadConstraints=_list("topologyKey", _SPREAD),
    tolerations=st.lists(st.just({"key": "gpu", "operator": "Exists"}), max_size=1),
    nodeSelector=_object(zone=_NAMES, disk=_NAMES),
    affinity=_object(
        nodeAffinity=_object(
            requiredDuringSchedulingIgnoredDuringExecution=_object(
                nodeSelectorTerms=st.lists(_TERM, max_size=1)
            )
        )
    ),
    securityContext=_object(
        fsGroup=st.integers(1, 9),
        seccompProfile=_object(type=st.just("Unconfined")),
        runAsUser=st.integers(1, 9),
    ),
    serviceAccountName=st.just("default"),
    priorityClassName=st.just("system-cluster-critical"),
    terminationGracePeriodSeconds=st.integers(6, 60),
    dnsConfig=_object(options=st.just([{"name": "ndots", "value": "1"}])),
    shareProcessNamespace=st.booleans(),
)
# Of what a config may say in `podTemplate`.
PIECES: st.SearchStrategy[Piece] = st.fixed_dictionaries(
    {},
    optional={
        "spec": _SPEC,
        "metadata": _some(annotations=_object(a=_TEXT, b=_TEXT), labels=_some(tier=_NAMES, a=_NAMES)),
    },
)
