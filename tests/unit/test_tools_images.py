"""Images are the same bytes for the same input, and containerd can tell them by name."""

import hashlib
import json
import platform
import tarfile
from pathlib import Path

import pytest

from tools import images, libraries, oci
from tools.errors import ToolsError


def _image(folder: Path, name: str = "docker.io/example/app:v1") -> oci.Image:
    program = folder / "program"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    return oci.Image(name, {"/usr/bin/program": program}, ("/usr/bin/program",), folders=("/scratch",))


def test_same_input_gives_the_same_archive(tmp_path: Path) -> None:
    image = _image(tmp_path)
    oci.write((image,), tmp_path / "one.tar")
    (tmp_path / "program").touch()
    oci.write((image,), tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_another_file_gives_another_digest(tmp_path: Path) -> None:
    image = _image(tmp_path)
    oci.write((image,), tmp_path / "one.tar")
    (tmp_path / "program").write_bytes(b"other")
    oci.write((image,), tmp_path / "two.tar")
    assert _manifests(tmp_path / "one.tar")[0]["digest"] != _manifests(tmp_path / "two.tar")[0]["digest"]


def test_archive_holds_every_blob_that_it_names(tmp_path: Path) -> None:
    archive = tmp_path / "app.tar"
    oci.write((_image(tmp_path), _image(tmp_path, "docker.io/example/app:v2")), archive)
    with tarfile.open(archive) as tar:
        blobs = {name.rpartition("/")[2] for name in tar.getnames() if name.startswith("blobs/")}
        for name in (name for name in tar.getnames() if name.startswith("blobs/")):
            content = tar.extractfile(name)
            assert content is not None
            assert hashlib.sha256(content.read()).hexdigest() == name.rpartition("/")[2]
    manifests = _manifests(archive)
    assert {str(m["digest"]).removeprefix("sha256:") for m in manifests} <= blobs
    names = [m["annotations"][oci.CONTAINERD_NAME] for m in manifests]
    assert names[::2] == ["docker.io/example/app:v1", "docker.io/example/app:v2"]
    assert names[1::2] == [f"docker.io/example/app@{m['digest']}" for m in manifests[::2]]


def _manifests(archive: Path) -> list[dict[str, dict[str, str]]]:
    with tarfile.open(archive) as tar:
        index = tar.extractfile("index.json")
        assert index is not None
        return json.load(index)["manifests"]


@pytest.mark.parametrize(("machine", "expected"), [("x86_64", "amd64"), ("aarch64", "arm64")])
def test_an_image_is_for_the_architecture_of_this_machine(
    machine: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    archive = tmp_path / "app.tar"
    oci.write((_image(tmp_path),), archive)
    assert [entry["platform"]["architecture"] for entry in _manifests(archive)] == [expected, expected]
    with tarfile.open(archive) as tar:
        blobs = [tar.extractfile(name) for name in tar.getnames() if name.startswith("blobs/")]
        texts = [blob.read() for blob in blobs if blob]
    assert any(f'"architecture":"{expected}"'.encode() in text for text in texts)


def test_what_is_kept_of_another_architecture_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = images.Recipe("app", (oci.Image("docker.io/example/app:v1", {}, ("/app",)),))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    # As it was before there was another one: what is kept stays valid.
    assert recipe.archive.parent.name == "app.tar-f10840050c1215eb"
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert recipe.archive.parent.name != "app.tar-f10840050c1215eb"


def test_every_image_that_kubeadm_asks_for_is_made() -> None:
    made = {image.reference for recipe in images.all_recipes() for image in recipe.images}
    for name in ("kube-apiserver:v1.35.1", "etcd:3.6.6-0", "coredns:v1.13.1", "pause:3.10.1"):
        assert any(reference.endswith(name) for reference in made), name
    assert {"docker.io/janakiramm/myapp:v1", "docker.io/janakiramm/myapp:v2"} <= made


def test_missing_packet_filter_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "SBIN", tmp_path)
    with pytest.raises(ToolsError, match="apt-get install nftables iptables"):
        libraries.packet_filters()


def test_libraries_of_a_dynamic_program_hold_the_c_library_and_the_loader() -> None:
    found = libraries.linked_by([Path("/bin/ls")])
    assert any("libc.so.6" in path for path in found)
    assert any("ld-linux" in path for path in found)
