"""Splits as people write and compare them."""

from collections.abc import Mapping

Weights = Mapping[str, int]


def shown(weights: Weights) -> str:
    """Write a split, such as `v1 90 %, v2 10 %`; versions at 0 are left out."""
    return ", ".join(f"{version} {weight} %" for version, weight in sorted(weights.items()) if weight)


def same(one: Weights, other: Weights) -> bool:
    """Tell whether two splits send traffic alike: a version at 0 is as one that is not named."""
    return {k: v for k, v in one.items() if v} == {k: v for k, v in other.items() if v}


def moved(weights: Weights, version: str, share: int) -> dict[str, int]:
    """Give a version a share, 0 to 100; the others keep their proportions in what is left.

    Whole numbers by the largest remainder. With no other version that has weight, the share is refused.

    Raises:
        ValueError: the rest has nobody to go to.
    """
    others = {name: weight for name, weight in weights.items() if name != version and weight}
    total = sum(others.values())
    left = 100 - share
    if left and not total:
        msg = f"no other version has weight to share the {left} % that are left"
        raise ValueError(msg)
    result = dict.fromkeys(weights, 0) | {version: share}
    exact = {name: left * weight / total for name, weight in others.items()}
    result |= {name: int(value) for name, value in exact.items()}
    short = 100 - sum(result.values())
    by_remainder = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder[:short]:
        result[name] += 1
    return result
