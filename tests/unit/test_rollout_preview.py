"""The preview's Markdown: traffic first, warnings, what must never be in it, and its limit."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from components.commands.main import app
from components.commands.preview import comment, markdown, run
from components.commands.preview.change import Change, Resource, of_digest, risks
from components.commands.preview.snapshot import Snapshot, Workload, of_manifests, of_settings
from components.errors import RolloutError
from components.manifests.routes import split
from components.pulumi_cli import project
from components.settings.parse import parse
from tests.fake_github import GitHub, fake_github

IMAGES = {"v1": "app:1", "v2": "app:2"}


def _template(image: str, probe: str = "httpGet") -> dict[str, Any]:
    return {"spec": {"containers": [{"image": image, "readinessProbe": {probe: {}}}]}}


def snapshot(weights: Mapping[str, int], images: Mapping[str, str] = IMAGES, replicas: int = 2) -> Snapshot:
    return Snapshot(
        weights, {version: Workload(image, replicas, _template(image)) for version, image in images.items()}
    )


def change(before: Snapshot, after: Snapshot, resources: tuple[Resource, ...] = ()) -> Change:
    return Change("prod", before, after, resources)


SPLIT = Resource("update", "VirtualService", "app-virtualservice", True, ("spec.http[0]",), ("-weight: 1",))


def test_traffic_comes_first_and_the_gain_before_the_loss() -> None:
    moved = change(snapshot({"v1": 90, "v2": 10}), snapshot({"v1": 50, "v2": 50}), (SPLIT,))
    lines = markdown.comment([moved], {}).splitlines()
    assert lines[0] == markdown.MARKER
    assert lines[2] == "### `prod`: v2: 10 % → 50 %, v1: 90 % → 50 %"
    assert lines[4] == "No pods restart. One object changes."


def test_nothing_changes_is_said_plainly() -> None:
    same = change(snapshot({"v1": 100}), snapshot({"v1": 100}))
    assert markdown.comment([same], {}) == f"{markdown.MARKER}\n\n### `prod`: nothing changes"


def test_all_traffic_to_one_replica_is_a_risk() -> None:
    moved = change(snapshot({"v1": 60, "v2": 40}), snapshot({"v2": 100}, replicas=1))
    assert list(risks(moved, {})) == [
        "All traffic goes to v2, which has one replica.",
        "v2 gains 60 points in one step.",
    ]


def test_what_the_program_warns_of_for_the_split_is_a_risk() -> None:
    split_urn = "urn:pulumi:prod::blue-green::blue-green:index:TrafficSplit::app"
    diagnostics = [
        {"urn": split_urn, "severity": "warning", "message": "a change takes away: …\n"},
        {"urn": split_urn, "severity": "info", "message": "no warning"},
        {"severity": "warning", "message": "Pulumi's own"},
    ]
    found = of_digest("prod", [], {"steps": [], "diagnostics": diagnostics})
    assert list(risks(found, {})) == ["a change takes away: …"]


def test_a_version_that_gains_and_that_no_probe_asks_is_a_risk() -> None:
    after = Snapshot(
        {"v1": 50, "v2": 50}, {v: Workload("a:1", 2, _template("a:1", "tcpSocket")) for v in IMAGES}
    )
    (risk,) = risks(change(snapshot({"v1": 100}), after), {})
    assert risk.startswith("v2 has no HTTP or gRPC readiness probe")
    asked = {v: Workload("a:1", 2, _template("a:1", "exec")) for v in IMAGES}
    assert list(risks(change(snapshot({"v1": 100}), Snapshot(after.weights, asked)), {})) == []


def test_fifty_points_in_one_step_are_no_risk_and_more_are() -> None:
    for gain, warned in ((50, 0), (51, 1)):
        moved = change(snapshot({"v1": 100}), snapshot({"v1": 100 - gain, "v2": gain}))
        assert len(list(risks(moved, {}))) == warned


def test_version_that_no_other_stack_has_served_is_a_risk() -> None:
    moved = change(snapshot({"v1": 100}), snapshot({"v1": 90, "v2": 10}))
    assert list(risks(moved, {"dev": {"app:2"}})) == []
    assert list(risks(moved, {"dev": {"app:1"}})) == ["No other stack (dev) has served v2 (`app:2`)."]


def test_version_is_known_elsewhere_by_its_digest_too() -> None:
    pinned = {"v1": "app:1", "v2": "mirror/app:2@sha256:2"}
    moved = change(snapshot({"v1": 100}, pinned), snapshot({"v1": 90, "v2": 10}, pinned))
    assert list(risks(moved, {"dev": {"app:2", "sha256:2"}})) == []
    assert len(list(risks(moved, {"dev": {"app:2", "sha256:1"}}))) == 1


def test_version_that_loses_traffic_is_no_risk() -> None:
    moved = change(snapshot({"v1": 100}, replicas=1), snapshot({"v1": 50, "v2": 50}, replicas=2))
    assert list(risks(moved, {})) == []


def _step(op: str, kind: str, name: str, old: Any, new: Any) -> dict[str, Any]:
    def state(inputs: Any) -> dict[str, Any] | None:
        return None if inputs is None else {"type": kind, "urn": f"urn::{name}", "inputs": inputs}

    step = {"op": op, "urn": f"urn::{name}", "oldState": state(old), "newState": state(new)}
    return {key: value for key, value in step.items() if value is not None}


def test_what_a_kubernetes_secret_holds_is_masked() -> None:
    secret = {"kind": "Secret", "data": {"key": "aHVudGVyMg=="}, "stringData": {"other": "hunter2"}}
    digest = {"steps": [_step("create", "kubernetes:core/v1:Secret", "s", None, secret)]}
    body = markdown.comment([of_digest("prod", [], digest)], {})
    assert "hunter2" not in body
    assert "aHVudGVyMg==" not in body
    assert "[secret]" in body


def test_deleted_version_is_no_more_in_what_comes_after() -> None:
    deployment = {
        "kind": "Deployment",
        "metadata": {"labels": {"version": "v2"}},
        "spec": {"template": {"spec": {"containers": [{"image": "app:2"}]}}},
    }
    kind = "kubernetes:apps/v1:Deployment"
    step = _step("delete", kind, "d", deployment, None)
    found = of_digest("prod", [{"type": kind, "urn": "urn::d", "inputs": deployment}], {"steps": [step]})
    assert (set(found.before.workloads), set(found.after.workloads)) == ({"v2"}, set())
    assert "v2 is removed." in markdown.comment([found], {})


def test_zeros_that_the_state_leaves_out_restart_no_pod() -> None:
    def with_delay(probe: dict[str, Any]) -> Snapshot:
        container = {"image": "app:1", "readinessProbe": probe}
        labels = {"metadata": {"labels": {"version": "v1"}}}
        spec = {"template": {"spec": {"containers": [container]}}}
        return of_manifests([{"kind": "Deployment", **labels, "spec": spec}])

    zero = with_delay({"initialDelaySeconds": 0, "periodSeconds": 2})
    assert change(with_delay({"periodSeconds": 2.0}), zero).restarted == ()
    assert change(with_delay({"initialDelaySeconds": 5, "periodSeconds": 2}), zero).restarted == ("v1",)


def test_config_that_cannot_be_compared_with_the_cluster_says_what_is_not_known() -> None:
    config = {
        "cluster": {"kind": "minikube", "profile": "dev"},
        "app": {"name": "app"},
        "versions": {"v1": {"image": "app:1"}, "v2": {"image": "app:2"}},
    }
    before = of_settings(parse({**config, "weights": {"v1": 100}}))
    after = of_settings(parse({**config, "weights": {"v1": 80, "v2": 20}}))
    blind = Change("prod", before, after, None, "The cluster cannot be reached.")
    body = markdown.comment([blind], {})
    assert "### `prod`: v2: 0 % → 20 %, v1: 100 % → 80 %" in body
    assert "No pods restart." in body
    assert "> The cluster cannot be reached." in body
    assert "nothing changes" in markdown.comment([dataclasses.replace(blind, after=before)], {})


@given(
    stacks=st.integers(1, 4),
    resources=st.integers(1, 400),
    lines=st.integers(0, 200),
    line=st.text(alphabet="ab`+- ", max_size=300),
)
def test_limit_holds_and_no_summary_is_cut(stacks: int, resources: int, lines: int, line: str) -> None:
    many = tuple(
        Resource("update", "Deployment", f"app-{number}", True, ("spec.a", "spec.b"), (line,) * lines)
        for number in range(resources)
    )
    changes = [
        Change(f"s{number}", snapshot({"v1": 90, "v2": 10}), snapshot({"v1": 50, "v2": 50}), many)
        for number in range(stacks)
    ]
    body = markdown.comment(changes, {})
    assert len(body) <= markdown.LIMIT
    for number in range(stacks):
        assert f"### `s{number}`: v2: 10 % → 50 %, v1: 90 % → 50 %" in body


def test_code_fence_in_the_diff_does_not_end_the_fold() -> None:
    nasty = dataclasses.replace(SPLIT, diff=("+```", "+</details>"))
    body = markdown.comment([change(snapshot({"v1": 90}), snapshot({"v1": 50}), (nasty,))], {})
    assert "````diff\n" in body
    assert body.endswith("\n````\n\n</details>")


PERSON = {"login": "somebody", "type": "User"}
APP = {"login": "my-app[bot]", "type": "Bot"}


def test_a_program_of_ones_own_has_the_preview_of_pulumi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {shop:weights: {v1: 100}}\n")
    monkeypatch.chdir(tmp_path)

    def asked(*arguments: str, **_: object) -> None:
        pytest.fail(f"pulumi {arguments} is run")

    monkeypatch.setattr(project, "run", asked)
    with pytest.raises(RolloutError) as refused:
        run.preview("prod")
    assert str(refused.value) == (
        "stack prod is of a program of its own, whose preview is Pulumi's alone. "
        "Type: pulumi preview --diff --stack prod"
    )


@pytest.fixture
def github() -> Iterator[GitHub]:
    with fake_github(
        *(
            {"body": f"{markdown.MARKER} of a person {number}", "url": "x", "user": PERSON}
            for number in range(150)
        )
    ) as server:
        yield server


def test_comment_is_made_once_and_then_replaced(github: GitHub) -> None:
    request = comment.PullRequest(github.api, "team/app", 7, "token")
    first = comment.post(request, f"{markdown.MARKER}\none")
    second = comment.post(request, f"{markdown.MARKER}\ntwo")
    assert first == second
    assert [one["body"] for one in github.comments[150:]] == [f"{markdown.MARKER}\ntwo"]


@pytest.mark.parametrize(("author", "user"), [(APP, 403), ({"login": "me", "type": "User"}, 200)])
def test_whoever_the_token_is_of_the_comment_is_replaced(author: dict[str, str], user: int) -> None:
    others: list[dict[str, Any]] = [
        {"body": f"{markdown.MARKER}\nof others", "url": "x", "user": other} for other in (PERSON, None)
    ]
    with fake_github(*others, author=author, user=user) as server:
        request = comment.PullRequest(server.api, "team/app", 7, "token")
        first = comment.post(request, f"{markdown.MARKER}\none")
        assert comment.post(request, f"{markdown.MARKER}\ntwo") == first
    assert [one["body"] for one in server.comments[2:]] == [f"{markdown.MARKER}\ntwo"]


def test_no_second_comment_is_made_while_github_cannot_say_whose_the_token_is() -> None:
    mine = {"body": f"{markdown.MARKER}\none", "url": "x", "user": PERSON}
    with fake_github(mine, author=PERSON, user=502) as server:
        request = comment.PullRequest(server.api, "team/app", 7, "token")
        with pytest.raises(RolloutError, match=r"GitHub did not take the comment: .*502"):
            comment.post(request, f"{markdown.MARKER}\ntwo")
    assert server.comments == [mine]


def test_each_name_has_a_comment_of_its_own(github: GitHub) -> None:
    request = comment.PullRequest(github.api, "team/app", 7, "token")
    bodies = [
        markdown.comment([], {}, marker=markdown.marker(name)) for name in (None, "staging", "shop/staging")
    ]
    assert bodies[0].startswith(f"{markdown.MARKER}\n")
    first = [comment.post(request, body) for body in bodies]
    assert len(set(first)) == len(bodies)
    assert [comment.post(request, body) for body in bodies] == first


@pytest.mark.parametrize("name", ["", "-->", "a\nb", "staging -->"])
def test_a_name_that_would_end_the_marker_is_refused(name: str) -> None:
    done = CliRunner().invoke(app, ["preview", "--stack", "prod", "--comment", name])
    assert isinstance(done.exception, RolloutError)
    assert str(done.exception) == (
        f"--comment {name!r} is no name for a comment. Take letters, digits, -, _, . and /"
    )


def test_refused_comment_is_one_sentence(github: GitHub) -> None:
    with pytest.raises(RolloutError, match=r"GitHub did not take the comment: .*403"):
        comment.post(comment.PullRequest(github.api, "team/app", 7, "wrong"), "body")


def test_missing_variable_is_named() -> None:
    with pytest.raises(RolloutError, match="GITHUB_TOKEN is not set"):
        comment.of_environment(7, {"GITHUB_REPOSITORY": "team/app"})


@pytest.mark.parametrize("spec", [{}, {"tcp": []}, {"http": [{"redirect": {"uri": "/"}}]}])
def test_route_that_somebody_wrote_by_hand_may_split_nothing(spec: dict[str, Any]) -> None:
    assert split(spec) == {}


def test_pickled_providers_and_bookkeeping_are_left_out() -> None:
    inputs = {"__provider": "gASVLw", "weights": {"v1": 50}}
    step: dict[str, Any] = {
        "op": "update",
        "urn": "urn:pulumi:lab::blue-green::a::app-ready",
        "oldState": {"type": "pulumi-python:dynamic:SplitReady", "inputs": inputs},
        "newState": {
            "type": "pulumi-python:dynamic:SplitReady",
            "inputs": {"__provider": "gASVMA", "weights": {"v1": 60}},
        },
        "detailedDiff": {"__provider": {}, "metadata.managedFields[0].time": {}, "weights.v1": {}},
    }
    changed = of_digest("lab", [], {"steps": [step]}).resources
    assert changed is not None
    (resource,) = changed
    assert resource.paths == ("weights.v1",)
    assert "gASV" not in "".join(resource.diff)
