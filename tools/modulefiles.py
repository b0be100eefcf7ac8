"""Files taken from Go modules as they are: Pulumi's scripts, Istio's charts, Envoy's bootstrap, pause.c.

go.sum pins their bytes, as it does for what is compiled.
"""

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools import pins
from tools.errors import ToolsError
from tools.golang import Go
from tools.store import cache, keep, place


@dataclass(frozen=True)
class ModuleFile:
    """A file or folder of a Go module.

    Attributes:
        name: its name with us.
        pinned_in: folder below `tools/go` whose go.mod and go.sum pin it.
        module: the Go module's path.
        path: where it stands in the module.
        executable: it is run; a module's archive does not keep who may run a file.
    """

    name: str
    pinned_in: str
    module: str
    path: str
    executable: bool = False

    @property
    def kept(self) -> Path:
        """Where it is kept, whether it is there yet or not."""
        key = pins.module_key(self.pinned_in, self.module, f"{self.path} executable={self.executable}")
        return place("module-file", self.name, key)


PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
PULUMI_SCRIPTS = (
    ModuleFile(
        "pulumi-language-python-exec",
        "cluster",
        PULUMI_SDK,
        "python/cmd/pulumi-language-python-exec",
        executable=True,
    ),
    ModuleFile(
        "pulumi-resource-pulumi-python",
        "cluster",
        PULUMI_SDK,
        "python/dist/pulumi-resource-pulumi-python",
        executable=True,
    ),
)
ISTIO = "istio.io/istio"
CHARTS = (
    ModuleFile("base", "cluster", ISTIO, "manifests/charts/base"),
    ModuleFile("istiod", "cluster", ISTIO, "manifests/charts/istio-control/istio-discovery"),
    ModuleFile("gateway", "cluster", ISTIO, "manifests/charts/gateway"),
)
ENVOY_BOOTSTRAP = ModuleFile(
    "envoy_bootstrap_tmpl.json", "cluster", ISTIO, "tools/packaging/common/envoy_bootstrap.json"
)
PAUSE_SOURCE = ModuleFile("pause.c", "cluster", "k8s.io/kubernetes", "build/pause/linux/pause.c")
KICBASE = ModuleFile("kicbase", "cluster", "k8s.io/minikube", "deploy/kicbase")
FOR_LAB = (*CHARTS, ENVOY_BOOTSTRAP, PAUSE_SOURCE)


def fetch(go: Go, file: ModuleFile) -> None:
    """Copy the file or folder out of its module to where it is kept."""
    source = module_folder(go, file.pinned_in, file.module) / file.path
    fresh = cache() / "tmp" / file.name
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.unlink(missing_ok=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, fresh)
    else:
        shutil.copy(source, fresh)
        fresh.chmod(0o755 if file.executable else 0o644)
    keep(fresh, file.kept)


@functools.cache
def module_folder(go: Go, pinned_in: str, module: str) -> Path:
    """Return the folder in which Go keeps the pinned module, downloading it where it is missing.

    Raises:
        ToolsError: it cannot be downloaded.
    """
    run = subprocess.run(
        [go.command, "mod", "download", "-json", module],
        cwd=pins.GO / pinned_in,
        env=go.environment(),
        capture_output=True,
        text=True,
    )
    answer = json.loads(run.stdout or "{}")
    if run.returncode or "Dir" not in answer:
        msg = f"could not download {module}: {answer.get('Error') or run.stderr[-800:]}"
        raise ToolsError(msg)
    return Path(answer["Dir"])
