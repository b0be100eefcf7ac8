"""What the commands know of the splits of a program that is not ours, out of its stack's state and config."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.commands.promote import promote
from components.commands.verify.applied import has_address
from components.errors import RolloutError
from components.observation import live
from components.pulumi_cli import config, project, splits
from components.settings.model import App, Convergence, Routing, SecretKey, StickySession, Subset, Version
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
    """A split in a state: the component, and its resource that asks the gateways."""
    urn = f"urn:pulumi:dev::other::blue-green:index:TrafficSplit::{name}"
    # Pulumi writes every number as a float.
    said = json.loads(json.dumps(written(PARTS)), parse_int=float)
    settings = {"config": said, "weightsKey": weights_key, "url": "http://10.0.0.1:31380"}
    outputs = {"weights": {"v1": 25.0, "v2": 75.0}, "settings": settings}
    ready = {"urn": f"{urn}-ready", "type": "pulumi-python:dynamic:SplitReady", "parent": urn}
    return [
        {"urn": urn, "type": "blue-green:index:TrafficSplit", "outputs": outputs},
        {**ready, "inputs": {"kubeconfig": kubeconfig}},
    ]


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Another program's project, whose stack `dev` has this state and config."""
    (tmp_path / "Pulumi.yaml").write_text("name: other\n")
    monkeypatch.chdir(tmp_path)
    splits.choose(None)

    def prepare(*state: list[dict[str, Any]], weights: Mapping[str, object] | None = None) -> None:
        def ask(*arguments: str) -> object:
            if arguments[0] == "stack":
                return {"deployment": {"resources": [one for part in state for one in part]}}
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
    assert config.proved("dev") == {"v1": 25, "v2": 75}
    assert config.url("dev") == "http://10.0.0.1:31380"
    assert live.kubeconfig_of(found.cluster) == {"context": "here"}


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


def test_a_stack_without_a_split_is_told(other: Callable[..., None]) -> None:
    other([])
    with pytest.raises(RolloutError, match="stack dev has neither versions in its config nor a TrafficSplit"):
        config.settings("dev")
