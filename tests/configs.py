"""Random sections of a config, each value of a form that its key takes."""

from typing import Any

from hypothesis import strategies as st

NAME = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
LABELS = st.dictionaries(
    st.from_regex(r"([a-z]{1,5}\.[a-z]{2,3}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?", fullmatch=True),
    st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?)?", fullmatch=True),
    max_size=2,
)
_DURATION = st.from_regex(r"[0-9]{1,4}(ms|s|m|h)", fullmatch=True)
_HEADERS = st.dictionaries(
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True),
    st.from_regex(r"[ -~]{1,10}", fullmatch=True),
    max_size=2,
)
_QUANTITY = st.from_regex(
    r"[0-9]{1,4}(\.[0-9]{1,2})?(m|k|M|P|E|Ki|Mi|Pi|Ei)?|[0-9]{10,15}|[0-9]{1,4}[eE]1?[0-9]", fullmatch=True
)
_AMOUNTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"cpu": _QUANTITY, "memory": _QUANTITY}
)
_PROBE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "path": st.from_regex(r"/[a-z?&=%/.-]{0,10}", fullmatch=True),
        "grpc": st.fixed_dictionaries({}, optional={"service": st.just("shop.Cart")}),
        "port": st.integers(1, 65535),
        "initialDelaySeconds": st.integers(0, 60),
        "timeoutSeconds": st.integers(1, 60),
        "failureThreshold": st.integers(1, 10),
    },
)
VERSION: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"image": st.sampled_from(["app:1", "registry.local:5000/team/app", "app@sha256:" + "0" * 64])},
    optional={
        "replicas": st.integers(1, 3),
        "containerPort": st.integers(1, 65535),
        "labels": LABELS,
        "env": st.dictionaries(
            st.from_regex(r"[-_a-zA-Z][-._a-zA-Z0-9]{0,8}", fullmatch=True),
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
            | st.fixed_dictionaries({"secret": NAME, "key": NAME}),
            max_size=2,
        ),
        "resources": st.fixed_dictionaries({}, optional={"requests": _AMOUNTS, "limits": _AMOUNTS}),
        "probes": st.fixed_dictionaries(
            {}, optional={"readiness": _PROBE, "liveness": _PROBE, "startup": _PROBE}
        ),
        "imagePullSecrets": st.lists(NAME, unique=True, max_size=2),
        "podSecurity": st.sampled_from(["baseline", "restricted"]),
    },
)
ROUTING: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "hosts": st.lists(st.sampled_from(["*", "a.example", "*.b.example"]), unique=True, min_size=1),
        "paths": st.lists(st.from_regex(r"/[a-z/.-]{0,8}", fullmatch=True), unique=True, max_size=2),
        "headers": _HEADERS,
        "responseHeaders": _HEADERS,
        "port": st.integers(1, 65535),
        "tlsSecret": NAME,
        "timeout": _DURATION,
        "retries": st.fixed_dictionaries(
            {"attempts": st.integers(0, 5)},
            optional={"perTryTimeout": _DURATION, "retryOn": st.sampled_from(["5xx", "reset,503"])},
        ),
        "stickySession": st.sampled_from(
            [{"cookie": "s"}, {"cookie": "s", "ttl": "1h"}, {"header": "x-user"}]
        ),
        "meshCallers": st.booleans(),
    },
)
