"""What a hook gets of an object that is to be written, where there is a secret in it, too.

Pulumi's SDK moves a secret's mark up to the property at the top, and hands that over as an Output.
"""

from collections.abc import Mapping
from typing import Any

import pulumi


async def plain(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The inputs with their secrets in the clear, which no message may tell; what is unknown stays so."""
    return {
        key: await one.future(with_unknowns=True) if isinstance(one, pulumi.Output) else one
        for key, one in (inputs or {}).items()
    }


def has_secret(inputs: Mapping[str, Any] | None, key: str) -> bool:
    """Whether there is a secret in the property of that name."""
    return isinstance((inputs or {}).get(key), pulumi.Output)
