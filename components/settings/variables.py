"""The order of a container's variables: Kubernetes expands $(NAME) by those that stand before it alone."""

import re
from collections.abc import Mapping

# $$ is an escape: what comes after it is no reference.
_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def named(value: object) -> set[str]:
    """The variables that a text refers to; what comes from a Secret or a ConfigMap is not expanded."""
    return {found[1] for found in _REFERENCE.finditer(value) if found[1]} if isinstance(value, str) else set()


def in_order(env: Mapping[str, object]) -> list[str]:
    """The names in alphabetical order, but each after those that its value refers to.

    Of names that refer to each other in a circle the first one comes first: no order expands them all.
    """
    needs = {name: (named(value) & env.keys()) - {name} for name, value in env.items()}
    left, found = sorted(env), dict[str, None]()
    while left:
        following = next((name for name in left if needs[name] <= found.keys()), left[0])
        left.remove(following)
        found[following] = None
    return list(found)
