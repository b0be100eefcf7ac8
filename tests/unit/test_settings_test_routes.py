"""What testRoutes may say."""

from typing import Any

import pytest

from components.settings.model import RequestMark
from tests.unit.test_settings import load, mistakes

HEADER = {"header": {"x-version": "v2"}}


def test_a_header_or_a_cookie_reaches_a_version_and_several_may_be_there() -> None:
    routes = {
        "v2": {"header": {"x-version": "v2"}, "strip": True},
        "v1": {"cookie": {"version": "v1"}},
    }
    assert load(testRoutes=routes).test_routes == {
        "v1": RequestMark(cookie={"version": "v1"}),
        "v2": RequestMark(header={"x-version": "v2"}, strip=True),
    }
    assert load().test_routes == {}


@pytest.mark.parametrize(
    ("routes", "more", "mistake"),
    [
        (
            {"v2": HEADER},
            {"convergence__evidence": "requests"},
            ": convergence.evidence: requests proves the split alone. ",
        ),
        ({"v9": HEADER}, {}, ".v9: there is no version 'v9'. "),
        ({"v2": {}}, {}, ".v2: it needs one header or one cookie. Write header: {x-version: v2}."),
        (
            {"v2": {"header": {"a": "b", "c": "d"}}},
            {},
            ".v2: it needs one header or one cookie. Write header: {x-version: v2}.",
        ),
        ({"v2": {**HEADER, "cookie": {"v": "2"}}}, {}, ".v2: it needs one header or one cookie. "),
        ({"v2": {"cookie": {"v": "2"}, "strip": True}}, {}, ".v2.strip: a cookie stays where it is. "),
        (
            {"v1": HEADER, "v2": {**HEADER, "strip": True}},
            {},
            ".v2: another version has the same mark, the header x-version: v2. ",
        ),
        ({"v2": HEADER}, {"routing__headers": {"x-version": "a"}}, ".v2: routing.headers has x-version "),
        (
            {"v2": {"header": {"cookie": "a=b"}}},
            {},
            ".v2.header: it is a cookie. Write cookie: {NAME: VALUE}",
        ),
        ({"v2": HEADER}, {"versions__v2__replicas": 0, "weights": {"v1": 100}}, ".v2: v2 has 0 replicas to "),
        ({"v2": {"cookie": {"v": "a.*"}}}, {}, ".v2.cookie.v: 'a.*' is not a cookie's value: letters, "),
    ],
)
def test_a_mistake_names_the_place_and_what_to_write(
    routes: dict[str, Any], more: dict[str, Any], mistake: str
) -> None:
    (found,) = mistakes(testRoutes=routes, **more)
    assert found.startswith(f"blue-green:testRoutes{mistake}")
