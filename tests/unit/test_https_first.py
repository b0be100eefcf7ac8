"""When plain HTTP has to stay until HTTPS answers."""

from typing import Any

import pytest

from components.https_first import opens

HTTP: dict[str, Any] = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
HTTPS: dict[str, Any] = {
    "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
    "hosts": ["*"],
    "tls": {"mode": "SIMPLE", "credentialName": "tls"},
}


@pytest.mark.parametrize(
    ("before", "after", "both"),
    [
        (HTTP, HTTPS, True),
        (HTTPS, HTTP, False),
        # The listener itself goes on by the old certificate until it has the new one.
        (HTTPS, HTTPS | {"tls": {"mode": "SIMPLE", "credentialName": "other"}}, False),
        (HTTP, HTTP | {"hosts": ["shop.example"]}, False),
        # One port cannot speak both.
        (HTTP, HTTPS | {"port": HTTPS["port"] | {"number": 80}}, False),
    ],
)
def test_both_servers_stand_where_a_gateway_gets_its_first_certificate(
    before: dict[str, Any], after: dict[str, Any], *, both: bool
) -> None:
    old, new = ({"spec": {"servers": [one]}} for one in (before, after))
    assert opens(old, new) is both
