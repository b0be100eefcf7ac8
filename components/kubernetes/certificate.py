"""What an X.509 certificate says of itself: for which hosts it is, and until when.

As much of DER as that needs (RFC 5280, "Basic Certificate Fields"); Python's own `ssl` decodes only
the certificate of a connection that it has verified.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERAL_TIME = 0x30, 0x17, 0x18
_EXTENSIONS, _DNS_NAME = 0xA3, 0x82
_COMMON_NAME, _ALTERNATIVE_NAMES = bytes.fromhex("550403"), bytes.fromhex("551d11")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Certificate:
    """The hosts that it names, wildcards too, and the time in which it counts."""

    hosts: frozenset[str]
    begins: datetime
    ends: datetime

    def covers(self, host: str) -> bool:
        """Whether clients take it for a host; a wildcard host needs the same wildcard in it (RFC 6125)."""
        parent = f"*.{host.partition('.')[2]}"
        return host in self.hosts or (not host.startswith("*") and parent in self.hosts)


def certificate(pem: bytes) -> Certificate:
    """The first certificate of a chain, which is the server's own. Raises ValueError: it holds none."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("it holds no certificate in PEM")
    try:
        return _decoded(base64.b64decode(found[1]))
    except (IndexError, StopIteration, ValueError) as error:
        raise ValueError(f"its certificate cannot be read: {error}") from error


def _decoded(der: bytes) -> Certificate:
    (whole,) = _parts(der)
    fields = list(_parts(next(_parts(whole[1]))[1]))
    # The issuer, the times and the subject follow the signature's algorithm, the first sequence.
    first = next(index for index, (tag, _) in enumerate(fields) if tag == _SEQUENCE)
    begins, ends = (_time(tag, value) for tag, value in _parts(fields[first + 2][1]))
    extensions = next((value for tag, value in fields if tag == _EXTENSIONS), b"")
    hosts = frozenset(_alternative_names(extensions)) or frozenset(_common_names(fields[first + 3][1]))
    return Certificate(hosts, begins, ends)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and content of each value; a length above 127 says first how many bytes it has itself."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length > 0x7F:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, value: bytes) -> datetime:
    """Two digits of a year are of 1950 to 2049."""
    text = value.decode()
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERAL_TIME:
        raise ValueError("its time has no form of RFC 5280")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternative_names(extensions: bytes) -> Iterator[str]:
    for _, listed in _parts(extensions):
        for _, extension in _parts(listed):
            (_, kind), *_, (_, value) = _parts(extension)
            if kind == _ALTERNATIVE_NAMES:
                names = next(_parts(value))[1]
                yield from (name.decode() for tag, name in _parts(names) if tag == _DNS_NAME)


def _common_names(subject: bytes) -> Iterator[str]:
    for _, part in _parts(subject):
        for _, pair in _parts(part):
            (_, kind), (_, value) = _parts(pair)
            if kind == _COMMON_NAME:
                yield value.decode()
