"""One context of a kubeconfig, alone and complete."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kubernetes.kubeconfig import KubeconfigError, minified


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
    config = yaml.safe_load(minified((tmp_path / "missing", write(tmp_path / "config")), "a"))
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
    assert yaml.safe_load(minified((write(tmp_path / "config"),), None))["current-context"] == "b"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "config")
    with pytest.raises(KubeconfigError, match=r"no context x in .*kubectl config get-contexts"):
        minified((path,), "x")
    with pytest.raises(KubeconfigError, match=r"context c .* names a cluster or a user"):
        minified((path,), "c")
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(KubeconfigError, match=r"certificate-authority ca\.crt cannot be read"):
        minified((path,), "a")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"users:\n- user: {token: s3cr3t, x: [}\n", "is no YAML, see line 2"),
        (b"\xff\xfe", "is no YAML"),
        (b"just a text", "it has no contexts"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_told_without_its_content(
    content: bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(KubeconfigError, match=says) as raised:
        minified((path,), None)
    assert "s3cr3t" not in str(raised.value)
