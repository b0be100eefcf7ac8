"""The Makefile's targets, as a person types them."""

import subprocess

from harness.labs import ROOT


def shell(script: str) -> str:
    run = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_exports_put_every_command_on_path() -> None:
    found = shell('eval "$(make -s env)" && command -v minikube pulumi kubectl python').split()
    at = [str(ROOT / path) for path in (".lab/bin/minikube", ".tools/bin/pulumi")]
    at += [str(ROOT / path) for path in (".tools/bin/kubectl", ".venv/bin/python")]
    assert found[1:] == at[1:]
    assert found[0] in {at[0], str(ROOT / ".tools/bin/minikube")}


def test_exports_name_a_state_and_a_kubeconfig_of_the_labs_own() -> None:
    said = shell('eval "$(make -s env)" && echo "$PULUMI_BACKEND_URL $KUBECONFIG $MINIKUBE_HOME"').split()
    assert all(str(ROOT / ".lab") in value for value in said)
    assert len(said) == 3


def test_exports_of_another_stack_know_nothing_of_the_lab() -> None:
    said = shell(
        'unset KUBECONFIG; eval "$(make -s env STACK=dev)" && echo "$PULUMI_STACK:${KUBECONFIG:-none}"'
    )
    assert said.strip() == "dev:none"


def test_help_names_the_two_commands() -> None:
    said = shell("make help")
    assert "make up " in said
    assert "make test " in said
