"""Writes the two files that the Kubernetes provider's main embeds."""

import json
from pathlib import Path

from tools import pins
from tools.catalogue import PULUMI_KUBERNETES
from tools.golang import Go
from tools.modulefiles import module_folder

MODULE = "resource-kubernetes"
PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"


def prepare(go: Go, module: str) -> None:
    """Write what the main of a module below `tools/go` embeds, where it is the provider's.

    That is the schema, with its version set, and the Terraform mapping.
    """
    if module != MODULE:
        return
    source = module_folder(go, MODULE, PROVIDER) / "cmd" / "pulumi-resource-kubernetes"
    schema = json.loads((source / "schema.json").read_text())
    _write("schema-embed.json", schema | {"version": PULUMI_KUBERNETES})
    _write("terraform-mapping-embed.json", json.loads((source / "terraform-mapping.json").read_text()))


def _write(name: str, value: object) -> None:
    path: Path = pins.GO / MODULE / name
    text = json.dumps(value, separators=(",", ":"))
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
