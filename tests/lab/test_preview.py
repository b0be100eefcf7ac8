"""The preview's Markdown for the usual changes, by the real command on a real cluster."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.labs import Program
from harness.pace import pace

# As Pulumi.lab.yaml has them: only what a test changes is to be in its preview.
READY = {"probes": {"readiness": {"path": "/"}}}
V1, V2, V2_BY_V3 = ({"image": f"janakiramm/myapp:{tag}", **READY} for tag in ("v1", "v2", "v3"))
MARKER = "<!-- blue-green preview -->"


pytestmark = pytest.mark.usefixtures("base")


def preview(program: Program) -> str:
    return program.run("python", "-m", "rollout", "preview").stdout.rstrip("\n")


def table(*rows: str) -> str:
    """The table of the split, of rows such as `v1 50 100 IMAGE`."""
    lines = ["| version | traffic now | traffic after | image |", "|---|---:|---:|---|"]
    for row in rows:
        version, now, after, image = row.split()
        shown = image if image == "removed" else f"`{image}`"
        lines.append(f"| {version} | {now} % | {after} % | {shown} |")
    return "\n".join(lines)


def parts(body: str) -> tuple[str, set[tuple[str, str, str]], str]:
    """The summary, the Kubernetes objects and releases of the table, and the diff."""
    summary, _, rest = body.partition("\n\n| | resource |")
    resources, _, diff = rest.partition("\n\n<details>")
    cells = [line.split(" | ") for line in resources.splitlines()[2:]]
    rows = {(row[0].removeprefix("| "), row[1].strip("`"), row[2]) for row in cells}
    ours = {"SplitReady", "SplitConverged", "VersionDrain"}
    return summary, {row for row in rows if row[2] not in ours}, diff


def test_weights(program: Program) -> None:
    program.config(weights={"v1": 10, "v2": 90})
    summary, rows, diff = parts(preview(program))
    assert summary == "\n\n".join(
        [
            MARKER,
            "### `lab`: v2: 50 % → 90 %, v1: 50 % → 10 %",
            "No pods restart. One object changes.",
            table("v1 50 10 janakiramm/myapp:v1", "v2 50 90 janakiramm/myapp:v2"),
        ]
    )
    assert rows == {("update", "myapp-virtualservice", "VirtualService")}
    assert "-      weight: 50\n+      weight: 10\n" in diff


def test_new_version(program: Program) -> None:
    program.config(versions={"v1": V1, "v2": V2, "v3": {"image": "janakiramm/myapp:v3"}})
    summary, rows, diff = parts(preview(program))
    assert summary == "\n\n".join(
        [
            MARKER,
            "### `lab`: no traffic moves",
            "v3 starts (`janakiramm/myapp:v3`). No pods restart. 3 objects change.",
            table(
                "v1 50 50 janakiramm/myapp:v1", "v2 50 50 janakiramm/myapp:v2", "v3 0 0 janakiramm/myapp:v3"
            ),
        ]
    )
    assert rows == {
        ("create", "myapp-v3-deployment", "Deployment"),
        ("create", "myapp-v3-disruptionbudget", "PodDisruptionBudget"),
        ("create", "myapp-v3-rule", "DestinationRule"),
    }
    assert "+      - image: janakiramm/myapp:v3\n" in diff


def test_removed_version(program: Program) -> None:
    program.config(versions={"v1": V1}, weights={"v1": 100})
    summary, rows, _ = parts(preview(program))
    # A number that another test's config had stays, as one that was taken out of a config does.
    assert summary.replace("no number of replicas set: Kubernetes starts one", "one replica") == "\n\n".join(
        [
            MARKER,
            "### `lab`: v1: 50 % → 100 %, v2: 50 % → 0 %",
            "v2 is removed. No pods restart. 4 objects change.",
            "> [!WARNING]\n> - All traffic goes to v1, which has one replica.",
            table("v1 50 100 janakiramm/myapp:v1", "v2 50 0 removed"),
        ]
    )
    assert rows == {
        ("update", "myapp-virtualservice", "VirtualService"),
        ("delete", "myapp-v2-deployment", "Deployment"),
        ("delete", "myapp-v2-disruptionbudget", "PodDisruptionBudget"),
        ("delete", "myapp-v2-rule", "DestinationRule"),
    }


def test_new_image(program: Program) -> None:
    program.config(versions={"v1": V1, "v2": V2_BY_V3})
    summary, rows, diff = parts(preview(program))
    assert summary == "\n\n".join(
        [
            MARKER,
            "### `lab`: no traffic moves",
            "Pods of v2 restart: `janakiramm/myapp:v2` → `janakiramm/myapp:v3`. One object changes.",
            table("v1 50 50 janakiramm/myapp:v1", "v2 50 50 janakiramm/myapp:v3"),
        ]
    )
    assert rows == {("update", "myapp-v2-deployment", "Deployment")}
    assert "-      - image: janakiramm/myapp:v2\n+      - image: janakiramm/myapp:v3\n" in diff


def test_istio_values(program: Program) -> None:
    istio = json.loads(program.run("pulumi", "config", "get", "blue-green:istio").stdout)
    istio["values"]["istiod"]["resources"]["requests"]["memory"] = "192Mi"
    program.config(istio=istio)
    summary, rows, diff = parts(preview(program))
    assert summary == "\n\n".join(
        [
            MARKER,
            "### `lab`: no traffic moves",
            "No pods restart. Helm release istio-istiod: update. No object changes.",
            table("v1 50 50 janakiramm/myapp:v1", "v2 50 50 janakiramm/myapp:v2"),
        ]
    )
    assert rows == {("update", "istio-istiod", "Release")}
    assert "+      memory: 192Mi\n" in diff


def test_nothing(program: Program) -> None:
    assert preview(program) == f"{MARKER}\n\n### `lab`: nothing changes"


def test_secrets_of_the_cluster_are_not_in_it(program: Program) -> None:
    program.config(weights={"v1": 10, "v2": 90}, versions={"v1": V1, "v2": V2_BY_V3})
    body = preview(program)
    kubeconfig = yaml.safe_load(Path(program.environment["KUBECONFIG"]).read_text())
    certificate, key = (kubeconfig["users"][0]["user"][name] for name in ("client-certificate", "client-key"))
    for file in (certificate, key):
        assert Path(file).read_text().splitlines()[1] not in body
    assert "client-key" not in body


def test_cluster_out_of_reach_is_said_and_the_traffic_is_told_from_the_state(program: Program) -> None:
    program.config(weights={"v1": 10, "v2": 90})
    done = subprocess.run(
        # A network namespace with a loopback alone: what a runner without a way to the cluster has.
        ["unshare", "--net", "sh", "-c", "ip link set lo up && exec blue-green preview"],
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=200 * pace(),
    )
    assert done.returncode == 0, done.stderr
    assert "### `lab`: v2: 50 % → 90 %, v1: 50 % → 10 %" in done.stdout
    assert "No pods restart." in done.stdout
    assert "The cluster cannot be reached from here" in done.stdout


def test_config_with_a_mistake_is_one_message(program: Program) -> None:
    program.config(weights={"v1": 50, "v2": 49})
    done = program.run("python", "-m", "rollout", "preview", check=False)
    assert done.returncode == 1
    assert "blue-green:weights" in done.stderr
    assert "Traceback" not in done.stderr


def test_stacks_that_commits_touch_are_previewed(program: Program, tmp_path: Path) -> None:
    """As the workflow asks for it, in a repository with a change of the stack."""
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.invalid")
    copy = tmp_path / "project"
    copy.mkdir()
    for item in program.folder.iterdir():
        if item.name.startswith("Pulumi."):
            (copy / item.name).write_text(item.read_text())
        else:
            (copy / item.name).symlink_to(item.resolve())
    there = Program(copy, program.stack, program.environment)
    there.run("git", "init", "--quiet", "--initial-branch=main")
    there.run("git", "add", "Pulumi.yaml", "Pulumi.lab.yaml")
    there.run(*git, "commit", "--quiet", "-m", "before")
    body = there.run("python", "-m", "rollout", "preview", "--changed-since", "HEAD").stdout
    assert body == f"{MARKER}\n\nNo stack is touched.\n"
    there.config(weights={"v1": 10, "v2": 90})
    there.run(*git, "commit", "--quiet", "--all", "-m", "after")
    body = there.run("python", "-m", "rollout", "preview", "--changed-since", "HEAD~1").stdout
    assert "### `lab`: v2: 50 % → 90 %, v1: 50 % → 10 %" in body
