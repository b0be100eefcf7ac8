"""A stack's history by pages, and its names."""

import json
import re
from pathlib import Path

import pytest

from components.commands.rollback import now
from components.commands.verify.applied import edited
from components.errors import RolloutError
from components.pulumi_cli import config, project, stack
from tests.unit.test_settings import GOOD

KUBECONFIG: dict[str, object] = {
    "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {}}],
}


@pytest.mark.parametrize("updates", [0, 3, stack.HISTORY_PAGE, 2 * stack.HISTORY_PAGE + 1])
def test_history_is_whole_and_no_page_is_read_before_it_is_needed(
    updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[int] = []

    def ask_json(*arguments: str) -> list[dict[str, int]] | None:
        size, page = (int(arguments[arguments.index(f"--{name}") + 1]) for name in ("page-size", "page"))
        pages.append(page)
        found = [{"version": number} for number in range(updates)][(page - 1) * size : page * size]
        return found or None

    monkeypatch.setattr(project, "ask_json", ask_json)
    next(stack.history("lab"), None)
    assert pages == [1]
    assert [one["version"] for one in stack.history("lab")] == list(range(updates))


OTHER: dict[str, object] = {
    **KUBECONFIG,
    "current-context": "prod",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:2"}}],
}
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


@pytest.mark.parametrize(
    ("reference", "kubectl"),
    [
        ({"context": "prod"}, "kubectl --context prod"),
        # A text, of another cluster than the context of that name; as a secret it cannot be read here.
        ({"text": json.dumps(OTHER)}, "kubectl --kubeconfig FILE"),
        ({"text": SECRET}, "kubectl --kubeconfig FILE"),
        (SECRET, "kubectl --kubeconfig FILE"),
    ],
)
def test_down_of_a_stack_by_its_full_name_destroys_it(
    reference: dict[str, object],
    kubectl: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config").write_text(json.dumps(KUBECONFIG))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    shown: list[tuple[str, ...]] = []
    namespace: dict[str, object] = {"type": "kubernetes:core/v1:Namespace", "retainOnDelete": True}

    def resources(_stack: str) -> list[dict[str, object]]:
        identity: dict[str, object] = {
            "type": "pulumi-python:dynamic:ClusterIdentity",
            "inputs": {"kubeconfig": reference},
        }
        return [identity, namespace | {"id": "shop"}, namespace | {"id": "mini", "deletedWith": "urn"}]

    monkeypatch.setattr(stack, "resources", resources)

    def show(*arguments: str, **_: object) -> None:
        shown.append(arguments)

    monkeypatch.setattr(project, "show", show)
    monkeypatch.setattr(stack, "names", lambda: ["lab"])
    stack.down("organization/blue-green/lab")
    assert [arguments[0] for arguments in shown] == ["destroy", "stack"]
    said = capsys.readouterr().err
    assert f"  {kubectl} delete namespace shop\n" in said
    # That one goes with its cluster.
    assert "mini" not in said


def test_down_of_a_stack_that_is_not_there_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack, "names", lambda: ["lab"])
    stack.down("lba")
    assert "there is no stack lba" in capsys.readouterr().err


def test_without_pulumi_the_user_is_told_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    without = r"^pulumi is not on PATH\. Install it: https://www\.pulumi\.com/docs/install/$"
    with pytest.raises(RolloutError, match=without):
        project.run("version")
    with pytest.raises(RolloutError, match=without):
        project.show("version")
    # Where `make` has fetched or built one.
    (tmp_path / ".tools" / "bin").mkdir(parents=True)
    (tmp_path / ".tools" / "bin" / "pulumi").touch()
    with pytest.raises(RolloutError, match=r'For this shell, type: eval "\$\(make -s env\)"$'):
        project.run("version")


@pytest.mark.parametrize(
    ("program", "cluster", "begin", "up"),
    [
        ("blue-green", {"kind": "minikube", "profile": "dev"}, "make up STACK=dev", "make up STACK=dev"),
        ("blue-green", {"kind": "kubeconfig"}, "pulumi stack init dev", "pulumi up --stack me/p/dev"),
        ("blue-green", None, "pulumi stack init dev", "pulumi up --stack me/p/dev"),
        ("shop", {"kind": "minikube"}, "pulumi stack init dev", "pulumi up --stack me/p/dev"),
    ],
)
def test_make_is_typed_for_a_stack_of_this_repository_on_its_own_minikube_alone(
    program: str,
    cluster: object,
    begin: str,
    up: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: {program}\n")
    if cluster is not None:
        (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": {"blue-green:cluster": cluster}}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RolloutError, match=f"in this backend yet. Type: {begin}$"):
        project.refuse_unknown_stack("error: no stack named 'dev' found")

    def nothing(_stack: str) -> dict[str, object]:
        return {}

    monkeypatch.setattr(stack, "outputs", nothing)
    with pytest.raises(RolloutError, match=f"stack me/p/dev has no output 'url' yet. Type: {up}$"):
        stack.output("me/p/dev", "url")


def test_secret_in_the_config_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_json(*_: str) -> object:
        return {"blue-green:versions": {"secret": True}, "other:token": {"secret": True}}

    monkeypatch.setattr(project, "ask_json", ask_json)
    with pytest.raises(RolloutError, match="blue-green:versions: it holds a secret"):
        config.raw("lab")


def test_an_object_that_was_written_as_its_json_is_that_object_and_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As `pulumi config set blue-green:versions '{…}'` writes it; the program reads the object.
    versions = {"v1": {"image": "shop:1"}, "v2": {"image": "shop:2"}}
    values = {"versions": json.dumps(versions), "weights": '{"v1":50,"v2":50}', "app": "{shop"}
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        json.dumps({"config": {f"blue-green:{key}": value for key, value in values.items()}})
    )
    monkeypatch.chdir(tmp_path)
    asked: list[tuple[str, ...]] = []

    def ask(*arguments: str) -> str:
        asked.append(arguments)
        return json.dumps({f"blue-green:{key}": {"value": value} for key, value in values.items()})

    monkeypatch.setattr(project, "ask", ask)
    weights = {"v1": 50, "v2": 50}
    assert config.raw("dev") == {"versions": versions, "weights": weights, "app": "{shop"}
    config.set_path("dev", 'versions["v1"].image', "shop:3")
    _, whole, member = asked
    assert json.loads(whole[-1])["blue-green:versions"]["objectValue"] == versions
    assert member[-2:] == ('blue-green:versions["v1"].image', "shop:3")


def test_now_finds_the_cluster_in_a_config_that_was_written_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    cluster = json.dumps({"kind": "kubeconfig", "path": str(tmp_path / "away")})
    values = {"blue-green:cluster": cluster, "blue-green:app": '{"name": "shop"}'}
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": values}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RolloutError, match=re.escape(f"{tmp_path / 'away'}")):
        now.rollback_now("dev", None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"config: {a: \xff}", "it is not YAML: 'utf-8' codec can't decode byte 0xff"),
        (b"config: {a: \x07}", "it is not YAML: unacceptable character #x0007"),
        (b"- config", "it is not an object. Write it as name: value"),
        (b"config: 5", "config: it is not an object. Write it as name: value"),
    ],
)
def test_a_config_file_that_cannot_be_read_is_told(
    content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: blue-green\n")
    (tmp_path / "Pulumi.dev.yaml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RolloutError, match=rf"^Pulumi\.dev\.yaml: {re.escape(says)}"):
        config.settings("dev")
    with pytest.raises(RolloutError, match=rf"^Pulumi\.dev\.yaml: {re.escape(says)}"):
        now.rollback_now("dev", None)


def test_a_key_of_another_namespace_is_no_edit_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def raw(_stack: str) -> dict[str, object]:
        return {"weights": {"v1": 100}}

    monkeypatch.setattr(config, "raw", raw)
    ours = {"blue-green:weights": {"value": '{"v1":100}'}}
    assert list(edited("dev", {"config": {**ours, "my-blue-green:x": {"value": "1"}}})) == []
    (one,) = edited("dev", {"config": {**ours, "blue-green:x": {"value": "1"}}})
    assert "blue-green:x in the config is not what the last `up` had" in one.what


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"weights": {"v1": 49, "v2": 50}}, "set --stack staging --path 'blue-green:weights.v2' 51."),
        ({"mirror": {"version": "v2"}}, "rm --stack staging blue-green:mirror."),
    ],
)
def test_a_mistake_says_what_to_type_for_the_stack_that_has_it(
    wrong: dict[str, object], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ours(_stack: str) -> bool:
        return True

    def raw(_stack: str) -> dict[str, object]:
        return GOOD | wrong

    monkeypatch.setattr(config, "is_ours", ours)
    monkeypatch.setattr(config, "raw", raw)
    with pytest.raises(RolloutError) as raised:
        config.settings("staging")
    assert str(raised.value).endswith(f"Type: pulumi config {line}")
