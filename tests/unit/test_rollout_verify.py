"""What verify calls a difference, by its logic alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from components.commands.verify.fields import beside, fields
from components.commands.verify.requests import Sent, elsewhere, failures, shares
from components.commands.verify.verdict import Difference, Status, Verdict
from components.commands.verify.workloads import paused, scaled
from components.gateway.gateways import Gateways
from components.manifests.objects import objects
from components.observation.answers import Answer
from components.observation.live import Live
from components.observation.traffic import Served
from components.settings.model import Settings
from components.settings.parse import parse
from tests.unit.fake_cluster import FakeGateway, fake_cluster

KUBECTL: Mapping[str, Any] = {
    "manager": "kubectl-edit",
    "time": "2026-01-02T00:00:00Z",
    "fieldsV1": {
        "f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {
            "f:http": {},
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:image": {}, "f:env": {}}}}},
        },
    },
}
SCALE: Mapping[str, Any] = {
    "manager": "kubectl",
    "subresource": "scale",
    "time": "2026-01-02T00:00:00Z",
    "fieldsV1": {"f:spec": {"f:replicas": {}}},
}


def settings(weights: Mapping[str, int], **version: object) -> Settings:
    return parse(
        {
            "cluster": {"kind": "minikube", "profile": "dev"},
            "app": {"name": "app"},
            "versions": {key: {"image": "app:1", **version} for key in weights},
            "weights": weights,
        }
    )


def cluster(of: Settings, *writers: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects as a cluster has them after an `up` of these settings, and as the state has them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for manifest in objects(of):
        metadata: dict[str, Any] = {**manifest["metadata"], "managedFields": list(writers)}
        found[manifest["kind"], metadata["name"]] = {**manifest, "metadata": metadata}
    return found


def live(objects_: Mapping[tuple[str, str], Mapping[str, Any]]) -> Live:
    return Live({"v1": 100}, None, objects_, (), {})


def container(objects_: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    containers = objects_["Deployment", "app-v1"]["spec"]["template"]["spec"]["containers"]
    return next(one for one in containers if one["name"] == "app")


def test_a_cluster_as_the_last_up_left_it_has_no_difference() -> None:
    asked = settings({"v1": 100, "v2": 0}, replicas=2, resources={"limits": {"cpu": "0.5"}})
    there = cluster(asked)
    container(there)["resources"]["limits"]["cpu"] = "500m"
    # What admission and others add.
    container(there)["imagePullPolicy"] = "IfNotPresent"
    container(there)["terminationMessagePath"] = "/dev/termination-log"
    there["Deployment", "app-v1"]["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy"})
    there["Service", "app"]["spec"]["clusterIP"] = "10.0.0.1"
    # What Kubernetes leaves out.
    del container(there)["readinessProbe"]["initialDelaySeconds"]
    assert list(fields("dev", asked, live(there), cluster(asked))) == []


def test_a_field_that_somebody_wrote_is_named_with_its_writer() -> None:
    asked = settings({"v1": 100}, env={"MODE": "a"})
    there = cluster(asked, KUBECTL)
    container(there)["image"] = "app:2"
    container(there)["env"][0]["value"] = "secret"
    found = list(fields("dev", asked, live(there), cluster(asked)))
    where = "Deployment default/app-v1: spec.template.spec.containers[app]"
    by = "written by kubectl-edit at 2026"
    assert [one.what.removesuffix("-01-02T00:00:00Z") for one in found] == [
        f"{where}.image is app:2 and not app:1, {by}",
        f"{where}.env[MODE].value is another one, {by}",
    ]
    assert {one.mend for one in found} == {"blue-green up --stack dev --refresh"}


def test_what_is_as_the_last_up_left_it_is_not_applied_and_nobody_drifted() -> None:
    asked, before = settings({"v1": 60, "v2": 40}, env={"NEW": "b"}), settings({"v1": 100})
    found = list(fields("dev", asked, live(cluster(before)), cluster(before)))
    assert {one.status for one in found} == {Status.NOT_APPLIED}
    assert [one.what for one in found] == [
        "not applied: Deployment default/app-v1: spec.template.spec.containers[app].env is another one",
        "not applied: Deployment default/app-v2 is not there yet",
        "not applied: DestinationRule default/app-v2 is not there yet",
        "not applied: PodDisruptionBudget default/app-v2 is not there yet",
        "not applied: VirtualService default/app says v1 100 % and not v1 60 %, v2 40 %",
    ]


def test_rules_that_the_last_up_exported_to_all_are_no_difference_and_what_somebody_wrote_there_is() -> None:
    asked = settings({"v1": 100})

    def exported(*to: str) -> dict[tuple[str, str], dict[str, Any]]:
        found = cluster(asked)
        rule = found["DestinationRule", "app-v1"]
        rule["spec"] = {**rule["spec"], "exportTo": list(to)} if to else rule["spec"]
        return found

    assert list(fields("dev", asked, live(exported("*")), exported("*"))) == []
    what = "DestinationRule default/app-v1: spec.exportTo"
    for last, now, says in (
        ((), ("*",), f"{what} is not of the config"),
        (("*",), (".",), f"{what}[0] is . and not *"),
    ):
        (found,) = fields("dev", asked, live(exported(*now)), exported(*last))
        assert found.what == says


def test_what_somebody_added_to_the_route_is_named_with_the_command_that_takes_it_out() -> None:
    asked = settings({"v1": 100})
    there = cluster(asked, KUBECTL)
    there["VirtualService", "app"]["spec"] = {
        **there["VirtualService", "app"]["spec"],
        "http": [{**there["VirtualService", "app"]["spec"]["http"][0], "corsPolicy": {}}],
    }
    (found,) = fields("dev", asked, live(there), cluster(asked))
    assert "].corsPolicy is not of the config, written by kubectl-edit at 2026-01-02T00:00:00Z" in found.what
    assert found.mend == (
        "kubectl -n default patch virtualservice app --type=json -p "
        """'[{"op": "remove", "path": "/spec/http/0/corsPolicy"}]'"""
    )


@pytest.mark.parametrize(
    ("replicas", "has", "says"),
    [
        (3, 1, "v1 is scaled to 1 and not 3 by kubectl, subresource scale, at 2026-01-02T00:00:00Z"),
        (None, 0, "v1 is scaled to 0 by kubectl, subresource scale, at 2026-01-02T00:00:00Z"),
        (None, 5, None),
    ],
)
def test_a_version_that_was_scaled_by_hand(replicas: int | None, has: int, says: str | None) -> None:
    asked = settings({"v1": 100}, **({} if replicas is None else {"replicas": replicas}))
    there = cluster(asked, SCALE)
    there["Deployment", "app-v1"]["spec"]["replicas"] = has
    found = list(scaled("dev", asked, live(there)))
    assert [one.what for one in found] == ([] if says is None else [says])
    assert [one.mend for one in found if replicas is None] == (
        [] if says is None or replicas else ["kubectl scale -n default deployment/app-v1 --replicas=1"]
    )


def test_a_scale_to_0_that_names_no_manager_is_named_by_its_time() -> None:
    asked = settings({"v1": 100})
    there = cluster(asked)
    there["Deployment", "app-v1"]["spec"]["replicas"] = 0
    now = Live({"v1": 100}, None, there, (), {}, {"v1": "2026-01-02T00:00:00Z"}, "kubectl --context a")
    (found,) = scaled("dev", asked, now)
    by = "the subresource scale, as of kubectl scale, at 2026-01-02T00:00:00Z"
    assert found.what == f"v1 is scaled to 0 by {by}"
    assert found.mend == "kubectl --context a scale -n default deployment/app-v1 --replicas=1"


def test_a_scale_has_no_time_where_the_api_server_notes_none() -> None:
    asked = settings({"v1": 100}, replicas=2)
    there = cluster(asked, {key: value for key, value in SCALE.items() if key != "time"})
    there["Deployment", "app-v1"]["spec"]["replicas"] = 1
    (found,) = scaled("dev", asked, live(there))
    assert found.what == "v1 is scaled to 1 and not 2 by kubectl, subresource scale"


def test_a_port_that_somebody_changed_is_put_back_by_a_patch() -> None:
    asked = settings({"v1": 100})
    there = cluster(asked)
    there["Service", "app"]["spec"] = {
        **there["Service", "app"]["spec"],
        "ports": [{"name": "http", "port": 81, "targetPort": "http"}],
    }
    (found,) = fields("dev", asked, live(there), cluster(asked))
    assert found.mend == (
        "kubectl -n default patch service app --type=json -p "
        """'[{"op": "replace", "path": "/spec/ports/0/port", "value": 80}]'"""
    )


def test_a_paused_version_is_named_with_the_line_that_resumes_it() -> None:
    asked = settings({"v1": 100})
    there = cluster(asked)
    there["Deployment", "app-v1"]["spec"]["paused"] = True
    (found,) = paused(asked, live(there))
    assert found.what == "version v1 is paused: no change of it is rolled out"
    assert found.mend == "kubectl rollout resume -n default deployment/app-v1"


def test_what_others_wrote_into_the_pods_is_named_by_the_containers_name() -> None:
    asked = settings({"v1": 100})
    there = cluster(asked, KUBECTL)
    pod = there["Deployment", "app-v1"]["spec"]["template"]["spec"]
    pod["containers"] = [{"name": "proxy"}, {**container(there), "env": [{"name": "A"}], "tty": True}]
    found = list(beside("dev", asked, live(there), "v1"))
    # Nobody is noted for the proxy and the terminal: that is the API server's own default, or admission.
    assert [one.what.partition(",")[0] for one in found] == [
        "Deployment default/app-v1: spec.template.spec.containers[app].env is not of the config"
    ]
    assert '"path": "/spec/template/spec/containers/1/env"' in found[0].mend


def test_one_label_more_in_a_services_selector_is_a_difference() -> None:
    asked = settings({"v1": 100})
    there = cluster(asked)
    there["Service", "app"]["spec"] = {
        **there["Service", "app"]["spec"],
        "selector": {"app": "app", "version": "v1"},
    }
    (found,) = fields("dev", asked, live(there), cluster(asked))
    assert found.what == "Service default/app: spec.selector.version is not of the config"


@pytest.mark.parametrize(
    ("v1", "before", "differences"),
    [
        (0, {}, 0),
        # It came while v1 had traffic, and ended while verify counted.
        (1, {"v1": 1}, 0),
        (1, {}, 2),
        (3, {"v1": 1}, 2),
    ],
)
def test_requests_from_before_a_change_are_no_difference(
    v1: int, before: Mapping[str, int], differences: int
) -> None:
    sent = Sent((), {"v1": Served(v1), "v2": Served(200)}, before)
    assert len(list(shares(settings({"v1": 0, "v2": 100}), sent, "kubectl"))) == differences


def test_answers_that_no_version_gave_are_a_failure() -> None:
    answers = tuple(Answer(0, 0, "x", "x", ok=number > 0) for number in range(11))
    assert list(elsewhere(Sent(answers, {"v1": Served(4), "v2": Served(6)}, {}), "kubectl")) == []
    (found,) = elsewhere(Sent(answers, {"v1": Served(1), "v2": Served(2)}, {}), "kubectl")
    assert found.status is Status.FAILING
    assert found.what.startswith("7 of 10 answers came from elsewhere than the app's versions")


FINE = Answer(0, 0, "v1", "V1", ok=True, status=200)
BAD = Answer(0, 0, "v1", "HTTP 500: oops", ok=False, status=500)


@pytest.mark.parametrize(
    ("answers", "served", "who"),
    [
        ((FINE, replace(BAD, by_app=True)), 2, "the app answered so"),
        ((replace(FINE, by_app=True), BAD), 2, "the gateway answered itself"),
        # A good answer has not Envoy's header either.
        ((FINE, BAD), 2, "whether the app answered so is not known: no answer has Envoy's header for it"),
        ((BAD, BAD), 0, "the gateway answered itself"),
        # Others' requests came to the versions.
        ((BAD, BAD), 99, "the gateway answered itself"),
    ],
)
def test_who_answered_badly(answers: tuple[Answer, ...], served: int, who: str) -> None:
    with (
        fake_cluster(FakeGateway("a", {})) as cluster,
        Gateways(cluster.kubeconfig, {"istio": "x"}) as gateways,
    ):
        sent = Sent(answers, {"v1": Served(served)}, {})
        (found,) = failures(settings({"v1": 100}), sent, gateways, explained=False)
    assert found.what.endswith(f" of 2 requests failed: HTTP 500: oops; {who}")
    assert found.status is Status.FAILING
    assert ("logs" in found.mend) is (who != "the gateway answered itself")


def test_the_worst_is_the_exit_status() -> None:
    found = [Difference(str(one), status=one) for one in (Status.NOT_APPLIED, Status.DRIFTED, Status.FAILING)]
    statuses = [Verdict("dev", {}, tuple(found[:count])).status for count in range(4)]
    assert statuses == [Status.AS_CONFIGURED, Status.NOT_APPLIED, Status.DRIFTED, Status.FAILING]
