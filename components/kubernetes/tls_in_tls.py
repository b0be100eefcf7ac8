"""TLS over a connection that is TLS already: a socket of Python's `ssl` speaks it past that one, in plain."""

from urllib3.util.ssltransport import SSLTransport


class TlsInTls(SSLTransport):
    """What http.client and a Stream need of a socket, over the TLS of a proxy."""

    def shutdown(self, how: int) -> None:
        """Ends it, also for whoever waits to read. Raises OSError."""
        self.socket.shutdown(how)
