"""An `up` of some resources alone: it moves no traffic without the questions, and proves nothing new."""

import pytest

from harness.labs import Program
from tests.lab.observe import failing_up, routed


@pytest.mark.parametrize(
    "options", [("--target", "**::myapp-virtualservice"), ("--exclude", "**::myapp-ready")]
)
def test_no_traffic_moves_without_the_question_before_it(base: Program, options: tuple[str, str]) -> None:
    base.config(weights={"v1": 10, "v2": 90})
    refused = base.preview(*options, check=False)
    for said in (refused.stdout + refused.stderr, failing_up(base, *options)):
        assert "Traffic has not moved: --target or --exclude leaves out myapp-ready" in said
    assert routed(base) == [({"v1": 50, "v2": 50},)]
    base.up("--skip-preview")
    assert base.outputs()["weights"] == {"v1": 10, "v2": 90}


def test_verify_says_what_was_left_out(base: Program) -> None:
    base.config(weights={"v1": 10, "v2": 90})
    base.run("pulumi", "config", "set", "--path", "blue-green:app.labels.team", "shop")
    base.up("--skip-preview", "--target", "**::myapp-service")
    # What no gateway was asked for is not proved.
    assert base.outputs()["weights"] == {"v1": 50, "v2": 50}
    verify = base.run("python", "-m", "rollout", "verify", "--stack", base.stack, check=False)
    assert verify.returncode
    (line,) = [line for line in verify.stdout.splitlines() if "the last `up` left out" in line]
    assert "myapp-v1-deployment" in line
    assert "myapp-virtualservice" in line
    assert "myapp-service" not in line
    base.up("--skip-preview")
    base.run("python", "-m", "rollout", "verify", "--stack", base.stack)
