"""A real Minikube on the host: its whole life, and the cluster seen from outside and from pods."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.labs import ROOT
from harness.pace import pace
from tests.lab import subnets
from tests.lab.second_lab import SecondLab, second_lab

pytestmark = pytest.mark.timeout(300)
NODE_PORT = 30080
# A pod of an image without a shell: it borrows the machine's curl, with its own resolv.conf.
MANIFESTS = """
apiVersion: v1
kind: Service
metadata: {name: myapp}
spec:
  type: NodePort
  selector: {app: myapp}
  ports: [{name: http, port: 80, nodePort: 30080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: myapp-v1}
spec:
  selector: {matchLabels: {app: myapp}}
  template:
    metadata: {labels: {app: myapp}}
    spec:
      containers:
        - {name: myapp, image: "janakiramm/myapp:v1", imagePullPolicy: IfNotPresent}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: caller}
spec:
  selector: {matchLabels: {app: caller}}
  template:
    metadata: {labels: {app: caller}}
    spec:
      containers:
        - name: caller
          image: janakiramm/myapp:v2
          imagePullPolicy: IfNotPresent
          volumeMounts: [{name: usr, mountPath: /usr, readOnly: true}]
      volumes: [{name: usr, hostPath: {path: /usr}}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondLab]:
    """A started Minikube with two Deployments."""
    folder = tmp_path_factory.mktemp("minikube")
    made = second_lab(folder)
    made.run("up")
    try:
        made.start_minikube()
        manifests = folder / "manifests.yaml"
        manifests.write_text(MANIFESTS)
        kubectl(made, "apply", "-f", str(manifests))
        rolled_out(made)
        yield made
    finally:
        made.run("down")


