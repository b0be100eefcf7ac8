"""What a change of a profile's inputs asks for: a new cluster, another start, or less."""

import re
from collections.abc import Mapping
from typing import Any

# Minikube cannot change these of a cluster that is there ("Please first delete the cluster").
_SIZES = ("cpus", "memory", "diskSize")
_REPLACING = ("profile", "driver", "containerRuntime", "cni", "nodes", "mount", *_SIZES)
_STARTING = ("kubernetesVersion", "extraConfig", "flags")
# How the cluster was seen that nothing but a new one can follow.
GONE = ("Deleted", "Broken")


def replacing(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The changed inputs that need a new cluster; all that lives on the old one is lost."""
    # Driver none takes the machine as it is.
    ignored = _SIZES if olds.get("driver") == news.get("driver") == "none" else ()
    changed = [key for key in _REPLACING if key not in ignored and _differs(key, olds, news)]
    if _older(olds.get("kubernetesVersion"), news.get("kubernetesVersion")):
        changed.append("kubernetesVersion")
    return changed


def starting(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The changed inputs that another `minikube start` applies."""
    return [key for key in _STARTING if _differs(key, olds, news)]


def any_change(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether anything at all is to be done."""
    return bool(
        replacing(olds, news)
        or starting(olds, news)
        or _differs("addons", olds, news)
        or _differs("owner", olds, news)
        or another_minikube(olds, news)
        or olds.get("status") != "Running"
    )


def another_minikube(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether the inputs name another Minikube: how the profile was seen was said by the one before."""
    return _differs("minikube", olds, news)


def described(olds: Mapping[str, Any], news: Mapping[str, Any]) -> str:
    """The changes that need a new cluster, in words."""
    return ", ".join(
        f"{key} {_shown(olds.get(key))} to {_shown(news.get(key))}" for key in replacing(olds, news)
    )


def _differs(key: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return (olds.get(key) or None) != (news.get(key) or None)


def _older(old: str | None, new: str | None) -> bool:
    """Whether the new version is before the old one; `stable` and the like are never."""
    before, after = _number(old), _number(new)
    return before is not None and after is not None and after < before


def _number(version: str | None) -> tuple[int, ...] | None:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version or "")
    return tuple(int(part) for part in match.groups()) if match else None


def _shown(value: object) -> str:
    if value is None:
        return "Minikube's default"
    return f"{value:g}" if isinstance(value, float) else str(value)
