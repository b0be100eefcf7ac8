"""A stack on a cluster that exists goes on with the credentials that its kubeconfig has by then."""

import json
import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.gateway import envoy
from components.gateway.admin import EnvoyAdmin
from components.gateway.gateways import Gateways
from harness.labs import Lab, Program
from harness.pace import pace
from proof.signals import at_work
from tests.lab.observe import SELECTOR, wait
from tests.lab.shop import CONVERGENCE, TARGET, second_stack
from tests.lab.test_upgrade import carry_on, changes, old_program
from tests.relay import Relay, http_proxy, relay, to

CONTEXT = "shop"
PLUGIN = """\
#!/bin/sh
echo "$PPID $(cat /proc/$PPID/comm)" >> {folder}/runs
token=$(cat {folder}/given)
echo '{{"apiVersion": "{version}", "kind": "ExecCredential", "status": {{"token": "'$token'"}}}}'
"""


@dataclass(frozen=True)
class Account:
    """A service account that may do all, and its kubeconfig: contexts in one file, the rest in another."""

    program: Program
    name: str
    folder: Path

    @property
    def files(self) -> str:
        """The value of KUBECONFIG."""
        return os.pathsep.join(str(self.folder / name) for name in ("contexts", "others"))

    def token(self) -> str:
        """A new token, which `revoke` takes back."""
        self.program.kubectl("create", "secret", "generic", self.name)
        bound = ("--bound-object-kind=Secret", f"--bound-object-name={self.name}")
        return self.program.kubectl("create", "token", self.name, *bound).stdout.strip()

    def revoke(self, token: str) -> None:
        """Takes it back, and waits until the API server knows: it remembers a token for ten seconds."""
        self.program.kubectl("delete", "secret", self.name)
        server = ("--server", self.cluster()["server"], "--insecure-skip-tls-verify")
        ask = ("--kubeconfig=/dev/null", "--token", token, *server, "get", "pods")
        wait(lambda: self.program.kubectl(*ask, check=False).returncode != 0, "the token still works")

    def cluster(self) -> dict[str, Any]:
        """The cluster's entry, with its CA in it."""
        view = self.program.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout
        return json.loads(view)["clusters"][0]["cluster"]

    def write(self, user: dict[str, Any], **cluster: Any) -> None:
        """Writes the kubeconfig."""
        contexts = [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}]
        (self.folder / "contexts").write_text(json.dumps({"contexts": contexts}))
        clusters = [{"name": "c", "cluster": {**self.cluster(), **cluster}}]
        others = {"clusters": clusters, "users": [{"name": "u", "user": user}]}
        (self.folder / "others").write_text(json.dumps(others))

    @contextmanager
    def moved(self) -> Generator[Relay]:
        """A relay to the API server."""
        host, _, port = self.cluster()["server"].removeprefix("https://").partition(":")
        with relay(to(host, int(port))) as running:
            yield running


@pytest.fixture
def account(program: Program, tmp_path: Path) -> Iterator[Account]:
    program.kubectl("create", "serviceaccount", "shopper")
    bound = ("--clusterrole=cluster-admin", "--serviceaccount=default:shopper")
    program.kubectl("create", "clusterrolebinding", "shopper", *bound)
    yield Account(program, "shopper", tmp_path)
    program.kubectl("delete", "clusterrolebinding/shopper")
    program.kubectl("delete", "serviceaccount/shopper", "secret/shopper", "--ignore-not-found")


@pytest.fixture
def shop(program: Program, account: Account, lab: Lab) -> Iterator[Program]:
    """A stack whose config names a context alone."""
    with second_stack(program, lab, "credentials") as made:
        made.config(
            cluster={"kind": "kubeconfig", "context": CONTEXT},
            versions={name: {"image": f"janakiramm/myapp:{name}"} for name in ("v1", "v2")},
            weights={"v1": 50, "v2": 50},
        )
        yield replace(made, environment={**made.environment, "KUBECONFIG": account.files})
        account.write({"token": program.kubectl("create", "token", account.name).stdout.strip()})
        made.run("env", f"KUBECONFIG={account.files}", "pulumi", "destroy", "--yes", "--skip-preview")


def refused(shop: Program, says: str) -> None:
    """An `up` that has to fail with a sentence, and without a traceback."""
    done = shop.up(check=False)
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert says in said, said
    assert "Traceback" not in said


