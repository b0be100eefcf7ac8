"""The forms of names and values, as Kubernetes, Istio and Minikube accept them."""

import re
from decimal import Decimal

from .forms import Distinct, Flag, Rule, Whole

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*"
_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"

BOOLEAN = Flag()
DISTINCT = Distinct()
PORT = Whole(1, 65535, example=8080)
SECONDS = Whole(1, 3600, example=10)
# RFC 1035, which a Service's name must follow: a Service is also a host name.
SERVICE_NAME = Rule(
    r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    "a DNS label: small letters, digits and -, a letter first, at most 63 characters",
    "myapp",
)
DNS_LABEL = Rule(_LABEL, "a DNS label: small letters, digits and -, at most 63 characters", "shop")
DNS_SUBDOMAIN = Rule(_SUBDOMAIN, "a DNS name: small letters, digits, - and .", "shop-tls")
LABEL_KEY = Rule(
    rf"(?=.{{1,253}}$)({_LABEL}(\.{_LABEL})*/)?{_VALUE}",
    "a label key: [prefix/]name of letters, digits, -, _ and .",
    "team",
)
LABEL_VALUE = Rule(
    f"{_VALUE}?", "a label value: letters, digits, -, _ and ., at most 63", "web", scalars=True
)
ENV_NAME = Rule(
    r"(?!\.\.|\.$)[-._a-zA-Z][-._a-zA-Z0-9]*",
    "a variable's name: letters, digits, -, _ and ., no digit first",
    "MODE",
)
SECRET_KEY = Rule(
    r"[-._a-zA-Z0-9]{1,253}", "a key of a Secret or a ConfigMap: letters, digits, -, _ and .", "password"
)
ENV_VALUE = Rule(
    r"(?s)[^\0]*",
    'a text, {secret: NAME, key: KEY} or {configMap: NAME, key: KEY}; "" for none',
    "blue",
    scalars=True,
)
# What a path of a projected volume and the key of a ConfigMap can be, which both have to take it.
FILE_PATH = Rule(
    r"(/(?!\.\.|\.(/|$))[-._a-zA-Z0-9]{1,200}){1,20}",
    "a file's path from the root: /, letters, digits, -, _ and .",
    "/etc/app/app.yaml",
)
FILE_TEXT = Rule(
    r"(?s)[^\0]*", "a text, {secret: NAME, key: KEY} or {configMap: NAME, key: KEY}", "colour: blue"
)
# The grammar of github.com/distribution/reference, shortened.
IMAGE = Rule(
    r"([a-zA-Z0-9][-.a-zA-Z0-9]*(:[0-9]+)?/)?[a-z0-9]+([-._/]+[a-z0-9]+)*"
    r"(:[A-Za-z0-9_][-.A-Za-z0-9_]{0,127})?(@sha256:[0-9a-f]{64})?",
    "an image: [registry/]name:tag or name@sha256:digest",
    "myapp:1.0",
)
QUANTITY = Rule(
    r"[0-9]{1,15}(\.[0-9]{1,3})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?|[0-9]{1,15}[eE]1?[0-9]",
    'a Kubernetes quantity such as "250m" or "64Mi"',
    "64Mi",
    scalars=True,
)
HTTP_PATH = Rule(r"/[!-~]*", "a path that begins with /", "/healthz")
GRPC_SERVICE = Rule(r"[A-Za-z0-9_.]*", "a gRPC service's name such as package.Service", "shop.Cart")
HEADER_NAME = Rule(r"[a-z0-9][-a-z0-9]*", "a header's name in small letters", "x-team")
HEADER_VALUE = Rule(r"[ -~]+", "a header's value, printable ASCII", "web", scalars=True)
STATUS = Rule(
    r"[1-5][0-9]{2}|[1-5]xx",
    "an HTTP status such as 401, or a class of them such as 2xx",
    "401",
    scalars=True,
)
COOKIE_NAME = Rule(r"[A-Za-z0-9_-]+", "a cookie's name: letters, digits, - and _", "seat")
METHOD = Rule(r"[A-Z]{1,20}", "an HTTP method such as GET", "GET")
COOKIE_VALUE = Rule(r"[A-Za-z0-9_-]+", "a cookie's value: letters, digits, - and _", "v2")
DURATION = Rule(r"(?!0+[a-z])[0-9]{1,6}(ms|s|m|h)", "a duration above zero such as 10s or 500ms", "10s")
TTL = Rule(r"[0-9]{1,6}(s|m|h)", "a duration such as 1h (0s: until the browser closes)", "1h")
RETRY_ON = Rule(
    r"[a-z0-9-]+(,[a-z0-9-]+)*", "Envoy's conditions, such as connect-failure,5xx", "connect-failure"
)
# Istio: `*`, `*.suffix` or a full host name.
HOST = Rule(rf"\*|(\*\.)?{_SUBDOMAIN}", "a host name, *.domain or *", "shop.example.com")
ADDRESS = Rule(rf"{_SUBDOMAIN}|[0-9a-f:]+:[0-9a-f:]*", "a host name or an IP address", "10.0.0.1")
VERSION = Rule(r"v?[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.-]+)?", "a version such as 1.29.1", "1.29.1")
KUBERNETES_VERSION = Rule(
    r"v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?|stable|latest", "a version such as v1.35.1", "v1.35.1"
)
CHARTS = Rule(
    r"[!-~]+",
    "the address of a Helm repository (https://, oci://) or a folder",
    "oci://registry.example.com/charts",
)
FILE = Rule(r"[^\0]+", "a file's path", "~/.kube/config")
CONTEXT = Rule(r"[^\0]+", "a context as `kubectl config get-contexts` lists it", "prod")
WORD = Rule(r"[A-Za-z0-9][-A-Za-z0-9_.]*", "a word of letters, digits, -, _ and .", "dev")
CNI = Rule(r"[A-Za-z0-9_./~-]+", "a CNI's name or the path of its manifest", "calico")
# Units as of github.com/docker/go-units, and m for MiB; https://minikube.sigs.k8s.io/docs/commands/start/
DISK_SIZE = Rule(r"[1-9][0-9]{0,8}(m|mb|g|gb)", "a size such as 20g", "40g")
MOUNT = Rule(r"[^\0:]([^\0]*[^\0:])?:/[^\0:]*", "folder-of-this-machine:/folder-of-the-node", "/src:/mnt/src")
EXTRA_CONFIG = Rule(
    r"[a-z-]+\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*=\S.*",
    "component.key=value, as Minikube writes it",
    "kubelet.v=4",
)
FLAG = Rule(
    r"(?!-)[a-z][a-z0-9-]*(=.*)?",
    "a flag of minikube start without its dashes: name or name=value",
    "wait=all",
)

_UNITS = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}


def quantity(text: str) -> Decimal:
    """The number that a text of the form QUANTITY stands for."""
    unit = re.sub(r"[0-9.]+([eE][0-9]+)?", "", text, count=1)
    return Decimal(text.removesuffix(unit)) * _UNITS[unit]
