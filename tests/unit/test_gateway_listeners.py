"""Whose TLS connections a listener's filter chains take, by the names that clients ask for."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from components.gateway.finding import Finding, Grade, Link
from components.gateway.listeners import listeners_path, taken

OURS = "https.443.https.app-gateway.default"
TABLES = {"ours": OURS, "theirs": "https.443.https.other.team"}


def tls(table: Mapping[str, str] = TABLES, **tables: str) -> dict[str, Any]:
    """A listener with a filter chain for each table, by the names that it takes (`any`: all)."""
    chains = [
        {
            "filter_chain_match": {"server_names": names.split()} if names != "any" else {},
            "transport_socket": {},
            "filters": [{"typed_config": {"rds": {"route_config_name": table[one]}}}],
        }
        for one, names in tables.items()
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


@pytest.mark.parametrize(
    ("table", "listener", "asked"),
    [
        # Istio names an HTTPS table by the Gateway's port, and its listener by the Service's targetPort.
        (OURS, "0.0.0.0_8443", True),
        (OURS, "0.0.0.0_443", True),
        ("http.8080", "0.0.0.0_8080", True),
        ("http.8080", "0.0.0.0_80", False),
        ("http.80", "[::]_80", True),
    ],
)
def test_the_listener_of_an_https_table_is_asked_for_whatever_the_service_makes_of_its_port(
    table: str, listener: str, *, asked: bool
) -> None:
    (named,) = parse_qs(urlsplit(listeners_path({table})).query)["name_regex"]
    assert bool(re.fullmatch(named, listener)) is asked


def test_a_listener_of_another_port_takes_none_of_our_connections() -> None:
    elsewhere = "https.9443.https.other.team"
    theirs = tls(theirs="a.x", table={"theirs": elsewhere})
    both = {"configs": [*tls(ours="a.x")["configs"], *theirs["configs"]]}
    assert taken(both, {OURS}, ["a.x"]) == ()
    # Where nobody has a server of ours any more, each may have taken it.
    assert [one.cause for one in taken(theirs, (), ["a.x"])] == [
        "gives the TLS connections for host a.x to the Gateway team/other"
    ]
