"""pyproject.toml names every package of the wheel: one that it forgets is missing there alone."""

import tomllib

from harness.labs import ROOT


def test_the_wheel_has_every_package_of_components() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = (file.parent.relative_to(ROOT) for file in (ROOT / "components").rglob("__init__.py"))
    assert packages == sorted(
        ".".join(("blue_green", *folder.parts[1:])) for folder in folders if "__pycache__" not in folder.parts
    )
