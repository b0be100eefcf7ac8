"""What others wrote into the stack's VirtualService and Service."""

from typing import Any

from components.gateway.finding import Grade
from components.gateway.foreign import foreign, foreign_ports
from components.manifests import routes, workload
from components.settings.model import App, RequestMark, Routing

MANIFEST = routes.virtual_service(App("shop", "web"), {"v1": 100}, Routing(timeout="5s"))


def item(by: str, **rule: object) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:spec": {"f:http": {}}}
    wrote = {"manager": by, "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    spec = MANIFEST["spec"]
    changed = spec | {"http": [spec["http"][0] | rule]}
    return {"metadata": {"namespace": "web", "name": "shop", "managedFields": [wrote]}, "spec": changed}


def test_a_field_that_the_stack_does_not_write_is_a_note_with_its_writer() -> None:
    (found,) = foreign(item("kubectl-edit", corsPolicy={"allowOrigins": []}), MANIFEST)
    assert str(found) == (
        'VirtualService web/shop has corsPolicy: {"allowOrigins": []}, which the stack does not write '
        "(written by kubectl-edit at 2026-01-01T00:00:00Z)"
    )
    assert found.grade is Grade.NOTE
    (found,) = foreign(item("kubectl-edit", timeout="9s"), MANIFEST)
    assert 'has timeout: "9s"' in found.cause


def test_rules_and_fields_beside_the_stacks_own_are_found_whatever_their_order() -> None:
    theirs = item("kubectl-edit")
    theirs["spec"]["http"].insert(0, {"match": [{"uri": {"prefix": "/a"}}]})
    theirs["spec"]["tcp"] = []
    assert [one.cause.partition(" has ")[2] for one in foreign(theirs, MANIFEST)] == [
        "tcp: [], which the stack does not write",
        'another rule: {"match": [{"uri": {"prefix": "/a"}}]}, which the stack does not write',
    ]


def test_nothing_is_foreign_that_is_as_written_or_that_pulumi_wrote_last() -> None:
    assert foreign(item("kubectl-edit"), MANIFEST) == ()
    # Another config of the stack's own, which has yet to be applied.
    assert foreign(item("pulumi-kubernetes-1a2b", timeout="9s"), MANIFEST) == ()


def test_a_port_that_the_stack_does_not_write_is_a_note_with_its_writer_and_the_line_that_takes_it_away() -> (
    None
):
    service = workload.service(App("shop", "web"))
    fields: dict[str, Any] = {"f:spec": {"f:ports": {'k:{"port":9090,"protocol":"TCP"}': {}}}}
    wrote = {"manager": "kubectl-edit", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    ports = [*service["spec"]["ports"], {"name": "metrics", "port": 9090, "protocol": "TCP"}]
    metadata = {"namespace": "web", "name": "shop", "managedFields": [wrote]}
    (found,) = foreign_ports({"metadata": metadata, "spec": {"ports": ports}}, service)
    assert str(found) == (
        "Service web/shop has the port 9090, which the stack does not write: each preview shows it as an "
        "update, and no `up` takes it away (written by kubectl-edit at 2026-01-01T00:00:00Z). To mend it: "
        'kubectl -n web patch service shop --type=json -p \'[{"op": "remove", "path": "/spec/ports/1"}]\''
    )
    assert found.grade is Grade.NOTE
    assert foreign_ports({"metadata": metadata, "spec": service["spec"]}, service) == ()


def test_the_stacks_own_test_routes_are_not_foreign_and_a_change_of_one_is() -> None:
    marks = {"v2": RequestMark(header={"x-version": "v2"})}
    app, routing = App("shop", "web"), Routing(timeout="5s")
    manifest = routes.virtual_service(app, {"v1": 100}, routing, marks)
    theirs = item("kubectl-edit")
    test, split = manifest["spec"]["http"]
    theirs["spec"]["http"] = [test, split]
    assert foreign(theirs, manifest) == ()
    theirs["spec"]["http"] = [test | {"match": []}, split]
    assert [one.cause.partition(" has ")[2] for one in foreign(theirs, manifest)] == [
        "match: [], which the stack does not write"
    ]
