"""The smallest program with what ours needs of Pulumi: an object, and a resource with logic of its own.

It is a Pulumi program, run on the cluster of KUBECONFIG.
"""

import os
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi_kubernetes.provider import Provider


class NothingProvider(dynamic.ResourceProvider):
    """Has nothing to do."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Nothing but the entry in the state."""
        return dynamic.CreateResult("nothing", props)


class Nothing(dynamic.Resource):
    """A resource without any work."""


kubeconfig = Path(os.environ["KUBECONFIG"]).read_text()
options = pulumi.ResourceOptions(provider=Provider("kubernetes", kubeconfig=kubeconfig))
metadata = {"name": "smallest", "namespace": "default"}
config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}
pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "object", config_map, options)
Nothing(NothingProvider(), "logic", {})
