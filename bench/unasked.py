"""Stands in for gateway/convergence.py: every answer is yes, and no gateway is asked."""
# ruff: noqa: ARG001 - the arguments are those of the functions that it stands for

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Split:
    """What the gateways would be asked about."""

    kubeconfig: str
    selector: Mapping[str, str]
    target: Any
    entrance: Any = None
    by_requests: bool = False
    callers: bool = False


@dataclass(frozen=True)
class Proof:
    """No proof."""


def holds(split: Split, wanted: Any, decided: Collection[str] = ()) -> bool:
    """Yes."""
    return True


def check_certificate(split: Split) -> None:
    """Looks at nothing."""


def serves_only(split: Split, images: Mapping[str, Sequence[str]]) -> bool:
    """Yes."""
    return True


def can_take(split: Split, versions: tuple[str, ...]) -> bool:
    """Yes."""
    return True


def lacking(gateways: Any, split: Split, versions: tuple[str, ...]) -> tuple[Any, ...]:
    """Nothing."""
    return ()


def is_routed(split: Split) -> bool:
    """Yes."""
    return True


def wait_for_versions(
    split: Split,
    versions: tuple[str, ...],
    seconds: float,
    questions: Mapping[str, Any] | None = None,
    room: Any = None,
) -> None:
    """Waits for nothing."""


def wait_for_weights(split: Split, wanted: Any, seconds: float) -> tuple[Proof, ...]:
    """Waits for nothing."""
    return ()


def not_ready(split: Split, versions: tuple[str, ...]) -> dict[str, str]:
    """None."""
    return {}
