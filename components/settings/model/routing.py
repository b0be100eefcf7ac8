"""How requests reach the app, and which of them a version gets beside its weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from .. import rules
from ..forms import Foreign, Key, Section, Whole
from .version import Grpc

# https://github.com/grpc/grpc/blob/master/doc/health-checking.md
GRPC_HEALTH = "/grpc.health.v1.Health/Check"
_POLICY = Foreign("Istio's TrafficPolicy")


@dataclass(frozen=True)
class Retries(Section):
    """Istio's HTTPRetry; 0 attempts switch retries off."""

    attempts: Annotated[int, Whole(0, 100, 2), Key("How many; 0 switches retries off.", "route")]
    per_try_timeout: Annotated[
        str | None, rules.DURATION, Key("How long each may take.", "route", "2s", "`routing.timeout`")
    ] = None
    retry_on: Annotated[
        str | None, rules.RETRY_ON, Key("Envoy's conditions.", "route", "connect-failure,5xx", "Istio's")
    ] = None


@dataclass(frozen=True)
class StickySession(Section):
    """Keeps a client on one pod within each version, by a cookie or by a request header.

    The version itself is drawn anew for each request, as the weights say; StickyVersion is for that.
    """

    cookie: Annotated[str | None, rules.COOKIE_NAME, Key("The cookie's name.", "route", "seat")] = None
    ttl: Annotated[
        str, rules.TTL, Key("How long the cookie lasts; 0s: until the browser closes.", "route", "1h")
    ] = "0s"
    header: Annotated[str | None, rules.HEADER_NAME, Key("The request header's name.", "route", "x-user")] = (
        None
    )


@dataclass(frozen=True)
class StickyVersion(Section):
    """Keeps a user on the version that he got, by a request header or a cookie of which each has its own.

    Nobody makes either: a request without it is drawn as the weights say.
    """

    cookie: Annotated[
        str | None, rules.COOKIE_NAME, Key("The name of a cookie that the app sets.", "route", "session")
    ] = None
    header: Annotated[str | None, rules.HEADER_NAME, Key("The request header's name.", "route", "x-user")] = (
        None
    )

    def __str__(self) -> str:
        return f"the cookie {self.cookie}" if self.header is None else f"the header {self.header}"


@dataclass(frozen=True)
class Check(Section):
    """The GET by which the app is asked whether it answers; a `path` of None means the route's first.

    An app whose first port speaks gRPC is asked by its health check instead, with `grpc`. `accept` has
    statuses (`401`) and classes of them (`2xx`) that count as answers.
    """

    path: Annotated[
        str | None,
        rules.HTTP_PATH,
        Key("The path.", example="/healthz", default="the first of `routing.paths`, or /"),
    ] = None
    headers: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("Headers, beside those that the route asks for.", example={"x-team": "web"}),
    ] = field(default_factory=dict[str, str])
    accept: Annotated[
        tuple[Annotated[str, rules.STATUS], ...],
        rules.DISTINCT,
        Key("Statuses, and classes of them, that count as answers.", example=["2xx", 401]),
    ] = ("2xx", "3xx")
    grpc: Annotated[
        Grpc | None,
        Key("gRPC's health check in place of a GET.", example={"service": "shop.Cart"},
            default="that of the whole server, where the first of `app.ports` speaks grpc"),
    ] = None  # fmt: skip

    def accepts(self, status: int) -> bool:
        """Whether an answer with this HTTP status is one."""
        return not {str(status), f"{status // 100}xx"}.isdisjoint(self.accept)


