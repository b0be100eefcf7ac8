"""The schema and the reference of the config are the model's, and what the repository shows is valid."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from pydantic import TypeAdapter
from typer.testing import CliRunner

from components.commands.main import app
from components.settings import members, reference
from components.settings.members import Member
from components.settings.mistakes import ConfigError
from components.settings.model import Settings
from components.settings.parse import KEYS, parse
from components.settings.schema import schema
from tests.unit.test_settings import GOOD
from tests.unit.test_settings_properties import CONFIGS

ROOT = Path(__file__).resolve().parents[2]
RUN = CliRunner()
# Its type stubs leave a parameter open.
VALIDATOR: Any = Draft202012Validator(schema())


def mistakes(config: Mapping[str, object]) -> list[ValidationError]:
    return list(VALIDATOR.iter_errors({"config": config}))


def said(*arguments: str) -> str:
    done = RUN.invoke(app, ["explain", *arguments])
    assert done.exit_code == 0
    return done.output


def test_the_page_and_the_schema_are_what_make_docs_would_write() -> None:
    assert (ROOT / "docs" / "config.md").read_text() == said("--markdown"), "type: make config-docs"
    assert (ROOT / "docs" / "config.schema.json").read_text() == said("--schema"), "type: make config-docs"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("file", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_a_stacks_file_is_valid_and_names_its_schema(file: Path) -> None:
    text = file.read_text()
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(text)))
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named
    assert (ROOT / named[1]).is_file()


def examples() -> Iterator[tuple[str, Mapping[str, object]]]:
    """The pieces of config in the pages, each with its page and line."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text()
        for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            if "blue-green:" in block[1]:
                found: dict[str, Any] = yaml.safe_load(block[1])
                line = text.count("\n", 0, block.start()) + 1
                yield f"{page.name}:{line}", cast("Mapping[str, object]", found.get("config", found))


@pytest.mark.parametrize(("place", "config"), [pytest.param(*one, id=one[0]) for one in examples()])
def test_an_example_in_the_pages_is_valid(place: str, config: Mapping[str, object]) -> None:
    """A piece may lack what a whole config has to have."""
    assert not [one.message for one in mistakes(config) if one.validator != "required"], place


def keys(path: str, member: Member) -> Iterator[tuple[str, Member]]:
    """Every key of the model, with what it is."""
    for branch in member.branches():
        item = branch.item()
        free = {"<name>": item} if item and not member.is_list else item.members() if item else {}
        below = {**branch.members(), **free}
        for name, one in below.items():
            yield f"{path}.{name}", one
            yield from keys(f"{path}.{name}", one)


def test_every_key_has_a_sentence_and_an_example_that_is_right() -> None:
    for section in KEYS:
        for path, member in keys(section, members.of(Settings)[section]):
            if not path.endswith(">"):
                assert member.key.text.endswith((".", ")")), path
            if member.example is not None:
                hint = TypeAdapter[Any](members.annotated(member))
                hint.validate_python(member.example)


def test_every_key_is_on_the_page() -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    for section in KEYS:
        for path, member in keys(section, members.of(Settings)[section]):
            if member.key.text:
                assert f"| `{path.partition('.')[2]}` |" in page


def test_each_row_of_the_page_stands_on_one_line() -> None:
    page = (ROOT / "docs" / "config.md").read_text()
    assert not [line for line in page.splitlines() if line.startswith("|") and not line.endswith("|")]


def test_what_asks_alone_rolls_nothing() -> None:
    for above, change in (("routing.check", "nothing"), ("versions.<name>.probes.readiness", "rolls")):
        assert reference.entry(f"{above}.grpc.service")[0].change == change


def test_what_an_autoscaler_goes_by_changes_the_number_of_pods() -> None:
    keys = reference.entry("versions.v1.autoscaling")[1]
    assert {one.path.rpartition(".")[2] for one in keys} == {"min", "max", "cpu", "memory", "metrics"}
    assert {one.change for one in keys} == {"scales"}


# The first config waits for the import of pydantic.
@hypothesis_settings(deadline=None)
@given(CONFIGS)
def test_what_is_accepted_is_valid_by_the_schema(config: dict[str, Any]) -> None:
    try:
        parse(GOOD | config)
    except ConfigError:
        return
    assert not mistakes({f"blue-green:{key}": value for key, value in stripped(GOOD | config).items()})


def stripped(value: Any) -> Any:
    """Without empty keys, which are as left out."""
    if isinstance(value, dict):
        members = cast("Mapping[str, Any]", value)
        return {name: stripped(one) for name, one in members.items() if one is not None}
    return value


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"blue-green:wieghts": {}}, "False schema does not allow"),
        ({"blue-green:app": {"name": "a", "prot": 80}}, "'prot' was unexpected"),
        ({"blue-green:app": {"name": "a", "port": 0}}, "less than the minimum"),
        ({"blue-green:versions": {"v1": {"image": "a b"}}}, "does not match"),
        ({"blue-green:cluster": {"kind": "kubeconfig", "profile": "dev"}}, "not valid under any"),
        ({"blue-green:routing": {"hosts": ["a.b", "a.b"]}}, "non-unique"),
    ],
)
def test_the_schema_refuses_what_an_editor_should_underline(changed: dict[str, Any], wrong: str) -> None:
    (mistake,) = mistakes(changed)
    assert wrong in mistake.message


def test_explain_says_all_of_a_key() -> None:
    assert said("versions.v2.probes.readiness.path").splitlines() == [
        "KEY:      versions.<name>.probes.readiness.path",
        "TYPE:     a path that begins with /",
        "DEFAULT:  a TCP connect",
        "EXAMPLE:  /healthz",
        "A CHANGE: rolls the version: each new pod is ready before an old one ends",
        "",
        "What is asked by GET.",
    ]
    assert "  tlsSecret <" in said("blue-green:routing")
    assert "A CHANGE: that of each key" in said("routing")
    assert "A CHANGE: that of each key" in said("versions.v2")
    assert all(f"  {key} <" in said() for key in KEYS)
    assert json.loads(said("weights", "-o", "json"))["change"] == "moves"


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("routng", "there is no key routng in the config. Write routing instead"),
        ("versions.v1.imgae", "there is no key imgae in versions.<name>. Write image instead"),
        ("app.name.first", "there is no key first in app.name. app.name has no keys of its own"),
    ],
)
def test_explain_names_the_nearest_key(path: str, refusal: str) -> None:
    with pytest.raises(reference.UnknownKeyError, match=re.escape(refusal)):
        reference.entry(path)