def test_twenty_ups_between_which_the_credentials_change(shop: Program, account: Account) -> None:
    token = account.token()
    account.write({"token": token})
    shop.up("--skip-preview")
    host = account.program.outputs()["ingressHost"]
    assert str(shop.outputs()["url"]).startswith(f"http://{host}:")
    state = shop.run("pulumi", "stack", "export", "--show-secrets").stdout
    assert token not in state
    assert "certificate-authority-data" not in state

    def rotated() -> None:
        nonlocal token
        account.revoke(token)
        refused(shop, f"refused the credentials of the context {CONTEXT}, user u")
        token = account.token()
        account.write({"token": token})

    def gone() -> None:
        (account.folder / "contexts").unlink()
        refused(shop, f"There is no context {CONTEXT}")
        account.write({"token": token})

    def lost() -> None:
        account.write({"token": token}, server="https://127.0.0.1:1")
        refused(shop, "The cluster's API server 127.0.0.1:1 cannot be reached")
        account.write({"token": token})

    def by_a_plugin() -> None:
        (account.folder / "runs").unlink(missing_ok=True)
        (account.folder / "given").write_text(token)
        script = account.folder / "plugin"
        version = "client.authentication.k8s.io/v1"
        script.write_text(PLUGIN.format(folder=account.folder, version=version))
        script.chmod(0o755)
        plugin = {"apiVersion": version, "command": "./plugin", "interactiveMode": "Never"}
        account.write({"exec": plugin})

    def by_a_file() -> None:
        (account.folder / "token").write_text(token)
        account.write({"tokenFile": "token"})

    # Several times, so that each comes after another one, and the first after the last.
    changes = (rotated, gone, by_a_plugin, lost, by_a_file) * 4
    for number, change in enumerate(changes):
        change()
        weights = {"v1": 50 + number, "v2": 50 - number}
        shop.config(weights=weights)
        shop.up("--skip-preview")
        assert shop.outputs()["weights"] == weights
        if change is by_a_plugin:
            runs = (account.folder / "runs").read_text().splitlines()
            ours = [run for run in runs if "pulumi-resource" not in run]
            assert ours
            assert len(ours) == len(set(ours)), runs


def test_a_moved_server_and_a_proxy(shop: Program, account: Account) -> None:
    token = account.token()
    account.write({"token": token})
    shop.config(convergence={"timeoutSeconds": round(60 * pace()), "drainSeconds": 1})
    shop.up("--skip-preview")
    with account.moved() as moved:
        account.write({"token": token}, server=f"https://127.0.0.1:{moved.port}")
        shop.up("--skip-preview", "--expect-no-changes")
        assert moved.targets
        cut_in_mid_wait(shop, account.program, moved)
    with relay(http_proxy) as proxy:
        account.write({"token": token}, **{"proxy-url": f"http://127.0.0.1:{proxy.port}"})
        shop.up("--skip-preview", "--expect-no-changes")
        assert proxy.targets


def cut_in_mid_wait(shop: Program, program: Program, moved: Relay) -> None:
    """An `up` that waits for endpoints in the gateways loses its port-forwards, and opens others."""

    def select(app: str) -> None:
        patch = json.dumps({"spec": {"selector": {"app": app}}})
        program.kubectl("patch", "service/shop", "--type=merge", "-p", patch)

    def are_served(admin: EnvoyAdmin) -> bool:
        return bool(envoy.healthy_endpoints(admin.get(envoy.endpoints_target(TARGET)), TARGET, "v1"))

    select("nothing")
    kubeconfig = program.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout
    with Gateways(kubeconfig, SELECTOR) as gateways:
        wait(lambda: all(one.value is False for one in gateways.ask(are_served)), "no endpoint is left")
    # A refresh would mend the Service before the wait begins.
    with at_work(shop, "waiting, at most", "--refresh=false") as engine:
        moved.cut()
        select("shop")
    assert engine.returncode == 0


