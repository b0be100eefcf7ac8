"""How a version is reached by its test route: what `open`, `verify --version` and a pull request say."""

from dataclasses import replace
from typing import Any

import pytest

from components.commands import reach as command
from components.commands.preview import markdown
from components.errors import RolloutError
from components.observation import endpoint
from components.pulumi_cli import config, stack
from components.settings.model import Settings
from tests.unit.test_rollout_preview import SPLIT, change, snapshot
from tests.unit.test_settings import load

ROUTES: dict[str, Any] = {
    "v1": {"cookie": {"version": "v1"}},
    "v2": {"header": {"x-version": "it's 2"}},
}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = load(
        testRoutes=ROUTES, routing__hosts=["shop.example"], routing__paths=["/shop"], weights={"v1": 100}
    )

    def of_stack(_: str) -> Settings:
        return settings

    def outputs(_: str) -> dict[str, Any]:
        return {"url": "http://10.0.0.1:31380"}

    monkeypatch.setattr(config, "settings", of_stack)
    monkeypatch.setattr(stack, "outputs", outputs)
    return settings


@pytest.mark.usefixtures("known")
def test_open_prints_a_line_that_a_shell_takes_as_it_is() -> None:
    found = command.reach("dev", "v2")
    assert found.said.splitlines() == [
        "v2 has 0 % of the traffic; a request with the header x-version: it's 2 reaches it:",
        """  curl -H 'Host: shop.example' -H 'x-version: it'"'"'s 2' http://10.0.0.1:31380/shop""",
    ]
    # A browser asks for the host by its name.
    assert found.url == "http://shop.example:31380/shop"


@pytest.mark.usefixtures("known")
def test_a_cookie_comes_with_what_to_type_into_a_browser() -> None:
    assert command.reach("dev", "v1").said.splitlines() == [
        "v1 has 100 % of the traffic; a request with the cookie version=v1 reaches it:",
        "  curl -H 'Host: shop.example' -H 'Cookie: version=v1' http://10.0.0.1:31380/shop",
        "In a browser, open http://shop.example:31380/shop and type into its console:",
        "  document.cookie = 'version=v1; path=/'",
    ]


@pytest.mark.usefixtures("known")
def test_without_a_version_it_is_the_split_that_answers() -> None:
    found = command.reach("dev", None)
    assert found.curl == "curl -H 'Host: shop.example' http://10.0.0.1:31380/shop"
    assert found.facts().keys() == {"stack", "version", "url", "curl"}


def test_a_version_without_a_test_route_is_refused_with_the_way_to_one() -> None:
    with pytest.raises(RolloutError, match="no test route leads to v2") as raised:
        endpoint.mark_of("dev", load(), "v2")
    assert str(raised.value).splitlines()[1:] == [
        "  pulumi config set --stack dev --path 'blue-green:testRoutes.v2.header.x-version' v2",
        "  pulumi up --stack dev",
    ]
    with pytest.raises(RolloutError, match="there is no version v7; there are v1, v2"):
        endpoint.mark_of("dev", load(), "v7")


def test_in_another_projects_program_the_test_route_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    def others(_: str) -> bool:
        return False

    monkeypatch.setattr(config, "is_ours", others)
    with pytest.raises(RolloutError, match="no test route leads to v2") as raised:
        endpoint.mark_of("dev", load(), "v2")
    first, last = str(raised.value).splitlines()
    assert "write v2 as testRoutes.v2.header.x-version (in Python: test_routes) into the split's" in first
    assert last == "  pulumi up --stack dev"


def test_the_comment_says_how_to_reach_each_version() -> None:
    moved = change(snapshot({"v1": 100}), snapshot({"v1": 90, "v2": 10}), (SPLIT,))
    curl = "curl -H 'x-version: v2' http://10.0.0.1"
    said = markdown.comment([replace(moved, tests={"v2": curl})], {})
    assert f"v2 alone: `{curl}`" in said.splitlines()