def kubectl(cluster: SecondLab, *arguments: str) -> str:
    """Run kubectl on the machine, outside of the host."""
    program = str(ROOT / ".tools" / "bin" / "kubectl")
    done = subprocess.run(
        (program, "--kubeconfig", str(cluster.layout.kubeconfig), *arguments),
        env=cluster.environment,
        capture_output=True,
        text=True,
        timeout=120 * pace(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rolled_out(cluster: SecondLab) -> None:
    for name in ("myapp-v1", "caller"):
        kubectl(cluster, "rollout", "status", f"deployment/{name}", f"--timeout={60 * pace():.0f}s")


def page(url: str) -> str | None:
    """The page, or None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return answer.read().decode()
    except (OSError, urllib.error.URLError):
        return None


def until(condition: Callable[[], bool], what: str) -> None:
    limit = 60 * pace()
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        time.sleep(0.05)


def node_port_answers(cluster: SecondLab) -> bool:
    return "V1" in (page(f"http://{cluster.layout.address}:{NODE_PORT}/") or "")


def test_minikube_knows_its_address_and_state(cluster: SecondLab) -> None:
    assert cluster.minikube("ip").stdout.strip() == subnets.host(subnets.OWN)
    state = json.loads(cluster.minikube("status", "-o", "json").stdout)
    assert (state["Host"], state["Kubelet"], state["APIServer"]) == ("Running",) * 3
    profiles = json.loads(cluster.minikube("profile", "list", "-o", "json").stdout)
    assert [profile["Name"] for profile in profiles["valid"]] == ["minikube"]


def test_status_shows_the_cluster(cluster: SecondLab) -> None:
    status = json.loads(cluster.run("status", "-o", "json").stdout)
    assert status["profiles"] == ["minikube"]
    assert status["kubernetes"] is True


def test_the_kubeconfig_is_for_its_owner_alone(cluster: SecondLab) -> None:
    assert cluster.layout.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert list(cluster.home.glob(".minikube")) == []


def test_every_system_pod_gets_ready(cluster: SecondLab) -> None:
    limit = f"--timeout={90 * pace():.0f}s"
    kubectl(cluster, "wait", "pod", "--all", "-n", "kube-system", "--for=condition=Ready", limit)


def test_names_are_known_soon_after_the_start(cluster: SecondLab) -> None:
    """CoreDNS starts before kube-proxy: its first question must be refused, not lost for 30 s."""
    test_every_system_pod_gets_ready(cluster)
    listed = kubectl(cluster, "get", "pods", "-n", "kube-system", "-l", "k8s-app=kube-dns", "-o", "json")
    status = json.loads(listed)["items"][0]["status"]
    ready = next(one["lastTransitionTime"] for one in status["conditions"] if one["type"] == "Ready")
    started = status["containerStatuses"][0]["state"]["running"]["startedAt"]
    waited = datetime.fromisoformat(ready) - datetime.fromisoformat(started)
    # Where all is slow, its log tells a question that was lost.
    said = kubectl(cluster, "logs", "-n", "kube-system", "-l", "k8s-app=kube-dns", "--tail=-1")
    assert waited < timedelta(seconds=25) or "i/o timeout" not in said


def test_a_node_port_answers_outside(cluster: SecondLab) -> None:
    until(lambda: node_port_answers(cluster), "the node port answers")


def test_a_pod_finds_a_service_by_name_and_reaches_it(cluster: SecondLab) -> None:
    loader = next(Path("/usr/lib").glob("*-linux-gnu*/ld-linux*.so.*"))
    curl = [str(loader), "--library-path", str(loader.parent), "/usr/bin/curl", "--silent"]
    retries = ["--retry", "20", "--retry-all-errors", "--retry-delay", "1"]
    inside = ["exec", "deployment/caller", "--", *curl, *retries]
    assert "V1" in kubectl(cluster, *inside, "http://myapp.default.svc.cluster.local/")
    address = kubectl(cluster, "get", "pod", "-l", "app=myapp", "-o", "jsonpath={.items[0].status.podIP}")
    assert "V1" in kubectl(cluster, *inside, f"http://{address}/")


def test_a_pods_log_is_read(cluster: SecondLab) -> None:
    until(lambda: "myapp v1" in kubectl(cluster, "logs", "deployment/myapp-v1"), "its first line")


def test_a_port_is_forwarded(cluster: SecondLab) -> None:
    forwarding = subprocess.Popen(
        (
            str(ROOT / ".tools" / "bin" / "kubectl"),
            f"--kubeconfig={cluster.layout.kubeconfig}",
            "port-forward",
            "deployment/myapp-v1",
            ":80",
        ),
        env=cluster.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert forwarding.stdout is not None
        # Forwarding from 127.0.0.1:PORT -> 80
        port = forwarding.stdout.readline().split(":")[1].split()[0]
        until(lambda: "V1" in (page(f"http://127.0.0.1:{port}/") or ""), "the port answers")
    finally:
        forwarding.kill()
        forwarding.wait()


def test_the_kubelets_log_is_kept_and_minikube_logs_shows_it(cluster: SecondLab) -> None:
    lines = cluster.run("logs", "kubelet").stdout
    assert "kubelet" in lines
    assert "==> kubelet <==" in cluster.minikube("logs").stdout


def test_containerd_is_no_less_well_after_up_again(cluster: SecondLab) -> None:
    cluster.run("up")
    assert cluster.run("status").returncode == 0
    rolled_out(cluster)


def test_a_kubelet_that_is_stopped_slowly_is_not_started_again(cluster: SecondLab, tmp_path: Path) -> None:
    # As on a busy host: Minikube's script has told the kubelet to end, and its wrapper has one again in 1 s.
    slow = tmp_path / "start-stop-daemon"
    slow.write_text('#!/bin/sh\nsleep 3\nexec /usr/local/sbin/start-stop-daemon "$@"\n')
    slow.chmod(0o755)
    path = f"PATH={tmp_path}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    cluster.run("exec", "env", path, "/etc/init.d/kubelet", "stop")
    kubelets = cluster.run("exec", "pgrep", "-x", "kubelet", check=False).stdout
    cluster.run("exec", "service", "kubelet", "start")
    assert kubelets == ""


def test_the_cluster_comes_back_after_a_stop(cluster: SecondLab) -> None:
    cluster.minikube("stop")
    assert json.loads(cluster.run("status", "-o", "json").stdout)["kubernetes"] is False
    cluster.start_minikube()
    until(lambda: node_port_answers(cluster), "the app answers again after stop and start")
    rolled_out(cluster)


def test_delete_and_a_fresh_start(cluster: SecondLab) -> None:
    cluster.minikube("delete")
    assert not (cluster.layout.host / "var-lib" / "minikube").exists()
    assert json.loads(cluster.run("status", "-o", "json").stdout)["profiles"] == []
    # As containerd makes it where a last scheduler starts without its kubeconfig: the first `kubeadm init`
    # fails at it, and the second needs a kubelet that runs again.
    cluster.run("exec", "mkdir", "-p", "/etc/kubernetes/scheduler.conf")
    cluster.start_minikube()
    assert kubectl(cluster, "get", "deployments", "-o", "name") == ""
