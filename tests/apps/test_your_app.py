"""docs/your-app.md as it is written, on an app that nobody of this project wrote."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from harness.labs import ROOT, Lab, Program
from lab.containerd import NAMESPACE
from tests.lab.baseline import Baseline
from tests.lab.shop import second_stack
from tools.catalogue import ISTIO
from tools.images import DOCKER_HUB

PAGE = (ROOT / "docs" / "your-app.md").read_text()
IMAGES = ("registry.example.com/web:1.0", "registry.example.com/web:1.1")


@pytest.fixture
def mine(program: Program, lab: Lab) -> Iterator[Program]:
    """A stack with the page's config, and the app's images."""
    _images(lab)
    with second_stack(program, lab, "mine") as made:
        salt = re.findall(r"^encryptionsalt:.*\n", made.config_file.read_text(), re.MULTILINE)
        config: dict[str, Any] = yaml.safe_load(blocks("yaml")[1])
        context = made.kubectl("config", "current-context").stdout.strip()
        config["config"]["blue-green:cluster"]["context"] = context
        made.config_file.write_text(yaml.safe_dump(config) + "".join(salt))
        (made.folder / "web.yaml").write_text(blocks("yaml")[0])
        yield made


def _images(lab: Lab) -> None:
    """The app's images where a registry would have them: on the node."""
    envoy = f"{DOCKER_HUB}/istio/proxyv2:{ISTIO}"
    for image in IMAGES:
        ctr = ("ctr", "-n", NAMESPACE, "images", "tag", "--force", envoy, image)
        lab.run("python", "-m", "lab", *lab.options, "exec", "--", *ctr)


def blocks(language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_can_be_followed_as_it_is_written(mine: Program) -> None:
    said: dict[str, str] = {}
    for number, block in enumerate(blocks("sh")):
        for command in block.splitlines():
            # There is nobody to answer.
            asked = re.sub(r"^pulumi (up|destroy)$", r"pulumi \1 --yes --skip-preview", command)
            asked = re.sub("^blue-green ", "python -m rollout ", asked)
            said[f"{number} {command}"] = mine.run("bash", "-c", asked).stdout
    one, two, moved = (text for command, text in said.items() if " curl " in command)
    assert (one, two, moved) == ("this is one", "this is two", "this is two")
    (verified,) = (text for command, text in said.items() if command.endswith("blue-green verify"))
    assert "200 requests, none failed" in verified


def test_on_the_lab_the_app_takes_the_place_of_the_tutorials(baseline: Baseline, lab: Lab) -> None:
    program = baseline.program
    _images(lab)
    (program.folder / "web.yaml").write_text(blocks("yaml")[0])
    config: dict[str, Any] = yaml.safe_load(blocks("yaml")[1])["config"]
    changed = {key: config[f"blue-green:{key}"] for key in ("app", "routing", "versions", "weights")}
    program.run("bash", "-ec", blocks("sh")[0])
    try:
        program.config(**changed)
        program.up("--skip-preview")
        assert program.run("bash", "-ec", blocks("sh")[1].splitlines()[1]).stdout == "this is one"
        baseline.restore()
    finally:
        program.kubectl("delete", "namespace", "web")
