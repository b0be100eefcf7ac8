"""One context of a kubeconfig, alone and complete."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.cluster import existing
from components.kubernetes.errors import KubeconfigError
from components.kubernetes.kubeconfig import kubectl, minified, read
from components.settings.model import KubeconfigCluster


def write(path: Path) -> Path:
    (path.parent / "ca.crt").write_text("CA")
    entry: dict[str, Any] = {
        "current-context": "b",
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in ("a", "b", "c")],
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": f"https://{name}",
                    "certificate-authority": "ca.crt",
                    "extensions": [{"name": "cluster_info"}],
                },
            }
            for name in ("a", "b")
        ],
        "users": [{"name": name, "user": {"token": name}} for name in ("a", "b")],
    }
    path.write_text(yaml.safe_dump(entry))
    return path


def test_only_the_context_is_left_with_its_certificates_in_it(tmp_path: Path) -> None:
    config = yaml.safe_load(minified({"path": str(write(tmp_path / "config")), "context": "a"}))
    assert config["current-context"] == "a"
    assert [item["name"] for item in config["contexts"]] == ["a"]
    assert config["clusters"] == [
        {
            "name": "a",
            "cluster": {
                "server": "https://a",
                "certificate-authority-data": base64.b64encode(b"CA").decode(),
            },
        }
    ]
    assert config["users"] == [{"name": "a", "user": {"token": "a"}}]


def test_without_a_name_it_is_the_current_context(tmp_path: Path) -> None:
    assert yaml.safe_load(minified({"path": str(write(tmp_path / "config"))}))["current-context"] == "b"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "config")
    with pytest.raises(KubeconfigError, match=r"no context x in .*kubectl config get-contexts"):
        minified({"path": str(path), "context": "x"})
    with pytest.raises(KubeconfigError, match=r"context c of .* names the cluster c, which is not there"):
        minified({"path": str(path), "context": "c"})
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(KubeconfigError, match=r"certificate-authority .*ca\.crt cannot be read"):
        minified({"path": str(path), "context": "a"})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"users:\n- user: {token: s3cr3t, x: [}\n", "is no YAML, see line 2"),
        (b"\xff\xfe", "is no YAML"),
        (b"just a text", "has no contexts, so it is no kubeconfig"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_told_without_its_content(
    content: bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(KubeconfigError, match=says) as raised:
        minified({"path": str(path)})
    assert "s3cr3t" not in str(raised.value)


def test_files_are_merged_as_kubectl_merges_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contexts in one file, clusters and users in others; of what two have, the first one counts."""

    def part(name: str, **content: Any) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config").write_text(yaml.safe_dump(content))
        return str(folder / "config")

    def clusters(server: str) -> list[dict[str, Any]]:
        return [{"name": "k", "cluster": {"server": server, "certificate-authority": "ca.crt"}}]

    context = {"name": "x", "context": {"cluster": "k", "user": "u"}}
    parts = (
        str(tmp_path / "missing"),
        part("one", contexts=[context]),
        part("two", clusters=clusters("https://two")),
        part(
            "three",
            **{"current-context": "x"},
            clusters=clusters("https://three"),
            users=[{"name": "u", "user": {"tokenFile": "token"}}],
        ),
    )
    monkeypatch.setenv("KUBECONFIG", ":".join(parts))
    found = read({})
    assert (found.name, found.cluster["server"]) == ("x", "https://two")
    assert found.cluster["certificate-authority"] == str(tmp_path / "two" / "ca.crt")
    assert found.user["tokenFile"] == str(tmp_path / "three" / "token")
    assert found.relative == ("certificate-authority ca.crt", "tokenFile token")
    assert kubectl({}) == "kubectl --context x"
    shown = subprocess.run(
        [Path(sys.executable).parent / "kubectl", "config", "view", "--minify", "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(shown.stdout)
    assert theirs["current-context"] == "x"
    assert theirs["clusters"][0]["cluster"]["server"] == "https://two"
    assert theirs["users"][0]["user"] == {"tokenFile": "token"}


def test_a_text_is_told_by_its_context_only_where_the_users_own_is_the_same_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "config")
    text = minified({"path": str(path), "context": "a"})
    monkeypatch.setenv("KUBECONFIG", str(path))
    # As of a Minikube, whose text Pulumi has made of this file.
    assert kubectl(text) == kubectl({"text": text}) == "kubectl --context a"
    path.write_text(path.read_text().replace("https://a", "https://other"))
    assert kubectl(text) == "kubectl --kubeconfig FILE"
    path.unlink()
    assert kubectl(text) == "kubectl --kubeconfig FILE"


@pytest.mark.parametrize("named", ["~/config", "{home}/config"])
def test_a_path_whose_kubeconfig_names_files_relative_to_itself_is_refused_with_what_to_type(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "config")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = named.format(home=tmp_path)
    with pytest.raises(pulumi.RunError) as raised:
        existing("kubernetes", KubeconfigCluster(path))
    first, command, _ = str(raised.value).splitlines()
    assert first.startswith(f"The kubeconfig {path} names files relative to itself (certificate-authority ca")
    assert command == f"  export KUBECONFIG={tmp_path / 'config'}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=r"no kubeconfig .*none\. Write it there, or name another in"):
        read({"path": str(tmp_path / "none")})
