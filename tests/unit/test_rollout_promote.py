"""What a promotion writes, and what it refuses, by its logic alone."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.commands.promote import conflicts, pinned, plan, promote, refusals, unproved
from components.commands.promote import images as promoted
from components.commands.verify.verdict import Difference, Verdict
from components.errors import RolloutError
from components.observation.traffic import Served
from components.pulumi_cli import last_proof as proofs
from components.pulumi_cli import stack as stacks
from components.settings.model import Settings
from components.settings.parse import parse

DIGEST = "sha256:" + "a" * 64


def stack(images: Mapping[str, str], weights: Mapping[str, int]) -> Settings:
    return parse(
        {
            "cluster": {"kind": "minikube", "profile": "dev"},
            "app": {"name": "app"},
            "versions": {version: {"image": image} for version, image in images.items()},
            "weights": weights,
        }
    )


def proof(
    weights: Mapping[str, int],
    served: Mapping[str, Served] | None = None,
    images: Mapping[str, str] | None = None,
    differences: tuple[Difference, ...] = (),
) -> Verdict:
    counted = served or dict.fromkeys(weights, Served(100, 0))
    ids = {version: frozenset({image}) for version, image in (images or {}).items()}
    return Verdict("dev", weights, differences, 100, 0, counted, ids)


DEV = stack({"v1": "app:1", "v2": "app:2", "v3": "app:3"}, {"v1": 50, "v2": 50})
PROD = stack({"v0": "app:0", "v1": "app:1"}, {"v0": 10, "v1": 90})


def test_new_version_comes_at_0_and_old_ones_stay() -> None:
    promotion = plan(DEV, PROD, proof(DEV.weights), with_weights=False)
    assert promotion.images == {"v2": "app:2"}
    assert promotion.weights == {"v0": 10, "v1": 90, "v2": 0}


def test_weights_move_too_when_asked() -> None:
    promotion = plan(DEV, PROD, proof(DEV.weights), with_weights=True)
    assert promotion.weights == {"v0": 0, "v1": 50, "v2": 50}


def test_image_goes_by_the_digest_that_its_pods_run() -> None:
    ids = {"v2": f"docker.io/library/app@{DIGEST}"}
    promotion = plan(DEV, PROD, proof(DEV.weights, images=ids), with_weights=False)
    assert promotion.images == {"v2": f"app:2@{DIGEST}"}


@pytest.mark.parametrize(
    ("ids", "image"),
    [
        (frozenset({f"app@{DIGEST}"}), f"app:2@{DIGEST}"),
        (frozenset({DIGEST}), "app:2"),
        (frozenset({f"app@{DIGEST}", f"app@{DIGEST[:-1]}b"}), "app:2"),
        (frozenset[str](), "app:2"),
    ],
)
def test_image_stays_as_written_where_no_one_digest_is_known(ids: frozenset[str], image: str) -> None:
    assert pinned("app:2", ids) == image


def test_good_proof_is_not_refused() -> None:
    assert list(refusals(proof(DEV.weights), 50)) == []


RUNS = f"app@{DIGEST}"


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ({"v1": frozenset({RUNS, "app@sha256:old"})}, None),
        (
            {"v1": frozenset({"app@sha256:old"})},
            "where the last proof has app@sha256:old. Run: blue-green up",
        ),
        ({"v2": frozenset({RUNS})}, "where the last proof has no traffic to it. Run: blue-green up"),
    ],
)
def test_image_that_the_last_proof_does_not_name_is_refused(last: proofs.Served, reason: str | None) -> None:
    found = list(unproved(proof({"v1": 100, "v2": 0}, images={"v1": RUNS}), last))
    assert (reason is None) == (found == [])
    assert reason is None or f"v1 runs {RUNS} in dev, {reason}" in found[0]


def test_version_with_two_images_at_once_is_refused() -> None:
    two = frozenset({RUNS, "app@sha256:b"})
    seen = Verdict("dev", {"v1": 100}, (), 100, 0, {}, {"v1": two})
    assert list(unproved(seen, {"v1": two})) == [f"v1 runs 2 images at once in dev: {', '.join(sorted(two))}"]


def test_proof_counts_the_versions_that_had_traffic_at_every_gateway() -> None:
    images = {"v1": [RUNS], "v2": ["app@sha256:b"]}
    last = [
        {"pod": "gw/a", "weights": {"v1": 50.0, "v2": 50.0}, "images": images},
        {"pod": "gw/b", "weights": {"v1": 100.0, "v2": 0.0}, "images": images},
    ]
    converged = {"type": "pulumi-python:dynamic:SplitConverged", "outputs": {"proof": last}}
    assert proofs.served([{"type": "kubernetes:core/v1:Service"}, converged]) == {"v1": frozenset({RUNS})}
    assert proofs.served([{"type": "pulumi:pulumi:Stack"}]) == {}


def test_failed_and_missing_requests_and_differences_are_refused() -> None:
    served = {"v1": Served(100, 1), "v2": Served(10, 0)}
    bad = proof(DEV.weights, served, differences=(Difference("gateway gw routes by v1 100 %", "up"),))
    assert list(refusals(bad, 50)) == [
        "dev is not what its config says: gateway gw routes by v1 100 %. Run: up",
        "v1 failed 1 of 100 requests in dev",
        "v2 served only 10 requests in dev, and 50 are needed; "
        "send more, or ask for fewer with --min-requests",
    ]


@pytest.mark.parametrize(
    ("mine", "there", "refused"),
    [
        ("app:1", "app:1", False),
        ("app:2", "app:1", True),
        ("app:1", f"app:1@{DIGEST}", False),
        (f"app:1@{DIGEST[:-1]}b", f"app:1@{DIGEST}", True),
    ],
)
def test_other_image_under_a_key_that_serves_is_refused(mine: str, there: str, refused: bool) -> None:
    found = list(conflicts({"v1": mine}, stack({"v1": there}, {"v1": 100}), "prod"))
    assert bool(found) is refused


def test_image_that_its_pods_run_is_what_conflicts() -> None:
    """The tag is the same, and what it means is not."""
    ran = promoted(DEV, proof(DEV.weights, images={"v1": f"app@{DIGEST}"}))
    assert list(conflicts(ran, stack({"v1": f"app:1@{DIGEST[:-1]}b"}, {"v1": 100}), "prod"))


def test_tag_of_an_idle_version_is_pinned_before_it_gets_traffic() -> None:
    idle = stack({"v1": "app:1", "v2": "app:2"}, {"v1": 100})
    ids = {"v1": f"app@{DIGEST}", "v2": f"app@{DIGEST}"}
    promotion = plan(DEV, idle, proof(DEV.weights, images=ids), with_weights=True)
    assert promotion.images == {"v2": f"app:2@{DIGEST}"}


@pytest.mark.parametrize(
    ("there", "variable", "login", "missing", "where", "line"),
    [
        (
            *(["me/blue-green/staging"], None, "https://api.pulumi.com", "dev", "https://api.pulumi.com"),
            "export PULUMI_BACKEND_URL=https://api.pulumi.com && make up STACK=dev",
        ),
        (["dev"], "s3://team", None, "staging", "s3://team", "pulumi stack init staging"),
        (
            ["staging"],
            "postgres://me:secret@db/state",
            None,
            "dev",
            "postgres://db/state",
            "make up STACK=dev",
        ),
    ],
)
def test_a_stack_that_is_not_in_the_backend_is_refused_with_the_backend_that_was_asked(
    there: list[str],
    variable: str | None,
    login: str | None,
    missing: str,
    where: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    for name, kind in (("dev", "minikube"), ("staging", "kubeconfig")):
        text = f"config:\n  blue-green:cluster: {{kind: {kind}}}\n"
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    (tmp_path / "credentials.json").write_text(json.dumps({"current": login}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_CREDENTIALS_PATH", str(tmp_path))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    if variable:
        monkeypatch.setenv("PULUMI_BACKEND_URL", variable)
    monkeypatch.setattr(stacks, "names", lambda: there)
    with pytest.raises(RolloutError) as raised:
        promote("dev", "staging", min_requests=50, with_weights=False)
    assert str(raised.value) == (
        f"there is no stack {missing} in the backend {where}, and promote needs both stacks in one. "
        f"Type: {line}. Of a stack whose state is in another backend: docs/promotion.md"
    )
