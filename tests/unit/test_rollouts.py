"""Whether a Deployment serves on though some of its pods are missing."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.kubernetes.workloads import serves_on

ENDED = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
UNDER_WAY = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
REFUSED = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}


@pytest.mark.parametrize(
    ("status", "serves"),
    [
        ({"availableReplicas": 1, "conditions": [ENDED]}, True),
        ({"conditions": [ENDED]}, False),
        ({"availableReplicas": 1, "conditions": [UNDER_WAY]}, False),
        ({"availableReplicas": 1, "conditions": [ENDED, REFUSED]}, False),
        ({"availableReplicas": 1, "conditions": [ENDED], "observedGeneration": 1}, False),
    ],
)
def test_one_pod_that_is_lost_breaks_nothing(status: Mapping[str, Any], serves: bool) -> None:
    deployment = {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, **status}}
    assert serves_on(deployment) == serves
