"""Thousands of configs: never a traceback, and never a wrong split accepted."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.settings.mistakes import ConfigError
from components.settings.parse import KEYS, parse
from tests.unit.test_settings import GOOD

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["v1", "*", "10s", "250m", "app:1", "1.29.1", "none", "kubeconfig"])
)
_NAMES = st.text(max_size=8) | st.sampled_from(
    ["image", "replicas", "env", "probes", "readiness", "path", "hosts", "retries", "attempts",
     "stickySession", "cookie", "kind", "profile", "values", "gateway", "nodePorts", "http2",
     "diskSize", "nodes", "addons", "mount", "adopt", "recreate",
     "resources", "requests", "limits", "cpu", "labels", "name", "v1", "v2"]
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)

CONFIGS = st.dictionaries(st.sampled_from(KEYS) | _NAMES, _VALUES, max_size=7)


@given(CONFIGS)
def test_any_config_is_accepted_or_refused_in_sentences(config: dict[str, Any]) -> None:
    try:
        settings = parse(GOOD | config)
    except ConfigError as error:
        assert str(error).startswith("The stack config has ")
    else:
        assert sum(settings.weights.values()) == 100
        assert set(settings.weights) == set(settings.versions)


@given(st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), st.integers(-20, 120), max_size=3))
def test_a_split_is_accepted_exactly_when_it_is_one(weights: dict[str, int]) -> None:
    sound = (
        sum(weights.values()) == 100
        and all(0 <= weight <= 100 for weight in weights.values())
        and "v3" not in weights
    )
    try:
        parse(GOOD | {"weights": weights})
    except ConfigError:
        assert not sound
    else:
        assert sound


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_what_a_wrong_sum_says_to_type_makes_it_right(numbers: list[int]) -> None:
    weights = {f"v{i}": number for i, number in enumerate(numbers)}
    config = GOOD | {"versions": {name: {"image": "app:1"} for name in weights}, "weights": weights}
    try:
        parse(config)
    except ConfigError as error:
        typed = re.search(r"'blue-green:weights\.(\w+)' (\d+)\.$", str(error))
        if typed is None:
            assert sum(numbers[:-1]) > 100
        else:
            parse(config | {"weights": weights | {typed[1]: int(typed[2])}})
