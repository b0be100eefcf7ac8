"""Whose the app's namespace is: used where it is there, made where the config says so, and never deleted."""

import re
import shlex
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from harness.labs import Lab, Program
from tests.lab.shop import second_stack

NAME = "shared"


@contextmanager
def app(program: Program, lab: Lab, name: str) -> Generator[Program]:
    """The stack of an app in the namespace that all of them share."""
    with second_stack(program, lab, name) as made:
        made.config(
            app={"name": name, "namespace": NAME},
            routing={"gateway": f"{name}-gateway", "hosts": [f"{name}.example"]},
        )
        yield made


@pytest.mark.parametrize("line", ["kubectl --kubeconfig .* create namespace", "pulumi config set"])
def test_one_that_is_missing_is_made_by_either_line_that_the_refusal_prints(
    program: Program, lab: Lab, line: str
) -> None:
    with app(program, lab, "left") as left:
        for command in (left.preview, left.up):
            refused = command(check=False)
            said = refused.stdout + refused.stderr
            assert refused.returncode
            assert f"There is no namespace {NAME} in the cluster." in said
            assert "Traceback" not in said
        (typed,) = set(re.findall(rf"^\s+({line} .*)$", said, re.MULTILINE))
        left.run(*shlex.split(typed))
        left.up()
        left.up("--skip-preview", "--expect-no-changes")
    program.kubectl("delete", "namespace", NAME)


def test_two_apps_that_both_make_it_do_not_delete_each_other(program: Program, lab: Lab) -> None:
    with app(program, lab, "left") as left:
        left.run("pulumi", "config", "set", "--path", "blue-green:app.createNamespace", "true")
        left.up("--skip-preview")
        with app(program, lab, "right") as right:
            right.run("pulumi", "config", "set", "--path", "blue-green:app.createNamespace", "true")
            right.up("--skip-preview")
            left.up("--skip-preview", "--expect-no-changes")
            down = right.run("python", "-m", "rollout", "down", "--stack", right.stack)
            assert re.search(rf"kubectl --kubeconfig .* delete namespace {NAME}$", down.stderr, re.MULTILINE)
            right.run("pulumi", "stack", "select", "--create", right.stack)
        left.up("--skip-preview", "--expect-no-changes")
        assert left.kubectl("get", "service", "left", "-n", NAME).stdout
        # The config may say later that it is somebody else's.
        left.run("pulumi", "config", "rm", "--path", "blue-green:app.createNamespace")
        left.up("--skip-preview", "--expect-no-changes")
    program.kubectl("delete", "namespace", NAME)
