"""Files of a version: their ConfigMap, their mounts, and for how long each stays."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import pulumi
import pytest

from components import files, later
from components.application import Application
from components.manifests import workload
from components.settings.mistakes import ConfigError
from components.settings.model import App, ConfigMapKey, SecretKey, Version
from components.settings.parse import parse
from tests.unit.pulumi_run import run

APP = App("shop", "web")
PROPS: dict[str, Any] = {
    "kubeconfig": "k",
    "namespace": "web",
    "app": "shop",
    "version": "v1",
    "name": "shop-v1-files-a",
    "timeoutSeconds": 0,
}


def made(**texts: Any) -> Any:
    return workload.files(
        APP, "v1", Version("shop:1", files={f"/etc/{key}": one for key, one in texts.items()})
    )


def pod(name: str, **metadata: str) -> dict[str, Any]:
    sources: list[dict[str, Any]] = [{"secret": {}}, {"configMap": {"name": name}}]
    volumes: list[dict[str, Any]] = [
        {"name": "other", "emptyDir": {}},
        {"name": "files", "projected": {"sources": sources}},
    ]
    return {"metadata": {"name": "shop-v1-x", **metadata}, "spec": {"volumes": volumes}}


def test_the_name_of_a_content_is_its_own() -> None:
    one = made(a="1", b="2")
    assert one == made(b="2", a="1")
    assert one["immutable"]
    others = [made(a="1"), made(a="1", b="3"), made(a="2", b="1"), made(a="1", b="2", c="")]
    assert len({other["metadata"]["name"] for other in (one, *others)}) == 5


def test_each_file_is_mounted_alone_wherever_it_comes_from() -> None:
    own = {
        "/etc/a/x": "text",
        "/etc/b/x": "other",
        "/run/key": SecretKey("db", "k"),
        "/c": ConfigMapKey("m", "l"),
    }
    version = Version("shop:1", files=own)
    config_map = workload.files(APP, "v1", version)
    spec = workload.deployment(APP, "v1", version)["spec"]["template"]["spec"]
    (volume,) = spec["volumes"]
    assert config_map is not None
    assert volume["projected"]["sources"] == [
        {
            "configMap": {
                "name": config_map["metadata"]["name"],
                "items": [{"key": "0.x", "path": "etc/a/x"}, {"key": "1.x", "path": "etc/b/x"}],
            }
        },
        {"configMap": {"name": "m", "items": [{"key": "l", "path": "c"}]}},
        {"secret": {"name": "db", "items": [{"key": "k", "path": "run/key"}]}},
    ]
    assert config_map["data"] == {"0.x": "text", "1.x": "other"}
    mounts = spec["containers"][0]["volumeMounts"]
    assert {one["mountPath"]: one["subPath"] for one in mounts} == {path: path[1:] for path in own}


def test_files_of_others_alone_need_no_config_map() -> None:
    assert made(key=SecretKey("db", "k")) is None


def test_a_variable_comes_out_of_a_config_map() -> None:
    version = Version("shop:1", env={"A": ConfigMapKey("settings", "colour")})
    (container,) = workload.deployment(APP, "v1", version)["spec"]["template"]["spec"]["containers"]
    reference = {"configMapKeyRef": {"name": "settings", "key": "colour"}}
    assert container["env"] == [{"name": "A", "valueFrom": reference}]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"etc/a": "x"}, "versions.v1.files.etc/a: 'etc/a' is not a file's path from the root"),
        ({"/etc/../a": "x"}, "'/etc/../a' is not a file's path from the root"),
        (
            {"/a": 3},
            "versions.v1.files./a: 3 is an integer, not a text. Write a text, {secret: ",
        ),
        ({"/a": {"configMap": "m"}}, "versions.v1.files./a.key: it is missing"),
        # The API server takes no YAML with it.
        ({"/a": "x\x7f"}, "versions.v1.files./a: it has the control character U+007F. Take it out, or keep"),
        ({"/a": "x", "/a/b": "y"}, "versions.v1.files./a/b: /a is a file, not a folder"),
    ],
)
def test_a_mistake_is_a_sentence(given: dict[str, Any], sentence: str) -> None:
    config: Mapping[str, Any] = {
        "cluster": {"kind": "kubeconfig"},
        "app": {"name": "shop"},
        "versions": {"v1": {"image": "shop:1", "files": given}},
        "weights": {"v1": 100},
    }
    with pytest.raises(ConfigError) as refused:
        parse(config)
    assert sentence in str(refused.value)


def test_the_tab_the_line_and_what_json_escapes_may_be_in_a_file() -> None:
    text = "a\tb\r\n\x01\x85\xa0\ufeff\U0001f600"
    version = {"image": "shop:1", "files": {"/a": text}, "env": {"A": text}}
    config = {"cluster": {"kind": "kubeconfig"}, "app": {"name": "shop"}, "weights": {"v1": 100}}
    assert parse({**config, "versions": {"v1": version}}).versions["v1"].files == {"/a": text}


def test_the_config_map_comes_before_the_deployment_that_names_it() -> None:
    done = run(lambda: Application("shop", APP, {"v1": Version("shop:1", files={"/a": "text"})}))
    made = done.named("shop-v1-files").inputs
    assert made["data"] == {"0.a": "text"}
    mounted = done.named("shop-v1-deployment").inputs["spec"]["template"]["spec"]["volumes"][0]
    assert mounted["projected"]["sources"][0]["configMap"]["name"] == made["metadata"]["name"]
    names = [one.name for one in done.resources]
    assert names.index("shop-v1-files") < names.index("shop-v1-deployment")


def test_a_text_that_is_known_later_has_the_name_that_it_would_have_now() -> None:
    def program(known: str) -> list[Any]:
        version = Version("shop:1", files={"/a": known})
        done = run(lambda: Application("shop", APP, {"v1": version}))
        return [done.named(f"shop-v1-{one}").inputs for one in ("files", "deployment")]

    stand_in = later.stand_in(lambda _: pulumi.Output.from_input("text"))
    assert program(stand_in) == program("text")


class FakeApi:
    """A Deployment, some pods, and what was deleted."""

    kubectl = "kubectl --context c"

    def __init__(self, template: Mapping[str, Any] | None, *pods: Mapping[str, Any]) -> None:
        self.template, self.pods = template, pods
        self.deleted: list[str] = []

    def __call__(self, _kubeconfig: object) -> "FakeApi":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find(self, path: str) -> object:
        assert path == "/apis/apps/v1/namespaces/web/deployments/shop-v1"
        return self.template and {"spec": {"template": self.template}}

    def get(self, path: str, query: Mapping[str, str]) -> object:
        assert (path, query) == ("/api/v1/namespaces/web/pods", {"labelSelector": "app=shop,version=v1"})
        return {"items": self.pods}

    def delete(self, path: str) -> None:
        self.deleted.append(path)


@pytest.fixture
def provider() -> Iterator[files.FilesProvider]:
    yield files.FilesProvider()


@pytest.mark.parametrize(
    ("template", "pods", "deleted"),
    [
        (pod("shop-v1-files-b"), [pod("shop-v1-files-b")], True),
        # The version is out of the config.
        (None, [], True),
        (None, [pod("shop-v1-files-a", deletionTimestamp="2026-11-24T00:00:00Z")], True),
        (pod("shop-v1-files-b"), [pod("shop-v1-files-b"), pod("shop-v1-files-a")], False),
        # After a killed `up`, the config may have gone back to it.
        (pod("shop-v1-files-a"), [], False),
    ],
)
def test_a_config_map_goes_when_no_pod_has_it(
    provider: files.FilesProvider,
    monkeypatch: pytest.MonkeyPatch,
    template: Mapping[str, Any] | None,
    pods: list[Mapping[str, Any]],
    deleted: bool,
) -> None:
    api = FakeApi(template, *pods)
    monkeypatch.setattr(files, "Api", api)
    provider.delete("shop-v1-files-a", PROPS)
    path = "/api/v1/namespaces/web/configmaps/shop-v1-files-a"
    assert api.deleted == ([path] if deleted else [])


def test_one_that_stays_is_told_with_what_to_type(
    provider: files.FilesProvider, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "Api", FakeApi(None, pod("shop-v1-files-a")))
    provider.delete("shop-v1-files-a", PROPS)
    assert capfd.readouterr().err.splitlines() == [
        "ConfigMap web/shop-v1-files-a stays, pod shop-v1-x has it. Once that pod is gone, type:",
        "  kubectl --context c -n web delete configmap shop-v1-files-a",
    ]


@pytest.mark.parametrize(
    ("changes", "changed", "replaces"),
    [
        ({"timeoutSeconds": 0.0}, False, []),
        ({"name": "shop-v1-files-b"}, True, ["name"]),
        ({"kubeconfig": "other"}, True, []),
    ],
)
def test_another_content_is_another_resource(
    provider: files.FilesProvider, changes: dict[str, Any], changed: bool, replaces: list[str]
) -> None:
    found = provider.diff("x", PROPS | {"__provider": "a"}, PROPS | changes | {"__provider": "b"})
    assert (found.changes, found.replaces, found.delete_before_replace) == (changed, replaces, False)
