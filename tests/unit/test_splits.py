"""What the commands know of the splits of a program that is not ours, out of its stack's state and config."""

import contextlib
import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.commands.promote import promote
from components.commands.rollback import back
from components.commands.shift import journal, run
from components.commands.shift.judge import Limits, Plan
from components.commands.verify.applied import has_address, unfinished
from components.errors import RolloutError
from components.history.past import Cause, Past
from components.observation import live
from components.pulumi_cli import config, project, splits, stack, updates
from components.settings.model import (
    App,
    Convergence,
    Mirror,
    Routing,
    SecretKey,
    Settings,
    StickySession,
    Subset,
    Version,
)
from components.settings.parse import parse
from components.settings.written import written

MARK = "4dabf18193072939515e22adb298388d"
VERSIONS = {
    "v1": Version("cart:1", env={"A": "1", "B": SecretKey("s", "k")}),
    "v2": Version(deployment="theirs", subset=Subset({"release": "v2"})),
}
PARTS: dict[str, Any] = {
    "app": App("cart", "carts"),
    "versions": VERSIONS,
    "routing": Routing(hosts=("cart.example",), sticky_session=StickySession(cookie="seat")),
    "convergence": Convergence(20, 10),
}


def entries(name: str, kubeconfig: object, weights_key: str | None) -> list[dict[str, Any]]:
    """A split in a state: the component, and its resources that ask the gateways."""
    urn = f"urn:pulumi:dev::other::blue-green:index:TrafficSplit::{name}"
    # Pulumi writes every number as a float.
    said = json.loads(json.dumps(written(PARTS)), parse_int=float)
    weights = {"v1": 25.0, "v2": 75.0}
    settings = {"weightsKey": weights_key, "url": "http://10.0.0.1:31380"}
    ready = {"urn": f"{urn}-ready", "type": "pulumi-python:dynamic:SplitReady", "parent": urn}
    proved = {"urn": f"{urn}-converged", "type": "pulumi-python:dynamic:SplitConverged", "parent": urn}
    return [
        {
            "urn": urn,
            "type": "blue-green:index:TrafficSplit",
            "outputs": {"weights": weights, "settings": settings},
        },
        {**ready, "inputs": {"kubeconfig": kubeconfig}},
        {**proved, "inputs": {"kubeconfig": kubeconfig, "weights": weights, "config": said}},
    ]


