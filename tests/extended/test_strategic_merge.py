"""Our merge of pod templates is the API server's: random pieces, merged by both."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from components.manifests import workload
from components.settings.merge_keys import MERGE_KEYS
from components.settings.model import App, Resources, Version
from components.settings.strategic_merge import MergeError, merge
from harness.labs import Program
from tests.lab.api_server import api_server
from tests.templates import PIECES, Piece
from tools.merge_keys import merge_keys

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DRY_RUN = {"dryRun": "All"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
ENV = {"A": "1", "B": "2", "C": "3"}
# With resources, which the API server writes as an empty object where there are none.
RESOURCES = Resources({"cpu": "1m"})
VERSION = Version("merge:1", replicas=0, env=ENV, image_pull_secrets=("b",), resources=RESOURCES)
BASE = workload.deployment(App("shop"), "v1", VERSION)


@pytest.fixture(scope="module")
def api(program: Program) -> Iterator[httpx.Client]:
    """The API server."""
    with api_server(program) as client:
        yield client


def template(answer: httpx.Response) -> Any:
    """The template that the API server would keep; what it says against it where it would not."""
    body = answer.json()
    return body["spec"]["template"] if answer.is_success else body["message"].partition(" is invalid: ")[2]


def test_the_merge_is_the_api_servers(api: httpx.Client) -> None:
    made = api.post(DEPLOYMENTS, json=BASE)
    assert made.is_success, made.text
    taken: list[Piece] = []

    @hypothesis_settings(
        max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    @given(PIECES)
    def same(piece: Piece) -> None:
        patch = json.dumps({"spec": {"template": piece}})
        theirs = api.patch(f"{DEPLOYMENTS}/shop-v1", params=DRY_RUN, headers=STRATEGIC, content=patch)
        try:
            merged = merge(BASE["spec"]["template"], piece)
        except MergeError as error:
            # A directive where nothing is yet, which Kubernetes may drop without a word.
            assert not theirs.is_success or error.place.endswith("$patch"), error
            return
        metadata = {**BASE["metadata"], "name": "shop-merged"}
        manifest = {**BASE, "metadata": metadata, "spec": {**BASE["spec"], "template": merged}}
        ours = api.post(DEPLOYMENTS, params=DRY_RUN, json=manifest)
        assert template(ours) == template(theirs)
        if ours.is_success:
            taken.append(piece)

    try:
        same()
    finally:
        api.delete(f"{DEPLOYMENTS}/shop-v1")
    # Where the API server refuses both, little is shown.
    assert len(taken) > 50


def test_the_merge_keys_are_those_of_the_cluster(api: httpx.Client) -> None:
    assert merge_keys(api.get("/openapi/v2").json()) == MERGE_KEYS
