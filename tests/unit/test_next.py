"""What `make up` says at its end can be copied as it stands, from a terminal of 80 columns."""

import subprocess

import pytest
from typer.testing import CliRunner

from tools.commands import app


@pytest.mark.parametrize("stack", ["lab", "staging"])
def test_the_lines_fit_and_a_shell_reads_them(stack: str) -> None:
    said = CliRunner().invoke(app, ["next", "--stack", stack, "--url", "http://192.168.249.3:31380"]).stdout
    assert max(map(len, said.splitlines())) <= 80
    _, _, lines = said.partition("What next:\n")
    names = ("make() { :; }", 'pulumi() { echo pulumi "$@"; }', "eval() { :; }")
    shell = subprocess.run(
        ["bash", "-euc", "\n".join([*names, lines])], capture_output=True, text=True, check=True
    )
    assert shell.stdout.splitlines() == [
        f"pulumi config set-all -s {stack} --path --plaintext weights.v1=0 --plaintext weights.v2=100",
        f"pulumi up -s {stack}",
    ]
