"""More of the proof's own requests: until each version has answered somebody, or what is said else."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from components.gateway.envoy import Target
from components.gateway.gateways import Gateways
from components.kubernetes.errors import NotConvergedError
from components.observation.answers import Answer
from components.observation.each_version import ask_each
from tests.unit.fake_cluster import FakeGateway, fake_cluster

TARGET = Target("default", "myapp", "myapp")
FINE = Answer(0, 0, "v1", "V1", ok=True, status=200, by_app=True)
SILENT = Answer(0, 0, "none", "no answer: timed out", ok=False)
UNAVAILABLE = Answer(0, 0, "none", "HTTP 503: upstream connect error", ok=False, status=503)
LATE = Answer(0, 0, "none", "HTTP 504: upstream request timeout", ok=False, status=504)
LIMITED = Answer(0, 0, "none", "HTTP 429: local_rate_limited", ok=False, status=429)
BAD = Answer(0, 0, "v2", "HTTP 500: oops", ok=False, status=500, by_app=True)


def asked(gateway: FakeGateway, answer: Callable[[int], Answer]) -> int:
    """How many requests were sent; `answer` says of each, from 1 on, what came of it."""
    sent = 0

    def requests() -> Iterator[Answer]:
        nonlocal sent
        while True:
            sent += 1
            yield answer(sent)

    with fake_cluster(gateway) as cluster, Gateways(cluster.kubeconfig, {"istio": "x"}) as gateways:
        ask_each(gateways, TARGET, ("v1", "v2"), requests())
    return sent


@pytest.fixture
def gateway() -> FakeGateway:
    """A gateway that got answers of v1 alone so far."""
    return FakeGateway("a", {}, sent={"v1": 7, "v2": 0}, tried={"v1": 1, "v2": 0})


def test_where_all_versions_have_answered_nothing_is_sent(gateway: FakeGateway) -> None:
    gateway.sent["v2"] = 1
    assert asked(gateway, lambda _: FINE) == 0


def test_requests_are_sent_until_the_last_version_has_answered(
    gateway: FakeGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    def answer(number: int) -> Answer:
        gateway.sent["v2"] += number == 14
        return FINE

    assert asked(gateway, answer) == 20
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("answer", [SILENT, UNAVAILABLE])
def test_a_version_that_the_gateway_tries_in_vain_is_named(gateway: FakeGateway, answer: Answer) -> None:
    def in_vain(number: int) -> Answer:
        if number < 14:
            return FINE
        gateway.tried["v2"] += 1
        return answer

    with pytest.raises(NotConvergedError) as raised:
        asked(gateway, in_vain)
    first, second, look = str(raised.value).splitlines()
    assert first.startswith("The gateways route by the weights, but ")
    assert first.endswith(f"more requests failed: {answer.text}")
    assert second == "  The gateway gets no connection to the pods of v2."
    assert look.endswith(" -n default get networkpolicies")


@pytest.mark.parametrize("answer", [FINE, LIMITED], ids=["a small share", "a limit at the gateway"])
def test_a_version_that_got_none_is_said_and_no_failure(
    gateway: FakeGateway, answer: Answer, capfd: pytest.CaptureFixture[str]
) -> None:
    # Others' requests to it have no answer yet.
    gateway.tried["v2"] = 1
    assert asked(gateway, lambda _: answer) == 100
    assert capfd.readouterr().err == (
        "None of the proof's own 100 requests came to v2: that the gateways reach its pods is not proved by "
        "requests\n"
    )


def test_what_the_app_answers_badly_it_has_got(gateway: FakeGateway) -> None:
    def answer(number: int) -> Answer:
        if number < 5:
            return FINE
        gateway.sent["v2"] += 1
        gateway.failed["v2"] = gateway.sent["v2"]
        return BAD

    assert asked(gateway, answer) == 10


@pytest.mark.parametrize("answer", [SILENT, LATE], ids=["longer than we wait", "longer than the route waits"])
def test_a_version_that_is_slow_is_not_one_without_a_connection(
    gateway: FakeGateway, answer: Answer, capfd: pytest.CaptureFixture[str]
) -> None:
    def slow(number: int) -> Answer:
        if number < 14:
            return FINE
        # Envoy gave the request to a connection.
        gateway.tried["v2"] += 1
        gateway.sent["v2"] += 1
        gateway.active["v2"] = gateway.sent["v2"]
        return answer

    asked(gateway, slow)
    assert capfd.readouterr().err == (
        "None of the requests that the gateways sent on to v2 got a good answer yet: that its pods answer is "
        "not proved by requests\n"
    )


def test_a_version_whose_connections_end_without_an_answer_is_named(gateway: FakeGateway) -> None:
    def reset(number: int) -> Answer:
        if number < 14:
            return FINE
        gateway.tried["v2"] += 1
        gateway.sent["v2"] += 1
        gateway.failed["v2"] = gateway.sent["v2"]
        return UNAVAILABLE

    with pytest.raises(NotConvergedError, match=r"no connection to the pods of v2\."):
        asked(gateway, reset)


def test_where_no_answer_has_envoys_header_one_of_the_app_is_not_taken_for_the_gateways(
    gateway: FakeGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mesh may hide it, by proxyHeaders.envoyDebugHeaders."""

    def hidden(number: int) -> Answer:
        if number < 14:
            return replace(FINE, by_app=False)
        gateway.tried["v2"] += 1
        gateway.sent["v2"] += 1
        gateway.failed["v2"] = gateway.sent["v2"]
        return replace(BAD, status=503, by_app=False)

    asked(gateway, hidden)
    assert capfd.readouterr().err == (
        "None of the requests that the gateways sent on to v2 got a good answer yet: that its pods answer is "
        "not proved by requests\n"
    )


def test_a_connection_that_an_earlier_request_waits_for_is_tried_in_vain_too(gateway: FakeGateway) -> None:
    """Envoy goes on trying it after that request, and the next ones wait for the same one."""
    gateway.tried["v2"] = 1
    with pytest.raises(NotConvergedError, match=r"no connection to the pods of v2\."):
        asked(gateway, lambda number: FINE if number < 14 else SILENT)
