"""All gateways at once: a port-forward to each of their Envoys, kept open between questions."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from ..kubernetes.api import Api
from ..kubernetes.errors import GatewayError
from ..kubernetes.kubeconfig import Kubeconfig
from .admin import EnvoyAdmin
from .pods import GatewayPod, gateway_pods, label_selector

# A list of the pods of all namespaces is not asked for more often.
_LIST_SECONDS = 1
_AT_ONCE = 16

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What one gateway said, or why it said nothing."""

    pod: GatewayPod
    value: T | None = None
    error: GatewayError | None = None


class Gateways:
    """Every gateway that a selector matches; use it in a `with` statement.

    `listed_at` is when its pods were listed last, by time.monotonic().
    """

    def __init__(self, kubeconfig: Kubeconfig, selector: Mapping[str, str]) -> None:
        self._open = ExitStack()
        self.api = self._open.enter_context(Api(kubeconfig))
        self.selector = selector
        self._envoys: dict[str, EnvoyAdmin] = {}
        self._pods: tuple[GatewayPod, ...] = ()
        self.listed_at = -math.inf
        self._threads = self._open.enter_context(ThreadPoolExecutor(_AT_ONCE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Questions that an interrupt left behind end with their connection, and may open another one before.
        while self._envoys:
            for name in tuple(self._envoys):
                if envoy := self._envoys.pop(name, None):
                    envoy.close()
            self._threads.shutdown(cancel_futures=True)
        self._open.close()

    def ask(
        self, question: Callable[[EnvoyAdmin], T], others: Sequence[GatewayPod] | None = None
    ) -> tuple[Answer[T], ...]:
        """Asks every gateway, or `others`, at the same time. Raises GatewayError when there is no gateway."""
        pods = self.pods() if others is None else others
        if not pods and others is None:
            labels = label_selector(self.selector)
            raise GatewayError(
                f"No gateway runs: no pod in any namespace matches {labels}. "
                f"Look at: {self.api.kubectl} get pods -A -l {labels}"
            )

        def answer(pod: GatewayPod) -> Answer[T]:
            return self._answer(pod, question)

        return tuple(self._threads.map(answer, pods))

    def missing(self, question: Callable[[EnvoyAdmin], Iterable[str]]) -> tuple[str, ...]:
        """What each gateway that serves lacks, by a question that says so. Raises GatewayError."""
        answers = [one for one in self.ask(question) if one.pod.serves]
        found = [f"gateway {one.pod} {cause}" for one in answers for cause in one.value or ()]
        found += [f"gateway {one.pod}: {one.error}" for one in answers if one.error]
        return tuple(found) if answers else ("no gateway is ready",)

    def pods(self) -> tuple[GatewayPod, ...]:
        """The gateway's pods, by a list that is at most a second old. Raises GatewayError."""
        if time.monotonic() - self.listed_at > _LIST_SECONDS:
            self._pods = gateway_pods(self.api, self.selector)
            self.listed_at = time.monotonic()
        return self._pods

    def are_others(self) -> bool:
        """Lists the pods anew: whether they are others than before, or one is in another state."""
        before = self._pods
        self.listed_at = -math.inf
        return self.pods() != before

    def _answer(self, pod: GatewayPod, question: Callable[[EnvoyAdmin], T]) -> Answer[T]:
        try:
            envoy = self._envoys.get(str(pod))
            if envoy is None:
                envoy = EnvoyAdmin(self.api, pod.namespace, pod.name, pod.admin_port)
                self._envoys[str(pod)] = envoy
            return Answer(pod, question(envoy))
        except GatewayError as error:
            broken = self._envoys.pop(str(pod), None)
            if broken is not None:
                broken.close()
            return Answer(pod, error=error)


def serving(
    kubeconfig: Kubeconfig, selector: Mapping[str, str], otherwise: Mapping[str, str]
) -> Mapping[str, str]:
    """The selector where a gateway that it matches serves, else the other one. Raises GatewayError."""
    if selector != otherwise:
        with Api(kubeconfig) as api:
            if not any(pod.serves for pod in gateway_pods(api, selector)):
                return otherwise
    return selector
