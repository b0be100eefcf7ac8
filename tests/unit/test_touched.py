"""Which stacks the commits since a revision touch, wherever in the repository the project stands."""

import subprocess
from pathlib import Path

import pytest

from components.commands.preview import run
from components.pulumi_cli import project, stack

AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.invalid")
# Of an organization that is not the default one: by the short name Pulumi finds another stack, or none.
STAGING, PROD = "org/blue-green/staging", "org/blue-green/prod"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *AUTHOR, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(params=[".", "infra/blue-green"])
def repository(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """A repository, and the project's folder in it; the backend knows three stacks by their full names."""
    folder = tmp_path / request.param
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: blue-green\nstackConfigDir: stacks\n")
    (folder / "stacks").mkdir()
    for name in ("staging", "prod"):
        (folder / "stacks" / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=first")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(stack, "names", lambda: [STAGING, PROD, "other"])
    return tmp_path, folder


def commit(repository: Path, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("changed: true\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=change")


def test_a_stack_s_own_file_touches_that_stack(repository: tuple[Path, Path]) -> None:
    whole, folder = repository
    commit(whole, folder / "stacks" / "Pulumi.prod.yaml")
    assert run.touched("HEAD~1") == [PROD]
    assert project.config_file(PROD) == folder / "stacks" / "Pulumi.prod.yaml"


def test_the_program_touches_all_of_them(repository: tuple[Path, Path]) -> None:
    whole, folder = repository
    commit(whole, folder / "components" / "new.py")
    assert run.touched("HEAD~1") == [PROD, STAGING]


def test_what_is_outside_of_the_project_touches_none(repository: tuple[Path, Path]) -> None:
    whole, folder = repository
    commit(whole, whole / "docs" / "page.md")
    commit(whole, folder / "README.md")
    assert run.touched("HEAD~2") == []