def test_a_preview_says_why_it_compares_with_the_state(shop: Program, account: Account) -> None:
    token = account.token()
    account.write({"token": token})
    shop.up("--skip-preview")
    shop.config(weights={"v1": 0, "v2": 100})

    def preview() -> str:
        done = shop.run("python", "-m", "rollout", "preview")
        assert "v2: 50 % → 100 %, v1: 50 % → 0 %" in done.stdout
        return done.stdout

    assert "compares the config with" not in preview()
    account.write({"token": "expired"})
    assert "The cluster refused the credentials, so this compares the config with" in preview()
    account.write({"token": token}, server="https://127.0.0.1:1")
    assert "The cluster cannot be reached from here, so this compares" in preview()
    (account.folder / "contexts").unlink()
    assert "There are no credentials for the cluster here, so this compares" in preview()


@contextmanager
def another_cluster() -> Generator[tuple[str, list[str]]]:
    """The URL of an API server that has another kube-system, and what it was asked to delete."""
    deleted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            deleted.append(self.path)
            self.do_GET()

        def do_GET(self) -> None:
            found = self.path == "/api/v1/namespaces/kube-system"
            body = b'{"metadata": {"uid": "another"}}' if found else b'{"message": "not found"}'
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", deleted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_another_cluster_is_refused_and_the_state_is_left(shop: Program, account: Account) -> None:
    token = account.token()
    account.write({"token": token})
    shop.up("--skip-preview")
    before = shop.run("pulumi", "stack", "export").stdout
    with another_cluster() as (server, deleted):
        account.write({"token": token}, server=server)
        refused(shop, f"The context {CONTEXT} leads to another cluster than the one that this stack is on")
        # That reads nothing beforehand, and would delete there whatever has the same names.
        done = shop.run("pulumi", "destroy", "--yes", "--skip-preview", "--refresh=false", check=False)
        said = done.stdout + done.stderr
        assert done.returncode, said
        assert "leads to another cluster than the one that this stack is on" in said
        assert "Traceback" not in said
        assert deleted == []
    urns = {one["urn"] for one in json.loads(before)["deployment"]["resources"]}
    after = json.loads(shop.run("pulumi", "stack", "export").stdout)
    assert {one["urn"] for one in after["deployment"]["resources"]} == urns
    account.write({"token": token})
    shop.up("--skip-preview", "--expect-no-changes")
    # The way out for a cluster that is gone for good, as it is printed.
    line = 'pulumi state delete --yes --target-dependents "$(pulumi stack --show-urns | '
    shop.run("sh", "-c", line + "grep -o 'urn:.*:ClusterIdentity::.*')\"")
    left = json.loads(shop.run("pulumi", "stack", "export").stdout)["deployment"]["resources"]
    assert not [one for one in left if one["type"].startswith("kubernetes:")]
    shop.run("pulumi", "stack", "import", "--file", _written(account.folder / "state", before))


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_state_with_a_kubeconfigs_text_goes_on(program: Program, account: Account, lab: Lab) -> None:
    """The first release wrote it there; meanwhile the token is another one."""
    old = old_program(program.folder.parent / "text", lab, "text")
    path = account.folder / "config"

    def write(token: str) -> None:
        account.write({"token": token})
        parts = [json.loads((account.folder / name).read_text()) for name in ("contexts", "others")]
        path.write_text(json.dumps({**parts[0], **parts[1]}))

    token, address = account.token(), program.outputs()["ingressHost"]
    write(token)
    old.config(
        cluster={"kind": "kubeconfig", "path": str(path), "context": CONTEXT, "ingressAddress": address},
        istio={"install": False},
        app={"name": "text"},
        routing={"gateway": "text-gateway", "hosts": ["text.example"]},
        versions={"v1": {"image": "janakiramm/myapp:v1"}},
        weights={"v1": 100},
        convergence={**CONVERGENCE, "drainSeconds": 1},
    )
    try:
        old.up("--skip-preview")
        carry_on(old)
        account.revoke(token)
        write(account.token())
        done = old.up("--skip-preview", check=False)
        assert done.returncode
        assert "type once: pulumi up --refresh=false" in done.stdout + done.stderr
        old.up("--skip-preview", "--refresh=false")
        log = old.folder / "events.json"
        assert changes(log).keys() <= {"same", "update", "create"}, changes(log)
        old.up("--skip-preview", "--expect-no-changes")
        state = old.run("pulumi", "stack", "export", "--show-secrets").stdout
        assert "certificate-authority-data" not in state
    finally:
        carry_on(old)
        old.run("pulumi", "destroy", "--yes", "--skip-preview", "--refresh=false", "--remove")
