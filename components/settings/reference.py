"""What a person looks up: every key with its type, its default, an example, and what a change of it does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import cast

from . import members
from .forms import Effect, Foreign
from .members import Member
from .mistakes import nearest
from .model import Settings
from .parse import KEYS

EFFECTS: Mapping[Effect, str] = {
    "nothing": "nothing: no pod ends and no route changes",
    "moves": "moves it: by one write, once every gateway can reach the versions that get more",
    "rolls": "rolls the version: each new pod is ready before an old one ends",
    "scales": "adds pods, or ends some after their requests",
    "makes first": "makes before it breaks: what is new is ready before what it replaces goes",
    "route": "writes routes or rules anew, which every gateway has to follow; no pod changes",
    "cluster": "makes a new cluster: all that is on the one before is lost, and the preview says so",
    "unmeasured": "changes what serves, and no test measures that under load: take a quiet hour",
}
_NAME = "<name>"


class UnknownKeyError(Exception):
    """There is no such key; the text says which there are."""


@dataclass(frozen=True)
class Entry:
    """One key of the reference, all in words; `path` has `<name>` where a name of the user's own stands.

    `change` is None where it is that of each key below.
    """

    path: str
    text: str
    type: str
    default: str
    example: str
    change: Effect | None


def entry(path: str, project: str = "blue-green") -> tuple[Entry, tuple[Entry, ...]]:
    """The entry of a key such as `versions.v2.probes`, where any name stands for `<name>`, and its keys.

    Raises:
        UnknownKeyError: there is none.
    """
    here, found = Member(Settings), ""
    for part in filter(None, path.removeprefix(f"{project}:").split(".")):
        known = _keys(here)
        name = part if part in known else _NAME
        if name not in known:
            place = found or "the config"
            remedy = nearest(part, known) if known else f"{place} has no keys of its own"
            raise UnknownKeyError(f"there is no key {part} in {place}. {remedy}")
        here, found = known[name], f"{found}.{name}" if found else name
    return _entry(found, here), tuple(_entry(name, one) for name, one in _keys(here).items())


def page(project: str = "blue-green") -> str:
    """The reference as a page of Markdown."""
    lines = [_HEAD, "| a change | does this to traffic |", "|---|---|"]
    lines += [f"| {effect} | {sentence} |" for effect, sentence in EFFECTS.items()]
    for name in KEYS:
        section = members.of(Settings)[name]
        lines += ["", f"## {name}", section.key.text]
        if section.key.effect != "nothing":
            lines.append(f"A change: {section.key.effect}.")
        if section.example:
            lines += ["", "```yaml", f"{project}:{name}: {flow(section.example)}", "```"]
        for branch in section.branches():
            if len(section.branches()) > 1:
                lines += ["", f"### kind: {branch.members()['kind'].default}"]
            rows = list(_rows(name, branch))
            lines += ["", _COLUMNS, "|---|---|---|---|---|---|", *map(_row, rows)] if rows else []
    return "\n".join(lines) + "\n"


def flow(value: object) -> str:
    """A value as YAML on one line."""
    import yaml

    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


_HEAD = """# The config

Every key of `Pulumi.<stack>.yaml`, below `config:` and with `blue-green:` before it. `make config-docs`
writes this page from the model; `blue-green explain versions.v2.probes` says the same of one key.

An editor with the YAML language server completes and checks a stack's file by its first line. In a folder
of your own, write the schema there first, by `blue-green explain --schema > config.schema.json`, and name it:

```yaml
# yaml-language-server: $schema=config.schema.json
```
"""
_COLUMNS = "| key | what it is | type | default | example | a change |"


def _keys(member: Member) -> Mapping[str, Member]:
    """What can be below a member: the keys of an object, or of a list's; `<name>` where they are free."""
    item = member.item()
    if item is not None and member.is_list:
        return _keys(item)
    if item is not None:
        return {_NAME: item} if item.key.text or _keys(item) else {}
    found: dict[str, Member] = {}
    for branch in member.branches():
        for name, one in branch.members().items():
            found.setdefault(name, one.with_effect(member.key.effect))
    if member.hint is Settings:
        del found["warnings"]
    return found


def _rows(path: str, member: Member) -> Iterator[Entry]:
    for name, one in _keys(member).items():
        below = f"{path}.{name}"
        if one.key.text:
            yield _entry(below, one)
        yield from _rows(below, one)


def _row(one: Entry) -> str:
    cells = (
        f"`{one.path.partition('.')[2]}`",
        one.text,
        one.type,
        one.default,
        f"`{one.example}`" if one.example else "",
        one.change or "that of each key",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _entry(path: str, member: Member) -> Entry:
    return Entry(
        path,
        member.key.text,
        _type(member),
        _default(member),
        "" if member.example is None else flow(member.example),
        None if member.key.effect == "nothing" and _keys(member) else member.key.effect or "nothing",
    )


def _type(member: Member) -> str:
    form, item = member.form, member.item()
    if isinstance(form, Foreign):
        return f"an object: {form.form}"
    if form is not None:
        return str(getattr(form, "form", ""))
    if item is not None:
        return f"{'a list' if member.is_list else 'an object'}, each {_type(item)}"
    if is_dataclass(member.hint):
        return "an object"
    return " or ".join(dict.fromkeys(map(_type, member.branches())))


def _default(member: Member) -> str:
    if member.required:
        return "required"
    if member.key.default is not None:
        return member.key.default
    if is_dataclass(member.default) or not member.key.text:
        return ""
    return "none" if member.default in (None, (), {}) else flow(member.default)


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in cast("Mapping[object, object]", value).items()}
    return value
