"""Writes what the Kubernetes provider is built of and no module holds in that form.

Its main embeds two files. And of Pulumi's own Go SDK for Kubernetes, 64 packages with a type for each
kind, which take most of the build, it gets the three that it needs; ours stands in for the fourth.
"""

import json
import shutil
from pathlib import Path

from tools import pins
from tools.catalogue import PULUMI_KUBERNETES
from tools.golang import Go
from tools.modulefiles import module_folder

MODULE = "resource-kubernetes"
PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
# The SDK's own source has a pin of its own: in the provider's module ours replaces it.
SDK_PINNED_IN = "kubernetes-sdk"
SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4"
SDK_PARTS = ("customPulumiTypes.go", "utilities", "helm/v4")


def prepare(go: Go, module: str) -> None:
    """Write the sources of a module below `tools/go`, where it is the provider's."""
    if module != MODULE:
        return
    source = module_folder(go, MODULE, PROVIDER) / "cmd" / "pulumi-resource-kubernetes"
    schema = json.loads((source / "schema.json").read_text())
    _write("schema-embed.json", schema | {"version": PULUMI_KUBERNETES})
    _write("terraform-mapping-embed.json", json.loads((source / "terraform-mapping.json").read_text()))
    sdk = Path("go", "kubernetes")
    for part in SDK_PARTS:
        _copy(module_folder(go, SDK_PINNED_IN, SDK) / sdk / part, pins.GO / MODULE / "sdk" / sdk / part)


def _write(name: str, value: object) -> None:
    path: Path = pins.GO / MODULE / name
    text = json.dumps(value, separators=(",", ":"))
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)
