"""The components one by one: what guards a move does not hang on how a program puts them together."""

from pathlib import Path

from harness.labs import Program
from tests.lab.components_alone import components_alone, weigh
from tests.lab.observe import failing_up, get


def test_without_an_ownership_too_no_traffic_moves_without_the_question_before_it(
    program: Program, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout)
    folder = tmp_path / "alone"
    folder.mkdir()
    with components_alone(program, kubeconfig, folder) as alone:
        alone.up("--skip-preview")
        weigh(alone, v1=0, v2=100)
        said = failing_up(alone, "--target", "**::alone-virtualservice")
        assert "Traffic has not moved: --target or --exclude leaves out alone-ready" in said
        (rule,) = get(program, "virtualservice", "alone")["spec"]["http"]
        assert [one["destination"]["subset"] for one in rule["route"]] == ["v1"]
        alone.up("--skip-preview")
        assert get(program, "virtualservice", "alone")["spec"]["http"] != [rule]
