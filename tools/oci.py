"""Writes container images of this machine's architecture as OCI archives: the same bytes for the same input.

Source of the format: OCI image-spec v1.1 (image-layout, manifest, config, layer).
"""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from lab import minikube

# What containerd names an image of an archive by (its `ctr images import`).
CONTAINERD_NAME = "io.containerd.image.name"
REFERENCE_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Image:
    """An image of one layer.

    Attributes:
        reference: full name with registry and tag.
        files: what stands at which absolute path; links are followed, folders are not taken.
        entrypoint: the command and its fixed arguments.
        user: uid[:gid] that it runs as.
        folders: empty folders that anyone may write to.
        ports: TCP ports that it listens on, for information.
    """

    reference: str
    files: dict[str, Path]
    entrypoint: tuple[str, ...]
    user: str = "0"
    folders: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    environment: tuple[str, ...] = field(
        default=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    )


def write(images: tuple[Image, ...], archive: Path) -> None:
    """Write images with the same files as one OCI archive; the layer stands in it once."""
    layer = archive.with_suffix(".layer")
    try:
        _write_layer(images[0], layer)
        layer_digest = _digest_of(layer)
        blobs: dict[str, bytes] = {}
        manifests: list[dict[str, object]] = []
        for image in images:
            config = _json(_config(image, layer_digest))
            manifest = _json(_manifest(config, layer_digest, layer.stat().st_size))
            blobs[_sha256(config)] = config
            blobs[_sha256(manifest)] = manifest
            manifests += _entries(image.reference, manifest)
        index = _json({"schemaVersion": 2, "manifests": manifests})
        with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
            _add_bytes(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add_bytes(tar, "index.json", index)
            for digest, blob in sorted(blobs.items()):
                _add_bytes(tar, f"blobs/sha256/{digest}", blob)
            _add_file(tar, f"blobs/sha256/{layer_digest}", layer, 0o644)
    finally:
        layer.unlink(missing_ok=True)


def _write_layer(image: Image, layer: Path) -> None:
    folders = {str(parent) for path in image.files for parent in Path(path).parents}
    folders |= {str(parent) for path in image.folders for parent in Path(path).parents}
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in sorted(folders - {"/"} - set(image.folders)):
            _add_folder(tar, folder, 0o755)
        for folder in sorted(image.folders):
            _add_folder(tar, folder, 0o1777)
        for path, source in sorted(image.files.items()):
            real = source.resolve(strict=True)
            _add_file(tar, path.lstrip("/"), real, 0o755 if real.stat().st_mode & 0o111 else 0o644)


def _config(image: Image, layer_digest: str) -> dict[str, object]:
    return {
        "architecture": minikube.architecture(),
        "os": "linux",
        "config": {
            "User": image.user,
            "Env": list(image.environment),
            "Entrypoint": list(image.entrypoint),
            "WorkingDir": "/",
            "ExposedPorts": {f"{port}/tcp": {} for port in image.ports},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }


def _manifest(config: bytes, layer_digest: str, layer_size: int) -> dict[str, object]:
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": f"sha256:{layer_digest}",
                "size": layer_size,
            }
        ],
    }


def _entries(reference: str, manifest: bytes) -> list[dict[str, object]]:
    """Name a manifest by tag and by digest, as a pull from a registry does: pods may be pinned to it."""
    repository, _, tag = reference.rpartition(":")
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    entry["platform"] = {"architecture": minikube.architecture(), "os": "linux"}
    names = (reference, f"{repository}@{entry['digest']}")
    return [entry | {"annotations": {CONTAINERD_NAME: name, REFERENCE_NAME: tag}} for name in names]


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{_sha256(blob)}", "size": len(blob)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = _entry(name, 0o644)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _add_file(tar: tarfile.TarFile, name: str, path: Path, mode: int) -> None:
    entry = _entry(name, mode)
    entry.size = path.stat().st_size
    with path.open("rb") as file:
        tar.addfile(entry, file)


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = _entry(name.lstrip("/"), mode)
    entry.type = tarfile.DIRTYPE
    tar.addfile(entry)
