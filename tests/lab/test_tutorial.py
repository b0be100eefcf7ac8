"""The tutorial's rows T1 to T8 on the lab, by the commands that its reader types."""

import itertools
import json
import math
import re
import subprocess
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction

import httpx
import pytest

from components.observation.answers import Answer, ask
from harness.labs import Lab, Program
from tests.lab.observe import get, wait

FALSE_ALARM = Fraction(1, 1_000_000)


def answers(program: Program, count: int) -> list[Answer]:
    return list(itertools.islice(ask(str(program.outputs()["url"])), count))


def widest_deviation(samples: int, false_alarm: Fraction) -> int:
    """The least k for which a fair coin of so many tosses is off its mean by more than k that rarely."""
    beyond, k = Fraction(0), samples // 2
    while k > 0:
        beyond += Fraction(2 * math.comb(samples, samples // 2 + k), 2**samples)
        if beyond > false_alarm:
            return k
        k -= 1
    return 0


pytestmark = pytest.mark.usefixtures("base")


def test_t1_minikube_runs_and_shows_its_profile(program: Program, lab: Lab) -> None:
    listed = lab.run("minikube", "profile", "list", "-o", "json").stdout
    profiles = {profile["Name"]: profile["Status"] for profile in json.loads(listed)["valid"]}
    wanted = json.loads(program.run("pulumi", "config", "get", "blue-green:cluster").stdout)["profile"]
    assert profiles[wanted] in {"Running", "OK"}


def test_t2_every_pod_is_running_and_ready(program: Program) -> None:
    def states() -> dict[str, tuple[str, bool]]:
        """By namespace and name, the phase of each pod, and whether it is ready."""
        found: dict[str, tuple[str, bool]] = {}
        for pod in get(program, "pods", "-A")["items"]:
            conditions = {(one["type"], one["status"]) for one in pod["status"].get("conditions", ())}
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            found[name] = (pod["status"]["phase"], ("Ready", "True") in conditions)
        return found

    # Pods of an earlier test may be on their way out.
    wait(lambda: set(states().values()) == {("Running", True)}, f"all run and are ready: {states()}")
    namespaces = {name.partition("/")[0] for name in states()}
    assert namespaces >= {"istio-system", "kube-system", "default"}


def test_t2_gateway_service_is_a_node_port_named_http2(program: Program) -> None:
    service = json.loads(
        program.kubectl("get", "svc", "istio-ingressgateway", "-n", "istio-system", "-o", "json").stdout
    )
    assert service["spec"]["type"] == "NodePort"
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]}["http2"] == 80


def test_t3_service_and_deployments_are_the_tutorials(program: Program) -> None:
    service = json.loads(program.kubectl("get", "svc", "myapp", "-o", "json").stdout)["spec"]
    assert (service["type"], service["selector"]) == ("ClusterIP", {"app": "myapp"})
    assert [(port["name"], port["port"]) for port in service["ports"]] == [("http", 80)]
    for version in ("v1", "v2"):
        deployment = json.loads(program.kubectl("get", "deploy", f"myapp-{version}", "-o", "json").stdout)
        pod = deployment["spec"]["template"]
        (container,) = pod["spec"]["containers"]
        assert deployment["spec"]["replicas"] == 1
        assert {"app": "myapp", "version": version}.items() <= pod["metadata"]["labels"].items()
        assert (container["name"], container["image"]) == ("myapp", f"janakiramm/myapp:{version}")
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert [port["containerPort"] for port in container["ports"]] == [80]


@contextmanager
def port_forward(program: Program, deployment: str) -> Generator[str]:
    command = ["kubectl", "port-forward", f"deployment/{deployment}", ":80"]
    with subprocess.Popen(
        command, env=program.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout
            said = process.stdout.readline()
            port = re.search(r"127\.0\.0\.1:(\d+)", said)
            assert port, said
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            process.terminate()


@pytest.mark.parametrize(("version", "colour", "text"), [("v1", "blue", "V1"), ("v2", "green", "vNext")])
def test_t4_port_forward_shows_each_version_alone(
    program: Program, version: str, colour: str, text: str
) -> None:
    with port_forward(program, f"myapp-{version}") as url:
        answer = httpx.get(url)
    assert answer.status_code == 200
    assert text in answer.text
    assert colour in answer.text
    assert answer.headers["X-App-Version"] == version


def test_t5_routes_are_the_tutorials(program: Program) -> None:
    def spec(kind: str, name: str) -> dict[str, object]:
        return json.loads(program.kubectl("get", kind, name, "-o", "json").stdout)["spec"]

    gateway = spec("gateway.networking.istio.io", "app-gateway")
    assert gateway["selector"] == {"istio": "ingressgateway"}
    assert gateway["servers"] == [
        {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    ]
    for version in ("v1", "v2"):
        rule = spec("destinationrule", f"myapp-{version}")
        assert rule["subsets"] == [{"name": version, "labels": {"version": version}}]
    split = spec("virtualservice", "myapp")
    assert (split["hosts"], split["gateways"]) == (["*"], ["app-gateway"])


def test_t6_address_is_minikubes_ip_and_the_node_port(program: Program, lab: Lab) -> None:
    profile = json.loads(program.run("pulumi", "config", "get", "blue-green:cluster").stdout)["profile"]
    outputs = program.outputs()
    assert outputs["ingressHost"] == lab.run("minikube", "ip", "-p", profile).stdout.strip()
    path = "{.spec.ports[?(@.name=='http2')].nodePort}"
    node_port = program.kubectl(
        "get", "svc", "istio-ingressgateway", "-n", "istio-system", "-o", f"jsonpath={path}"
    ).stdout
    assert int(cast_number(outputs["ingressPort"])) == int(node_port)
    assert outputs["url"] == f"http://{outputs['ingressHost']}:{node_port}"


def cast_number(value: object) -> str:
    """A number output of Pulumi may come as 30080 or 30080.0."""
    return str(value).removesuffix(".0")


def test_t7_split_of_a_thousand_requests_is_half_and_half(program: Program) -> None:
    given = answers(program, 1000)
    assert [answer for answer in given if not answer.ok] == []
    count = Counter(answer.text for answer in given)
    assert set(count) == {"V1", "vNext"}
    assert abs(count["V1"] - 500) <= widest_deviation(1000, FALSE_ALARM)


def test_t7_watch_prints_an_answer_a_line_and_the_split(program: Program) -> None:
    said = program.run("python", "-m", "rollout", "watch", "--plain", "--count", "20").stdout.splitlines()
    assert set(said[:20]) <= {"V1", "vNext"}
    assert any("20 answers, 0 failed" in line for line in said[20:])


def test_t8_switch_sends_all_traffic_to_v2_and_then_nothing_is_left_to_do(program: Program) -> None:
    weights = ("--plaintext", "weights.v1=0", "--plaintext", "weights.v2=100")
    program.run("pulumi", "config", "set-all", "--path", *weights)
    program.up()
    given = answers(program, 200)
    assert Counter((answer.text, answer.ok) for answer in given) == {("vNext", True): 200}
    program.up("--expect-no-changes")


def test_t8_weights_can_be_moved_back(program: Program) -> None:
    program.config(weights={"v1": 100, "v2": 0})
    program.up("--skip-preview")
    assert {(answer.text, answer.ok) for answer in answers(program, 50)} == {("V1", True)}
