"""What `make up` says at its end can be copied as it stands, from a terminal of 80 columns."""

import subprocess

import pytest
from typer.testing import CliRunner

from tools.commands import app

SPLIT = ["pulumi config set-all -s {} --path --plaintext weights.v1=0 --plaintext weights.v2=100"]


@pytest.mark.parametrize(
    ("stack", "split"),
    # Those of one version have no other to move traffic to.
    [("lab", SPLIT), ("dev", SPLIT), ("staging", []), ("prod", [])],
)
def test_the_lines_fit_and_a_shell_reads_them(stack: str, split: list[str]) -> None:
    said = CliRunner().invoke(app, ["next", "--stack", stack, "--url", "http://192.168.249.3:31380"]).stdout
    assert max(map(len, said.splitlines())) <= 80
    _, _, lines = said.partition("What next:\n")
    names = ("make() { :; }", 'pulumi() { echo pulumi "$@"; }', "eval() { :; }")
    shell = subprocess.run(
        ["bash", "-euc", "\n".join([*names, lines])], capture_output=True, text=True, check=True
    )
    moved = [f"pulumi up -s {stack}"] if split else []
    assert shell.stdout.splitlines() == [*(line.format(stack) for line in split), *moved]
