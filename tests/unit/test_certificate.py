"""Certificates as openssl makes them, read without it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.kubernetes.certificate import Certificate, certificate


def made(folder: Path, *options: str) -> bytes:
    """A certificate of openssl's, with a subject of several parts."""
    subject = "/C=DE/O=Shop/CN=shop.example"
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", subject)
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"))
    subprocess.run([*command, *files, *options], check=True, capture_output=True)
    return (folder / "certificate.pem").read_bytes()


def test_its_names_and_times_are_read(tmp_path: Path) -> None:
    names = "subjectAltName=DNS:shop.example,DNS:*.shop.example,IP:10.0.0.1"
    found = certificate(b"text before it\n" + made(tmp_path, "-days", "30", "-addext", names))
    assert found.hosts == {"shop.example", "*.shop.example"}
    now = datetime.now(UTC)
    assert now - timedelta(minutes=5) < found.begins < now
    assert timedelta(days=29) < found.ends - now < timedelta(days=31)


def test_a_time_after_2049_has_another_form_and_is_read_too(tmp_path: Path) -> None:
    assert certificate(made(tmp_path, "-days", "20000")).ends.year > 2079


def test_without_other_names_its_common_name_is_its_host(tmp_path: Path) -> None:
    assert certificate(made(tmp_path)).hosts == {"shop.example"}


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("shop.example", True),
        ("a.shop.example", True),
        ("*.shop.example", True),
        ("a.b.shop.example", False),
        ("example", False),
        ("*.example", False),
    ],
)
def test_a_wildcard_stands_for_one_label(host: str, *, covered: bool) -> None:
    now = datetime.now(UTC)
    found = Certificate(frozenset({"shop.example", "*.shop.example"}), now, now)
    assert found.covers(host) is covered


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_is_one_error(pem: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        certificate(pem)
