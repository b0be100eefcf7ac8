"""Whose TLS connections a listener's filter chains take, by the names that clients ask for."""

from typing import Any

import pytest

from components.gateway.finding import Finding, Grade, Link
from components.gateway.listeners import taken

OURS = "https.443.https.app-gateway.default"
TABLES = {"ours": OURS, "theirs": "https.443.https.other.team"}


def tls(**tables: str) -> dict[str, Any]:
    """A listener with a filter chain for each table, by the names that it takes (`any`: all)."""
    chains = [
        {
            "filter_chain_match": {"server_names": names.split()} if names != "any" else {},
            "transport_socket": {},
            "filters": [{"typed_config": {"rds": {"route_config_name": TABLES[table]}}}],
        }
        for table, names in tables.items()
    ]
    return {"configs": [{"active_state": {"listener": {"filter_chains": chains}}}]}


@pytest.mark.parametrize(
    ("listeners", "said"),
    [
        (tls(ours="a.x b.x"), []),
        (tls(ours="a.x b.x", theirs="any"), []),
        (tls(ours="b.x", theirs="A.x"), ["gives the TLS connections for host a.x to the Gateway team/other"]),
        (tls(ours="b.x", theirs="*.x"), ["gives the TLS connections for host a.x to the Gateway team/other"]),
        (tls(ours="any", theirs="*.a.x"), []),
    ],
)
def test_the_tls_connections_of_each_host_have_to_come_to_our_own_gateway(
    listeners: dict[str, Any], said: list[str]
) -> None:
    assert [one.cause for one in taken(listeners, {OURS}, ("a.x", "b.x"))] == said


def test_a_name_of_somebody_elses_that_our_wildcard_covers_is_a_note() -> None:
    listeners = tls(ours="*.x", theirs="a.x b.y")
    cause = "gives some TLS connections for host *.x elsewhere: a.x to the Gateway team/other"
    assert taken(listeners, {OURS}, ["*.x"]) == (Finding(Link.LISTENER, cause, grade=Grade.NOTE),)
