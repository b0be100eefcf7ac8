"""Every kind of change that is promised to drop nothing."""

from dataclasses import dataclass

from proof import callers, others, sticky, streams
from proof.signals import interrupted, killed
from proof.steps import (
    HALF,
    Step,
    image_of_v1,
    istio_annotation,
    kubectl,
    mirrored,
    of_v1,
    random_splits,
    refresh,
    replicas,
    sidecar,
    tested,
    to,
    to_without_istiod,
)


@dataclass(frozen=True)
class Transition:
    """A change under load.

    Attributes:
        name: the line of the table.
        steps: what is done, one after the other.
        short: part of the short form that `make test` runs.
        follows: it begins with what the one before it left; the others, with two versions of half each.
    """

    name: str
    steps: tuple[Step, ...]
    short: bool = True
    follows: bool = False


ROLLOUT_GATEWAY = ("rollout", "status", "deployment/istio-ingressgateway", "-n", "istio-system")
SCALE_GATEWAY = ("scale", "deployment/istio-ingressgateway", "-n", "istio-system")
ROLL = ("rollout", "restart", "-n", "istio-system")

TRANSITIONS = (
    Transition("50/50 → 0/100 → 100/0", (to({"v1": 0, "v2": 100}), to({"v1": 100, "v2": 0}))),
    Transition("ten random splits in a row", random_splits(10, seed=2026), short=False),
    Transition("add v3 with weight at once", (to({"v1": 60, "v2": 30, "v3": 10}, ("v1", "v2", "v3")),)),
    Transition("remove the version that had traffic", (to(HALF, ("v1", "v2")),), follows=True),
    Transition(
        "{v1, v2} replaced by {v3, v4} in one up", (to({"v3": 50, "v4": 50}, ("v3", "v4")),), follows=True
    ),
    Transition("put back to the earlier config", (to(HALF, ("v1", "v2")),), follows=True),
    Transition("new image of a version with traffic", (image_of_v1("v3"), image_of_v1("v1"))),
    # tests/extended/test_files.py and test_autoscaling.py have them in short.
    Transition(
        "files of a version added, changed, removed",
        (of_v1(files={"/etc/a": "one"}), of_v1(files={"/etc/a": "two"}), of_v1()),
        short=False,
    ),
    Transition(
        "pod template of a version added, changed, removed",
        (of_v1(podTemplate=sidecar("one")), of_v1(podTemplate=sidecar("two")), of_v1()),
        short=False,
    ),
    # tests/apps/test_grpc.py has more of gRPC.
    Transition(
        "gRPC requests and streams beside moves",
        (streams.added, streams.moved({"v1": 0, "v2": 100}), streams.moved(HALF), streams.removed),
        short=False,
    ),
    Transition(
        "another team's Deployment made a version, rolled by its owner during a move, taken out",
        (
            others.their_workload,
            others.with_theirs({"v1": 40, "v2": 30, "v3": 30}),
            others.rolled_by_its_owner({"v1": 10, "v2": 10, "v3": 80}),
            to(HALF, ("v1", "v2")),
            kubectl("delete", "deployment", others.THEIRS),
        ),
        short=False,
    ),
    Transition(
        "autoscaler added, raised, removed",
        (
            of_v1(autoscaling={"min": 1, "max": 3}),
            of_v1(autoscaling={"min": 3, "max": 4}),
            kubectl(
                "wait", "deployment/myapp-v1", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=120s"
            ),
            of_v1(),
            replicas(1),
        ),
        short=False,
    ),
    Transition("replicas 1 → 3 → 1", (replicas(3), replicas(1))),
    Transition("up interrupted, superseded by another", (interrupted, to(HALF))),
    Transition("up killed at twenty points, carried on by another", killed(points=20), short=False),
    # tests/extended/test_killed_up.py has one without load.
    Transition("up killed in its middle, carried on by another", killed(points=1), short=False),
    # tests/extended/test_test_routes.py has them in short, with the requests of the test routes too.
    Transition(
        "test routes added, moved beside, changed, removed",
        (
            tested({"v2": {"header": {"x-version": "v2"}}}),
            to({"v1": 100, "v2": 0}),
            tested({"v1": {"cookie": {"version": "v1"}}, "v2": {"header": {"x-version": "green"}}}),
            to(HALF),
            tested({}),
        ),
        short=False,
    ),
    Transition(
        "mirror added, changed, moved beside, removed",
        (
            to({"v1": 100, "v2": 0}),
            mirrored({"version": "v2", "percent": 10}),
            mirrored({"version": "v2", "percent": 100}),
            to({"v1": 40, "v2": 0, "v3": 60}, ("v1", "v2", "v3")),
            mirrored(None),
            to(HALF, ("v1", "v2")),
        ),
        short=False,
    ),
    # tests/extended/test_callers.py has them in short.
    Transition(
        "callers in the mesh, in ten namespaces: a move, a version added, one removed",
        (
            callers.added(10),
            callers.moved(10, {"v1": 0, "v2": 100}),
            callers.moved(10, {"v1": 60, "v2": 30, "v3": 10}, ("v1", "v2", "v3")),
            callers.moved(10, HALF),
            callers.removed(10),
        ),
        short=False,
    ),
    Transition(
        "callers in the mesh: versions replaced, image, replicas, istiod restarted, up superseded, killed",
        (
            callers.added(10),
            *callers.beside(
                10,
                to({"v3": 50, "v4": 50}, ("v3", "v4")),
                to(HALF, ("v1", "v2")),
                image_of_v1("v3"),
                image_of_v1("v1"),
                replicas(3),
                replicas(1),
                kubectl(*ROLL, "deployment/istiod"),
                to_without_istiod({"v1": 10, "v2": 90}),
                to_without_istiod(HALF),
                interrupted,
                to(HALF),
                *killed(points=1),
            ),
            callers.removed(10),
        ),
        short=False,
    ),
    # tests/extended/test_sticky_version.py has them in short.
    Transition("users who stay: the weights move, by a cookie", sticky.moved(), short=False),
    Transition("users who stay: added, changed, superseded, killed, removed", sticky.changed(), short=False),
    Transition("refresh", (refresh,)),
    Transition(
        "gateway scaled 1 → 3 → 1",
        (
            kubectl(*SCALE_GATEWAY, "--replicas=3"),
            kubectl(*ROLLOUT_GATEWAY, "--timeout=120s"),
            to({"v1": 20, "v2": 80}),
            kubectl(*SCALE_GATEWAY, "--replicas=1"),
            kubectl(*ROLLOUT_GATEWAY, "--timeout=120s"),
            to(HALF),
        ),
    ),
    # Istio's values, below, roll it too.
    Transition(
        "gateway rolled",
        (
            kubectl(*ROLL, "deployment/istio-ingressgateway"),
            kubectl(*ROLLOUT_GATEWAY, "--timeout=120s"),
        ),
        short=False,
    ),
    Transition(
        "istiod restarted during a change",
        (
            kubectl(*ROLL, "deployment/istiod"),
            to_without_istiod({"v1": 10, "v2": 90}),
            to_without_istiod(HALF),
        ),
    ),
    Transition("another team's objects come and go on the same gateway", others.come_and_go(), short=False),
    Transition("Istio values changed", (istio_annotation("one"), istio_annotation("two"))),
)
