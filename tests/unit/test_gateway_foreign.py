"""What others wrote into the stack's VirtualService."""

from typing import Any

from components.gateway.finding import Grade
from components.gateway.foreign import foreign
from components.manifests import routes
from components.settings.model import App, Routing

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
