"""README's start on a cluster of one's own, typed as it is printed, in its order."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.labs import ROOT, Lab, Program
from tests import documented
from tests.lab.plain import checkout
from tools import oci
from tools.images import DOCKER_HUB, all_recipes

README = ROOT / "README.md"
SAYS = {
    "pulumi install": "Finished installing",
    "pulumi stack init mine": "Created stack 'mine'",
    "pulumi up": r"weights +: {\s+v1: 100",
    "python3 -m rollout verify --stack mine": "mine is what its config says: v1 100 %",
}


@pytest.mark.timeout(900)
def test_readme_on_a_cluster_of_ones_own(program: Program, lab: Lab, tmp_path: Path) -> None:
    commands = documented.typed(README)
    commands = commands[: commands.index("make up")]
    assert commands == [*SAYS]
    _serve(lab, tmp_path, yaml.safe_load(_config()))
    missed: list[str] = []
    with checkout(program, tmp_path, "mine") as clone:
        file = clone.folder / "Pulumi.mine.yaml"
        for command in commands:
            if command == "pulumi up":
                # What the page leaves to the reader, who adds it to the file that Pulumi has made.
                context = program.kubectl("config", "current-context").stdout.strip()
                written = _config().replace("my-context", context)
                file.write_text(file.read_text() + written)
            # There is nobody to answer.
            said = clone.run("/bin/sh", "-c", re.sub("^pulumi up$", "pulumi up --yes", command))
            if not re.search(SAYS[command], said.stdout + said.stderr):
                missed.append(f"{command}\n{said.stdout}{said.stderr}")
    assert missed == []


def _config() -> str:
    """The config that the page has for it."""
    return README.read_text().partition("```yaml\n")[2].partition("```")[0]


def _serve(lab: Lab, at: Path, config: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
    """Bring the page's images to the node as docs/your-app.md says for the lab: out of a file."""
    images = [image for recipe in all_recipes() for image in recipe.images]
    (app,) = (one for one in images if one.reference == f"{DOCKER_HUB}/janakiramm/myapp:v1")
    versions = config["config"]["blue-green:versions"].values()
    oci.write(tuple(replace(app, reference=theirs["image"]) for theirs in versions), at / "shop.tar")
    lab.run("minikube", "image", "load", at / "shop.tar")
