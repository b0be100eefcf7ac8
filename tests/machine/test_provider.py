"""The Kubernetes provider as we build it registers what its components read: YAML, lists, CRDs and charts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.labs import ROOT, Program
from tests.lab.observe import get

PROJECT = """\
name: provider
runtime: {name: python, options: {toolchain: pip, virtualenv: .venv}}
"""
PROGRAM = """\
import pulumi
import pulumi_kubernetes as kubernetes

here = pulumi.ResourceOptions(
    provider=kubernetes.Provider("cluster", kubeconfig=pulumi.Config().require("kubeconfig"))
)
kubernetes.yaml.v2.ConfigGroup("group", yaml=open("objects.yaml").read(), opts=here)
kubernetes.helm.v4.Chart("chart", chart="./chart", namespace="default", opts=here)
"""
OBJECTS = """\
apiVersion: v1
kind: ConfigMapList
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: listed, namespace: default}, data: {a: "1"}}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: listed, namespace: default}, stringData: {b: hid-den}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.org}
spec:
  group: example.org
  names: {kind: Lamp, plural: lamps}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: example.org/v1
kind: Lamp
metadata: {name: desk, namespace: default}
spec: {lit: true}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: listed, namespace: default}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: small\nversion: 0.1.0\n",
    "values.yaml": "greeting: hello\n",
    "templates/config.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: charted}\ndata: {said: {{ .Values.greeting }}}\n"
    ),
}


@pytest.fixture
def other(program: Program) -> Iterator[Program]:
    """A program that uses the provider's own components, up."""
    folder = program.folder.parent / "provider"
    files = {"Pulumi.yaml": PROJECT, "__main__.py": PROGRAM, "objects.yaml": OBJECTS}
    for name, text in {**files, **{f"chart/{part}": text for part, text in CHART.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(ROOT / ".venv")
    made = Program(folder, "provider", {**program.environment, "PULUMI_STACK": "provider"})
    made.run("pulumi", "stack", "select", "--create", "provider")
    made.run("pulumi", "config", "set", "kubeconfig", str(Path(program.environment["KUBECONFIG"])))
    try:
        made.up("--skip-preview")
        yield made
    finally:
        made.run("pulumi", "destroy", "--yes", "--non-interactive", "--skip-preview", "--remove")


def test_components_of_the_provider_register_every_kind_by_its_token(other: Program) -> None:
    assert get(other, "lamp", "desk")["spec"] == {"lit": True}
    assert get(other, "configmap", "charted")["data"] == {"said": "hello"}
    state = other.run("pulumi", "stack", "export").stdout
    kinds = sorted(one["type"] for one in json.loads(state)["deployment"]["resources"])
    assert [kind for kind in kinds if kind.startswith("kubernetes:")] == [
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:Secret",
        "kubernetes:example.org/v1:Lamp",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:rbac.authorization.k8s.io/v1:Role",
        "kubernetes:yaml/v2:ConfigGroup",
    ]
    assert "hid-den" not in state
    other.up("--skip-preview", "--expect-no-changes")
