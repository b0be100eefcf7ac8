"""The last splits in the cluster itself, for the moment in which Pulumi's backend is locked or away.

They stand in an annotation of the VirtualService, which `up` writes when the gateways have proved a split.
Only `rollback --now` reads them to find out where to go: docs/decisions/splits-in-the-cluster.md.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..kubernetes.api import Api
from ..kubernetes.errors import ChangedMeanwhileError
from .past import CAUSE, Cause, Past

ANNOTATION = "blue-green/splits"
# The field manager of the annotation; Pulumi's own has the rest of the object.
MANAGER = "blue-green"
KEPT = 20
_TRIES = 5


def read(virtual_service: Mapping[str, Any]) -> list[Past]:
    """Return the splits that a VirtualService tells, the oldest first; none of a text that is not ours."""
    annotations: Mapping[str, str] = virtual_service["metadata"].get("annotations") or {}
    try:
        entries: list[Mapping[str, Any]] = json.loads(annotations.get(ANNOTATION, "[]"))
        return [
            Past(float(one["at"]), Cause(one["cause"]), dict(one["weights"]), dict(one["images"]))
            for one in entries
        ]
    except (ValueError, TypeError, KeyError):
        return []


def add(api: Api, where: str, past: Past) -> None:
    """Write one more split to the VirtualService at a path; the oldest beyond twenty go.

    Raises:
        GatewayError: the API server did not take it.
    """
    for tries in range(_TRIES):
        found = api.get(where)
        known = read(found)
        splits = followed(known, past)
        if splits == known:
            return
        try:
            _write(api, where, found, splits)
        except ChangedMeanwhileError:
            if tries + 1 == _TRIES:
                raise
        else:
            return


def followed(known: Sequence[Past], past: Past) -> Sequence[Past]:
    """Return the splits with one more; the same once more only counts, by its time, as a rollback."""
    again = bool(known) and known[-1].same(past) and known[-1].cause is past.cause
    if again and past.cause is not Cause.rollback:
        return known
    return [*(known[:-1] if again else known), past][-KEPT:]


def cause() -> Cause:
    """Return why the `up` runs of which this process is a part."""
    return Cause(os.environ.get(CAUSE, ""))


def proved(weights: Mapping[str, int], images: Mapping[str, str]) -> Past:
    """Return a split that has been proved now by this `up`."""
    return Past(round(time.time(), 3), cause(), dict(weights), dict(images))


def _write(api: Api, where: str, found: Mapping[str, Any], splits: Sequence[Past]) -> None:
    entries = [asdict(one) for one in splits]
    metadata = {
        "name": found["metadata"]["name"],
        "namespace": found["metadata"]["namespace"],
        # Somebody who writes at the same time is not overwritten.
        "resourceVersion": found["metadata"]["resourceVersion"],
        "annotations": {ANNOTATION: json.dumps(entries, separators=(",", ":"))},
    }
    manifest = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata}
    api.apply(where, manifest, MANAGER)