def without_v1(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a split out of whose program v1 was taken."""
    versions = {version: one for version, one in config["versions"].items() if version != "v1"}
    return {**config, "versions": versions}


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Another program's project, whose stack `dev` has this state and config."""
    (tmp_path / "Pulumi.yaml").write_text("name: other\n")
    monkeypatch.chdir(tmp_path)
    splits.choose(None)

    def prepare(*state: list[dict[str, Any]], weights: Mapping[str, object] | str | None = None) -> None:
        def ask(*arguments: str) -> object:
            if arguments[0] == "stack":
                return {"deployment": {"resources": [one for part in state for one in part]}}
            if isinstance(weights, str):
                return {"other:weights": {"value": weights}}
            return {"other:weights": {"objectValue": weights}} if weights is not None else {}

        monkeypatch.setattr(project, "ask_json", ask)

    return prepare


def test_what_the_state_keeps_makes_the_same_settings_again() -> None:
    rest = {"cluster": {"kind": "kubeconfig"}, "istio": {"install": False}, "weights": {"v1": 100}}
    found = parse({**written(PARTS), **rest})
    assert {name: getattr(found, name) for name in PARTS} == PARTS


def test_the_state_says_all_and_the_config_the_weights(other: Callable[..., None]) -> None:
    other(entries("cart", {"context": "here"}, "weights"), weights={"v2": 100})
    found = config.settings("dev")
    assert {name: getattr(found, name) for name in PARTS} == PARTS
    assert found.weights == {"v1": 0, "v2": 100}
    other(entries("cart", {"context": "here"}, "weights"), weights='{"v2": 100}')
    assert config.settings("dev").weights == {"v1": 0, "v2": 100}
    assert config.proved("dev") == {"v1": 25, "v2": 75}
    assert config.url("dev") == "http://10.0.0.1:31380"
    assert live.kubeconfig_of(found.cluster) == {"context": "here"}


def test_a_value_that_is_secret_is_read_in_the_clear(other: Callable[..., None]) -> None:
    state = entries("cart", {"context": "here"}, "weights")
    variables = state[2]["inputs"]["config"]["versions"]["v1"]["env"]
    variables["A"] = {MARK: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(variables["A"])}
    other(state, weights={"v2": 100})
    found = config.settings("dev")
    assert {name: getattr(found, name) for name in PARTS} == PARTS


def test_until_the_proof_of_an_up_the_split_is_the_one_before(other: Callable[..., None]) -> None:
    """As while it waits, and after it failed: the question before the move has the new inputs then."""
    state = entries("cart", {}, "weights")
    before = state[2]["inputs"]
    state[1]["inputs"] |= {"weights": {"v2": 100.0}, "config": without_v1(before["config"])}
    other(state, weights={"v2": 100})
    assert config.settings("dev").versions == VERSIONS
    assert config.proved("dev") == {"v1": 25, "v2": 75}


@pytest.mark.parametrize("earlier", [False, True])
def test_what_was_proved_is_of_one_time_whatever_was_registered(
    other: Callable[..., None], *, earlier: bool
) -> None:
    """As after an `up` that failed behind its proof: what it registers at its end is of the one before."""
    state = entries("cart", {}, None)
    before = state[2]["inputs"]
    if earlier:
        state[0]["outputs"]["settings"]["config"] = before["config"]
    state[2]["inputs"] = {**before, "weights": {"v2": 100.0}, "config": without_v1(before["config"])}
    other(state)
    found = config.settings("dev")
    assert (found.versions.keys(), found.weights) == ({"v2"}, {"v2": 100})


def test_a_version_without_traffic_is_none_of_the_proof_and_has_its_weight(
    other: Callable[..., None],
) -> None:
    state = entries("cart", {}, None)
    state[2]["inputs"]["weights"] = {"v2": 100.0}
    other(state)
    assert config.proved("dev") == {"v1": 0, "v2": 100}


def test_a_state_of_before_has_it_all_among_what_was_registered(other: Callable[..., None]) -> None:
    state = entries("cart", {"context": "here"}, None)
    state[0]["outputs"]["settings"]["config"] = state[2]["inputs"].pop("config")
    state[2]["inputs"]["weights"] = {"v2": 100.0}
    other(state)
    found = config.settings("dev")
    assert {name: getattr(found, name) for name in PARTS} == PARTS
    assert found.weights == {"v1": 25, "v2": 75}


@pytest.mark.parametrize("left", [1, 2])
def test_a_split_that_was_half_destroyed_is_told(other: Callable[..., None], left: int) -> None:
    other(entries("cart", {}, None)[:left])
    says = (
        "the state of stack dev does not say what the split cart is made of, as after a destroy that was "
        "stopped. Type: pulumi up --stack dev"
    )
    with pytest.raises(RolloutError, match=f"^{re.escape(says)}$"):
        config.settings("dev")


def test_the_text_of_a_kubeconfig_is_read_from_the_state(other: Callable[..., None]) -> None:
    secret = {MARK: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps({"text": "apiVersion: v1"})}
    other(entries("cart", secret, None))
    assert live.kubeconfig_of(config.settings("dev").cluster) == "apiVersion: v1"


def test_without_a_key_the_weights_are_those_that_were_proved_and_cannot_be_written(
    other: Callable[..., None],
) -> None:
    other(entries("cart", {}, None))
    assert config.settings("dev").weights == {"v1": 25, "v2": 75}
    with pytest.raises(RolloutError, match="does not say where the weights of the split cart stand"):
        config.write_weights("dev", {"v1": 100})


def test_a_split_in_the_state_has_an_address_whatever_the_program_exports() -> None:
    assert has_address(entries("cart", {}, None))
    assert not has_address([{"type": "pulumi:pulumi:Stack", "outputs": {"weights": {}}}])


def test_nothing_is_promoted_into_the_config_of_another_program(other: Callable[..., None]) -> None:
    other(entries("cart", {}, "weights"), weights={"v1": 100})
    with pytest.raises(RolloutError, match="the images of dev stand in its program"):
        promote("dev", "dev", min_requests=1, with_weights=False)


@pytest.mark.parametrize("weights", [{"v1": 90}, {"v1": 50, "v3": 50}, {"v1": "all"}])
def test_weights_that_make_no_split_are_told(
    other: Callable[..., None], weights: Mapping[str, object]
) -> None:
    other(entries("cart", {}, "weights"), weights=weights)
    with pytest.raises(RolloutError, match=r"Pulumi\.dev\.yaml: other:weights: .* percentages of v1, v2"):
        config.settings("dev")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (None, "stack dev has 2 splits: add --split with one of cart, shop"),
        ("till", "stack dev has no split till, only cart, shop"),
    ],
)
def test_of_several_splits_one_has_to_be_named(
    other: Callable[..., None], name: str | None, says: str
) -> None:
    other(entries("cart", {}, None), entries("shop", {}, None))
    splits.choose(name)
    with pytest.raises(RolloutError, match=says):
        config.settings("dev")
    splits.choose("shop")
    assert splits.chosen("dev").name == "shop"


