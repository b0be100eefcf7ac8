"""A version is asked for an answer: what counts as one, and what is said of the others."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from components.kubernetes import question
from components.kubernetes.api import Api
from components.kubernetes.question import Question, refusal
from tests.unit.fake_cluster import FakeGateway, fake_cluster

PODS = "/api/v1/namespaces/default/pods"
POD = {
    "metadata": {"name": "shop-v1-x", "creationTimestamp": "2026-11-27T00:00:00Z"},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
ASKED = "pod default/shop-v1-x was asked for / on port 8080 and "
SWITCH = "; `convergence: {check: none}` in the config moves traffic without asking"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here waits until nothing came; on a busy machine a piece may take its time."""
    monkeypatch.setattr(question, "_ANSWER_SECONDS", 120)


@dataclass
class App(FakeGateway):
    """A pod whose answer is these pieces; then it closes the connection."""

    said: Iterable[bytes] = ()
    lasts: int | None = 1

    def pieces(self, target: str) -> Iterable[bytes]:
        assert target == "/"
        return self.said


def refused(*said: bytes) -> str | None:
    return refused_by(said)


def refused_by(said: Iterable[bytes]) -> str | None:
    """What is said of the answer, without what stands in every such sentence."""
    pod = App("shop-v1-x", {}, said=said)
    with fake_cluster(pod, objects={PODS: {"items": [POD]}}) as cluster, Api(cluster.kubeconfig) as api:
        labels = {"app": "shop", "version": "v1"}
        found = refusal(api, "default", labels, Question(8080, "/", {"Host": "shop", "Connection": "close"}))
    if found is None:
        return None
    assert found.startswith(ASKED)
    assert found.endswith(SWITCH)
    return found.removeprefix(ASKED).removesuffix(SWITCH)


@pytest.mark.parametrize(
    "said",
    [
        # As of Python's http.server and of `php -S`: the end of the connection is that of the answer.
        (b"HTTP/1.0 200 OK\r\nServer: simple\r\n\r\n", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel", b"lo"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", b"no such page"),
    ],
)
def test_an_answer_counts_whatever_ends_it(said: tuple[bytes, ...]) -> None:
    assert refused(*said) is None


@pytest.mark.parametrize(
    "said",
    [
        (b"HTTP/1.0 503 Busy\r\n\r\n", b"the queue", b" is full\nsee the log"),
        (b"HTTP/1.0 503 Busy\r\n\r\nthe queue is full",),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 17\r\n\r\nthe que", b"ue is full"),
        (
            b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nthe queue\r\n",
            b"8\r\n is full\r\n0\r\n\r\n",
        ),
        # It promises more than it has.
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 90\r\n\r\nthe queue is full",),
        (b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n11\r\nthe queue is full\r\n",),
    ],
)
def test_what_a_failing_version_says_is_told_whatever_ends_it(said: tuple[bytes, ...]) -> None:
    assert refused(*said) == "answered HTTP 503 (the queue is full)"


def test_a_failing_version_may_say_nothing() -> None:
    assert refused(b"HTTP/1.0 500 Oh\r\n\r\n") == "answered HTTP 500"
    assert refused(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n") == "answered HTTP 500"


@pytest.mark.parametrize("said", [(), (b"HTTP/1.1 200 OK\r\nConte",)])
def test_a_connection_that_ends_before_an_answer_is_none(said: tuple[bytes, ...]) -> None:
    assert refused(*said) == "gave no answer: the connection was closed"


@pytest.mark.parametrize(("status", "says"), [(200, None), (500, f"answered HTTP 500 ({'data: ' * 13}da)")])
def test_a_stream_without_an_end_is_an_answer_by_its_head(status: int, says: str | None) -> None:
    """As server-sent events on the route's first path: whoever reads them all never comes back."""
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: text/event-stream\r\n\r\n".encode()
    assert refused_by(itertools.chain([head], itertools.repeat(b"data: "))) == says
