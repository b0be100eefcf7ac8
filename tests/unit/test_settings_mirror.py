"""What mirror may say."""

from typing import Any

import pytest

from components.settings.model import Mirror
from tests.unit.test_settings import load, mistakes

ON_V1 = {"v1": 100}


def test_a_version_is_enough_and_reads_alone_are_copied() -> None:
    assert load(weights=ON_V1, mirror={"version": "v2"}).mirror == Mirror("v2", 100, ("GET", "HEAD"))
    written = {"version": "v2", "percent": 10, "methods": ["GET", "POST"]}
    assert load(weights=ON_V1, mirror=written).mirror == Mirror("v2", 10, ("GET", "POST"))
    assert load().mirror is None


@pytest.mark.parametrize(
    ("mirror", "more", "mistake"),
    [
        ({}, {}, ".version: it is missing. "),
        ({"version": "v9"}, {}, ".version: there is no version 'v9'. "),
        (
            {"version": "v1"},
            {},
            ".version: v1 has 100 % of the traffic, from which its copies could not be told. "
            "Type: pulumi config rm blue-green:mirror.",
        ),
        ({"version": "v2", "percent": 0}, {}, ".percent: 0 is out of range. "),
        ({"version": "v2", "methods": ["get"]}, {}, ".methods[0]: 'get' is not an HTTP method such as GET. "),
        (
            {"version": "v2"},
            {"convergence__evidence": "requests"},
            ": convergence.evidence: requests proves the split alone. ",
        ),
        ({"version": "v2"}, {"versions__v2__replicas": 0}, ".version: v2 has 0 replicas to answer. "),
    ],
)
def test_a_mistake_names_the_place_and_what_to_write(
    mirror: dict[str, Any], more: dict[str, Any], mistake: str
) -> None:
    (found,) = mistakes(weights=ON_V1, mirror=mirror, **more)
    assert found.startswith(f"blue-green:mirror{mistake}")
