"""What settings accept, Kubernetes and istiod accept as well: a sample, by server-side dry runs."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from components.manifests.objects import objects
from components.settings.mistakes import ConfigError
from components.settings.parse import parse
from harness.labs import Program
from tests.configs import LABELS, NAME, ROUTING, VERSION


def manifests(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Every object of the app for a config; none for a config that is refused."""
    try:
        found = parse(config)
    except ConfigError:
        return []
    return list(objects(found))


def test_no_accepted_config_is_rejected_by_the_cluster(program: Program, tmp_path: Path) -> None:
    tried = 0

    @hypothesis_settings(
        max_examples=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        database=None,
    )
    @given(st.dictionaries(NAME, VERSION, min_size=1, max_size=2), ROUTING, LABELS)
    def dry_run(versions: dict[str, Any], routing: dict[str, Any], labels: dict[str, str]) -> None:
        nonlocal tried
        config = {
            "cluster": {"profile": "minikube"},
            # Of a gateway that is installed, few ports are accepted.
            "istio": {"install": False},
            "app": {"name": "shop", "labels": labels},
            "versions": versions,
            "weights": {min(versions): 100},
            "routing": routing,
        }
        objects = manifests(config)
        if objects:
            tried += 1
            file = tmp_path / "objects.json"
            file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
            program.kubectl("apply", "--dry-run=server", "-f", str(file))

    dry_run()
    assert tried > 5