def test_a_split_that_cannot_be_read_keeps_the_commands_from_itself_alone(
    other: Callable[..., None],
) -> None:
    of_another_release = entries("shop", {}, None)
    of_another_release[2]["inputs"]["config"]["colour"] = "blue"
    other(entries("cart", {}, None), of_another_release, entries("till", {}, None)[:1])
    splits.choose("cart")
    assert config.proved("dev") == {"v1": 25, "v2": 75}
    splits.choose("shop")
    with pytest.raises(RolloutError, match="the split shop was made by another release of blue-green"):
        config.proved("dev")
    splits.choose(None)
    with pytest.raises(RolloutError, match="add --split with one of cart, shop, till"):
        config.proved("dev")


PLAN = Plan("v2", (50, 100), 1, Limits(0.01, 50))
BEFORE = {"v1": 100, "v2": 0}
UNDO = "blue-green shift --undo --stack dev --split cart"


@pytest.fixture
def killed(other: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> journal.Entry:
    """The shift of the split cart that was killed, in a stack that has shop too, which is chosen now."""
    other(entries("cart", {}, "carts"), entries("shop", {}, "shops"))

    def settings(name: str) -> Settings:
        return splits.chosen(name).settings

    monkeypatch.setattr(config, "settings", settings)
    Path("Pulumi.dev.yaml").touch()
    splits.choose("cart")
    entry = dataclasses.replace(journal.entry(PLAN, BEFORE), started=0.0)
    journal.write("dev", entry)
    splits.choose("shop")
    return entry


def test_a_killed_shift_of_another_split_is_ended_by_its_own_name_alone(killed: journal.Entry) -> None:
    says = re.escape(f"the shift that was killed is one of the split cart. Type: {UNDO}")
    with pytest.raises(RolloutError, match=says):
        run.undo("dev")
    with pytest.raises(RolloutError, match=says):
        run.resume("dev")
    first = "a shift of v2 was killed. Go back from it first, or on with --resume in the place of --undo"
    with pytest.raises(RolloutError, match=re.escape(f"{first}: {UNDO}")):
        run.shift("dev", PLAN)
    assert journal.read("dev") == killed


def test_verify_tells_of_a_killed_shift_of_its_own_split_alone(killed: journal.Entry) -> None:
    last: dict[str, Any] = {"result": "succeeded", "environment": {}}
    assert list(unfinished("dev", last)) == []
    assert killed.split
    splits.choose(killed.split)
    assert [one.mend for one in unfinished("dev", last)] == [UNDO]


@pytest.mark.parametrize(("split", "kept"), [("shop", True), ("cart", False)])
def test_a_rollback_forgets_a_killed_shift_of_its_own_split_alone(
    split: str, kept: bool, killed: journal.Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits.choose(split)
    past = Past(0, Cause.whole, {"v1": 100}, {})

    def done(*_: object, **__: object) -> Any:
        return contextlib.nullcontext()

    def choose(*_: object) -> Past:
        return past

    def history(*_: object) -> list[Past]:
        return []

    monkeypatch.setattr(updates, "proved", history)
    monkeypatch.setattr(live, "connect", done)
    monkeypatch.setattr(back, "choose", choose)
    monkeypatch.setattr(back, "_judge", done)
    monkeypatch.setattr(back, "_served", done)
    monkeypatch.setattr(config, "write_split", history)
    monkeypatch.setattr(stack, "converge", done)
    assert back.rollback("dev", 1, quiet=True) == past
    assert journal.read("dev") == (killed if kept else None)


@pytest.mark.parametrize(
    ("plan", "mirror", "says"),
    [
        (
            dataclasses.replace(PLAN, mirror=60.0),
            None,
            "the mirror of this split stands in its program, which no command writes: "
            "leave out --mirror-first",
        ),
        (
            PLAN,
            Mirror("v2"),
            "the split of dev mirrors requests to v2, from which those of a shift could not be told. "
            "Take that out first: `mirror` of its arguments, then run up",
        ),
    ],
)
def test_a_shift_writes_no_mirror_into_another_program(
    plan: Plan,
    mirror: Mirror | None,
    says: str,
    other: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other(entries("cart", {}, "weights"))

    def settings(name: str) -> Settings:
        return dataclasses.replace(splits.chosen(name).settings, weights=BEFORE, mirror=mirror)

    monkeypatch.setattr(config, "settings", settings)
    with pytest.raises(RolloutError, match=f"^{re.escape(says)}$"):
        run.shift("dev", plan)


def test_a_stack_without_a_split_is_told(other: Callable[..., None]) -> None:
    other([])
    with pytest.raises(RolloutError, match="stack dev has neither versions in its config nor a TrafficSplit"):
        config.settings("dev")
