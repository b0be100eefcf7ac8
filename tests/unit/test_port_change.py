"""What stands on the Service, and where the routes lead, while a port gets another number."""

from typing import Any

import pytest

from components.port_change import both, changed, leading_to

HTTP = {"name": "http", "port": 80.0, "targetPort": "http"}
API = {"name": "api", "port": 9000.0, "targetPort": 9000.0}


@pytest.mark.parametrize(
    ("after", "numbers"),
    [
        ([HTTP], {}),
        ([HTTP | {"port": 8080.0}], {80: 8080}),
        ([HTTP, API | {"port": 9001.0, "targetPort": 9001.0}], {9000: 9001}),
        # Two ports of a Service cannot have one number.
        ([HTTP | {"port": 9000.0}, API | {"port": 80.0}], {}),
        ([HTTP | {"name": "web", "port": 8080.0}], {}),
    ],
)
def test_a_port_of_the_same_name_moves(after: list[dict[str, Any]], numbers: dict[int, int]) -> None:
    assert changed([HTTP, API], after) == numbers


def test_the_service_has_both_numbers_under_two_names() -> None:
    assert both([HTTP, API], [HTTP | {"port": 8080.0}, API], {80: 8080}) == [
        {"name": "http", "port": 8080, "targetPort": "http"},
        {"name": "api", "port": 9000, "targetPort": 9000},
        {"name": "http-80", "port": 80, "targetPort": "http"},
    ]
    assert both([API], [API | {"port": 9001.0, "targetPort": 9001.0}], {9000: 9001}) == [
        {"name": "api", "port": 9001, "targetPort": 9001},
        {"name": "api-9000", "port": 9000, "targetPort": 9000},
    ]


def test_every_destination_of_the_host_leads_to_the_new_number_and_no_other() -> None:
    def rules(number: int) -> list[dict[str, Any]]:
        ours = {"host": "shop", "subset": "v1", "port": {"number": number}}
        theirs = {"host": "cart", "port": {"number": 80}}
        return [
            {
                "match": [{"port": 80}],
                "route": [{"destination": ours, "weight": 90}, {"destination": theirs, "weight": 10}],
                "mirrors": [{"destination": ours}],
            }
        ]

    assert leading_to(rules(80), "shop", {80: 8080}) == rules(8080)