@dataclass(frozen=True)
class Routing(Section):
    """How requests reach the app; the defaults take every request on port 80.

    `traffic_policy` is Istio's, of every version's subset.
    """

    hosts: Annotated[
        tuple[Annotated[str, rules.HOST], ...],
        rules.DISTINCT,
        Key("The hosts whose requests are split.", "route", ["shop.example.com"]),
    ] = ("*",)
    paths: Annotated[
        tuple[Annotated[str, rules.HTTP_PATH], ...],
        rules.DISTINCT,
        Key("What the path begins with, one of them.", "route", ["/shop"], "any path"),
    ] = ()
    headers: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("Headers that a request must have.", "route", {"x-beta": "yes"}),
    ] = field(default_factory=dict[str, str])
    response_headers: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("Headers that are set on every answer.", "route", {"x-served-by": "shop"}),
    ] = field(default_factory=dict[str, str])
    gateway: Annotated[
        str, rules.DNS_LABEL, Key("The name of the stack's Gateway.", "unmeasured", "shop")
    ] = "app-gateway"
    gateway_selector: Annotated[
        Mapping[Annotated[str, rules.LABEL_KEY], Annotated[str, rules.LABEL_VALUE]],
        Key("Labels of the gateway's pods.", "unmeasured", {"istio": "ingressgateway"},
            "those of the installed gateway, or {istio: ingressgateway}"),
    ] = field(default_factory=lambda: {"istio": "ingressgateway"})  # fmt: skip
    port: Annotated[
        int, rules.PORT, Key("The gateway's port.", "unmeasured", 443, default="80, or 443 with `tlsSecret`")
    ] = 80
    tls_secret: Annotated[
        str | None,
        rules.DNS_SUBDOMAIN,
        Key("A TLS Secret in the namespace of the gateway's pods; it makes the entrance https.", "unmeasured",
            "shop-tls"),
    ] = None  # fmt: skip
    timeout: Annotated[
        str | None, rules.DURATION, Key("How long an answer may take.", "route", "10s", "without limit")
    ] = None
    retries: Annotated[Retries | None, Key("How the gateway tries again.", "route", default="Istio's")] = None
    sticky_session: Annotated[
        StickySession | None,
        Key("Keeps a client on one pod within each version, by a cookie or a header; the version is drawn "
            "for each request.", "route", {"cookie": "seat", "ttl": "1h"}),
    ] = None  # fmt: skip
    sticky_version: Annotated[
        StickyVersion | None,
        Key("Keeps a user on the version that he got, by a header or a cookie (docs/sticky-version.md).",
            "route", {"header": "x-user"}),
    ] = None  # fmt: skip
    traffic_policy: Annotated[
        Mapping[str, object],
        _POLICY,
        Key(
            "Istio's TrafficPolicy of every version.", "route", {"loadBalancer": {"simple": "LEAST_REQUEST"}}
        ),
    ] = field(default_factory=dict[str, object])
    mesh_callers: Annotated[
        bool,
        rules.BOOLEAN,
        Key("Whether callers in the mesh follow the weights too (docs/callers.md).", "route", True),
    ] = False
    check: Annotated[Check, Key("The request that asks whether the app answers.")] = field(
        default_factory=Check
    )

    def asked_path(self) -> str:
        """The path of the request by which the app is asked: the check's, else the route's first."""
        if self.check.grpc is not None:
            return GRPC_HEALTH
        return self.check.path or (self.paths[0] if self.paths else "/")

    def asked_headers(self, host: str) -> dict[str, str]:
        """The headers of a request for one of the hosts; a wildcard stands for any host."""
        named = {} if host == "*" else {"Host": host.replace("*.", "any.")}
        return {**self.check.headers, **self.headers, **named}


@dataclass(frozen=True)
class RequestMark(Section):
    """What a request carries to reach one version whatever its weight: one header, or one cookie.

    `strip` takes the header off before the app sees it.
    """

    header: Annotated[
        Mapping[Annotated[str, rules.HEADER_NAME], Annotated[str, rules.HEADER_VALUE]],
        Key("A header and its value; this or a cookie.", "route", {"x-version": "v2"}),
    ] = field(default_factory=dict[str, str])
    cookie: Annotated[
        Mapping[Annotated[str, rules.COOKIE_NAME], Annotated[str, rules.COOKIE_VALUE]],
        Key("A cookie and its value; this or a header.", "route", {"version": "v2"}),
    ] = field(default_factory=dict[str, str])
    strip: Annotated[
        bool,
        rules.BOOLEAN,
        Key("Whether the gateway takes the header off before the app sees it.", "route", True),
    ] = False

    def __str__(self) -> str:
        headers = [f"the header {name}: {value}" for name, value in self.header.items()]
        return ", ".join([*headers, *(f"the cookie {name}={value}" for name, value in self.cookie.items())])


@dataclass(frozen=True)
class Mirror(Section):
    """Copies of some requests to a version without traffic, whose answers nobody gets."""

    version: Annotated[
        str, rules.DNS_LABEL, Key("The version, at weight 0, that gets the copies.", "route", "v2")
    ]
    percent: Annotated[
        int, Whole(1, 100, 10), Key("How many of the requests by these methods are copied.", "route")
    ] = 100
    methods: Annotated[
        tuple[Annotated[str, rules.METHOD], ...],
        rules.DISTINCT,
        Key("The methods whose requests are copied; any but these two may write twice.", "route", ["GET"]),
    ] = ("GET", "HEAD")
