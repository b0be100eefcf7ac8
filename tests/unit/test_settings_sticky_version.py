"""What routing.stickyVersion may say."""

from typing import Any

import pytest

from components.settings.model import StickyVersion
from tests.unit.test_settings import load, mistakes

PLACE = "blue-green:routing.stickyVersion"
HASHED = {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}


def test_it_is_a_header_or_a_cookie() -> None:
    assert load(routing__stickyVersion={"header": "x-user"}).routing.sticky_version == StickyVersion(
        header="x-user"
    )
    found = load(routing__stickyVersion={"cookie": "session"}).routing.sticky_version
    assert str(found) == "the cookie session"
    assert load().routing.sticky_version is None


@pytest.mark.parametrize(
    ("sticky", "more", "mistake"),
    [
        ({}, {}, ": it needs a cookie or a header. "),
        ({"header": "x-user", "cookie": "session"}, {}, ": it needs a cookie or a header. "),
        ({"cookie": "session", "ttl": "1h"}, {}, ".ttl: there is no such key. "),
        ({"header": "X-User"}, {}, ".header: 'X-User' is not a header's name in small letters. "),
        ({"header": "cookie"}, {}, ".header: it has all cookies of a user. Write cookie: NAME."),
        (
            {"header": "x-user"},
            {"routing__headers": {"x-user": "one"}},
            ".header: routing.headers says that all users have the same x-user. ",
        ),
        (
            {"header": "x-user"},
            {"routing__stickySession": {"cookie": "seat"}},
            ": routing.stickySession has a hash of its own on the same route. Take one of them out.",
        ),
        (
            {"header": "x-user"},
            {"routing__trafficPolicy": HASHED},
            ": routing.trafficPolicy.loadBalancer.consistentHash is a hash of its own on the same route. ",
        ),
        (
            {"header": "x-user"},
            {"versions__v1__trafficPolicy": HASHED},
            ": versions.v1.trafficPolicy.loadBalancer.consistentHash is a hash of its own on the same ",
        ),
        (
            {"header": "x-user"},
            {"convergence__evidence": "requests"},
            ": convergence.evidence: requests cannot tell by what a version is drawn. ",
        ),
    ],
)
def test_a_mistake_names_the_place_and_what_to_write(
    sticky: dict[str, Any], more: dict[str, Any], mistake: str
) -> None:
    (found,) = mistakes(routing__stickyVersion=sticky, **more)
    assert found.startswith(f"{PLACE}{mistake}")


def test_for_callers_in_the_mesh_it_does_not_hold() -> None:
    sticky = {"stickyVersion": {"header": "x-user"}, "hosts": ["shop.example"]}
    assert not [one for one in load(routing=sticky).warnings if PLACE in one]
    (warning,) = [one for one in load(routing={**sticky, "meshCallers": True}).warnings if PLACE in one]
    assert "For callers in the mesh a version is drawn anew for each request" in warning
