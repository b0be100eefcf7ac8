"""What is missing is fetched from its makers, here a stand-in, where they answer, and built where not."""

import gzip
import hashlib
import io
import os
import platform
import socket
import tarfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.unit.loopback import served
from tools import build, downloads, gobuild, store
from tools.catalogue import GO_TOOLS
from tools.downloads import Release
from tools.errors import ToolsError

MINIKUBE = next(tool for tool in GO_TOOLS if tool.name == "minikube")


class Makers:
    """What the makers publish, by path, and what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.lengths: dict[str, int] = {}
        self.asked: list[str] = []

    def publish(self, release: Release, content: Callable[[str], bytes] = str.encode) -> None:
        """Publishes a release and its sum: the content of each file by its name, or that name as its text."""
        if release.name.endswith("gz"):
            whole = archive(release, content)
        else:
            whole = content(next(iter(release.files)))
        self.files[path(release.url)] = whole
        digest = hashlib.sha256(whole).hexdigest()
        # Some have a file for each sum, some one for all.
        own = release.sums.endswith(".sha256")
        self.files[path(release.sums)] = (
            digest if own else f"{'0' * 64}  else\n{digest}  {release.name}"
        ).encode()

    def released(self, name: str) -> Release:
        """The release with a tool in it."""
        return next(release for release in downloads.releases() if name in release.files)


def archive(release: Release, content: Callable[[str], bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, at in release.files.items():
            member = tarfile.TarInfo(at)
            member.size = len(content(name))
            tar.addfile(member, io.BytesIO(content(name)))
    return gzip.compress(packed.getvalue(), compresslevel=0)


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


@pytest.fixture
def makers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Makers]:
    """Makers that publish everything, an empty cache, and on PATH only a Go that notes what it was asked."""
    said = Makers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            content = said.files.get(self.path)
            self.send_response(404 if content is None else 200)
            # As long as it should be, however short it was made since.
            self.send_header("Content-Length", str(said.lengths.get(self.path, len(content or b""))))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: it would go to the terminal."""

    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/go\n'
        "case $1 in\n"
        "version) echo go version go1.26.8 ;;\n"
        "list) i=0; while [ $i -lt 1000 ]; do echo package$i; i=$((i + 1)); done ;;\n"
        "build) exit 1 ;;\n"
        "esac\n"
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(go.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("BUILD", raising=False)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(store, "LINKS", tmp_path / "links")
    monkeypatch.setattr(downloads, "SUMS", tmp_path / "sums")
    monkeypatch.setattr(downloads, "PATIENCE_SECONDS", 60.0)
    (tmp_path / "sums").write_text("# none is pinned\n")
    with served(Handler) as address:
        monkeypatch.setattr(downloads, "GITHUB", f"{address}github")
        monkeypatch.setattr(downloads, "KUBERNETES_HOST", f"{address}kubernetes")
        for release in downloads.releases():
            said.publish(release)
        yield said


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """What the Go on PATH was asked."""
    return tmp_path / "go"


def test_the_tools_of_the_program_are_fetched_and_nothing_is_built(
    makers: Makers, go: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build.everything(for_lab=False)
    said = capsys.readouterr().out
    assert "fetching the makers' own releases" in said
    assert not go.exists()
    links = tmp_path / "links" / "bin"
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "minikube"):
        assert (links / name).read_text() == name
        assert os.access(links / name, os.X_OK)
    assert (tmp_path / "links/plugins/pulumi-resource-kubernetes").read_text() == "pulumi-resource-kubernetes"
    # Pulumi finds its language host beside itself.
    assert (links / "pulumi").resolve().parent == (links / "pulumi-language-python").resolve().parent
    assert len(makers.asked) == 6  # three releases, and their sums

    build.everything(for_lab=False)
    assert len(makers.asked) == 6
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("makers")
def test_the_clusters_tools_are_published_too() -> None:
    names = ("kubeadm", "kubelet", "kube-apiserver", "etcd", "coredns", "crictl", "pilot-agent")
    downloads.fetch(names)
    tools = [tool for tool in GO_TOOLS if tool.name in names]
    kept = {tool.name: downloads.kept(tool) for tool in tools}
    assert {name for name, at in kept.items() if at.exists()} == {*names} - {"pilot-agent"}
    assert all(at.read_text() == name for name, at in kept.items() if at.exists())


def test_a_pinned_sum_is_asked_of_nobody(makers: Makers) -> None:
    release = makers.released("minikube")
    digest = hashlib.sha256(makers.files[path(release.url)]).hexdigest()
    downloads.SUMS.write_text(f"{digest}  {release.url}\n")
    downloads.fetch(["minikube"])
    assert makers.asked == [path(release.url)]
    assert downloads.kept(MINIKUBE).read_text() == "minikube"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("sum", f", not {'0' * 64}): building"),
        ("cut", "was cut off after 3 of 8 bytes"),
        ("missing", "Not Found"),
        ("unnamed", "does not name minikube-"),
        ("hangs", "does not answer within 0.3 s"),
        ("refused", "Connection refused"),
    ],
)
def test_what_cannot_be_had_is_built_and_said(
    wrong: str,
    why: str,
    makers: Makers,
    go: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    release = makers.released("minikube")
    if wrong == "sum":
        makers.files[path(release.sums)] = b"0" * 64
    elif wrong == "cut":
        makers.lengths[path(release.url)] = 8
        makers.files[path(release.url)] = b"min"
    elif wrong == "missing":
        del makers.files[path(release.url)]
    elif wrong == "unnamed":
        makers.files[path(release.sums)] = f"{'0' * 64}  another\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        if wrong in ("hangs", "refused"):
            monkeypatch.setattr(downloads, "GITHUB", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        if wrong == "hangs":
            monkeypatch.setattr(downloads, "PATIENCE_SECONDS", 0.3)
        if wrong == "refused":
            nobody.close()
        # The stand-in for Go builds nothing.
        with pytest.raises(ToolsError, match=r"building .*minikube failed|could not download"):
            build.everything(for_lab=False)
    said = capsys.readouterr().out
    assert said.count("the makers' releases cannot be had (") == 1
    assert why in said
    assert "): building from source instead\n" in said
    assert "mod download" in go.read_text() or "list -deps" in go.read_text()
    assert not downloads.kept(MINIKUBE).exists()
    assert not list((store.cache() / "tmp").glob("*minikube*"))


@pytest.mark.usefixtures("makers")
def test_a_build_says_how_long_it_takes_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(ToolsError, match="building minikube failed"):
        build.one("minikube")
    said = capsys.readouterr().out
    assert "to compile: 1000 packages in 1 parts, about 2 min on 2 cores\n" in said
    assert said.index("to compile") < said.index("compiling minikube")


def test_a_host_that_hangs_is_given_up_before_ten_seconds() -> None:
    assert downloads.PATIENCE_SECONDS < 10


def test_an_archive_without_the_tool_is_none_of_ours(
    makers: Makers, capsys: pytest.CaptureFixture[str]
) -> None:
    release = makers.released("crictl")
    makers.publish(Release(release.url, release.sums, {"else": "else"}))
    downloads.fetch(["crictl"])
    assert "filename 'crictl' not found" in capsys.readouterr().out


def test_build_source_asks_no_maker(
    makers: Makers, go: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    downloads.fetch(["minikube"])
    asked = len(makers.asked)
    assert downloads.kept(MINIKUBE) != gobuild.built(MINIKUBE)
    monkeypatch.setenv("BUILD", "source")
    assert downloads.kept(MINIKUBE) == gobuild.built(MINIKUBE)
    with pytest.raises(ToolsError):
        build.everything(for_lab=False)
    assert "BUILD=source: everything is built from source" in capsys.readouterr().out
    assert len(makers.asked) == asked
    assert go.exists()


@pytest.mark.usefixtures("makers")
def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", "sources")
    with pytest.raises(ToolsError, match=r"^BUILD=sources is not known: .* type BUILD=source to "):
        build.everything(for_lab=False)


@pytest.mark.usefixtures("makers")
def test_what_was_built_here_goes_before_what_was_fetched() -> None:
    downloads.fetch(["minikube"])
    built = gobuild.built(MINIKUBE)
    built.parent.mkdir(parents=True)
    built.write_text("built")
    assert downloads.kept(MINIKUBE) == built


def test_every_pinned_sum_is_of_a_release_that_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of version, the old sums go and the new ones come."""
    published: set[str] = set()
    for system in ("Linux", "Darwin"):
        for machine in ("x86_64", "arm64"):
            monkeypatch.setattr(platform, "system", lambda system=system: system)
            monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
            published |= {release.url for release in downloads.releases()}
    lines = [line.split() for line in downloads.SUMS.read_text().splitlines() if not line.startswith("#")]
    assert all(len(digest) == 64 for digest, _ in lines)
    assert {url for _, url in lines} <= published
    # Nobody keeps these where they could be read: they are taken from beside the release.
    assert {url.split("/")[4] for url in published - {url for _, url in lines}} == {
        "pulumi-kubernetes",
        "coredns",
    }
