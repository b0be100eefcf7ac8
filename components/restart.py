"""`restartOn`: a version rolls when the content of an object that somebody else writes is another one.

When `up` runs, not by itself: nothing watches these objects in between.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.output import UNKNOWN

from . import later
from .ending import failed
from .kubernetes.api import Api
from .kubernetes.errors import ForbiddenError, GatewayError
from .kubernetes.kubeconfig import Kubeconfig
from .settings.model import App, Content, Version
from .settings.strategic_merge import merge
from .settings.written import written

# In the pod template, so that Kubernetes rolls the pods when it is another text.
_ANNOTATION = "blue-green/restart-on"


def restarting(
    kubeconfig: pulumi.Input[Kubeconfig], app: App, versions: Mapping[str, Version]
) -> Mapping[str, Version]:
    """The versions, those with `restart_on` with a digest of that in their pod templates.

    Where an object is missing or may not be read, the digest fails with pulumi.RunError, in a preview too;
    where a name is an Output, a preview takes a missing object for one that the program itself makes.
    """
    contents = {name: version.restart_on for name, version in versions.items() if version.restart_on}
    if not contents:
        return versions

    names = written(contents)

    def read(known: Sequence[Any]) -> Mapping[str, Any]:
        wanted = {
            version: [Content(one.get("secret"), one.get("configMap")) for one in each]
            for version, each in known[2].items()
        }
        try:
            return digests(known[0], known[1], wanted)
        except GatewayError as error:
            raise failed(f"restartOn: {error}") from error
        except pulumi.RunError as error:
            if later.has(names) and pulumi.runtime.is_dry_run():
                return dict.fromkeys(wanted, UNKNOWN)
            raise failed(error) from error

    # It may be a secret; these digests are none.
    public = pulumi.Output.unsecret(pulumi.Output.from_input(kubeconfig))
    found = pulumi.Output.all(public, later.filled(app.namespace), later.filled(names)).apply(read)
    return {
        name: _annotated(version, found.apply(lambda all_, name=name: all_[name]))
        if name in contents
        else version
        for name, version in versions.items()
    }


def _annotated(version: Version, digest: pulumi.Output[str]) -> Version:
    annotations = {_ANNOTATION: later.stand_in(lambda _: digest)}
    return replace(
        version, pod_template=merge(version.pod_template, {"metadata": {"annotations": annotations}})
    )


def digests(
    kubeconfig: Kubeconfig, namespace: str, contents: Mapping[str, Sequence[Content]]
) -> Mapping[str, str]:
    """By version, a text that is another one when a content is. Raises GatewayError, pulumi.RunError."""
    read: dict[Content, Mapping[str, Any] | None] = {}
    with Api(kubeconfig) as api:
        for one in {content for wanted in contents.values() for content in wanted}:
            read[one] = _read(api, namespace, one)
    missing = [
        f"versions.{version}.restartOn[{index}]: there is no {one.kind} {namespace}/{one.name}."
        for version, wanted in contents.items()
        for index, one in enumerate(wanted)
        if read[one] is None
    ]
    if missing:
        first = "What a version is to restart on is not there; nothing was touched."
        raise pulumi.RunError("\n  ".join([first, *missing]))
    return {
        version: ", ".join(f"{one.kind} {one.name} {digest(read[one] or {})}" for one in wanted)
        for version, wanted in contents.items()
    }


def _read(api: Api, namespace: str, one: Content) -> Mapping[str, Any] | None:
    resource = f"{one.kind.lower()}s"
    try:
        return api.find(f"/api/v1/namespaces/{namespace}/{resource}/{one.name}")
    except ForbiddenError as error:
        # No right to all of a namespace's Secrets, as the API's own sentence would have it.
        rule = (
            f'{{apiGroups: [""], resources: ["{resource}"], resourceNames: ["{one.name}"], verbs: ["get"]}}'
        )
        raise ForbiddenError(
            f"{one.kind} {namespace}/{one.name} may not be read, so its content is not known. "
            f"Add this rule to a role of the kubeconfig's user: {rule}"
        ) from error


def digest(found: Mapping[str, Any]) -> str:
    """A digest of an object's content, by which nobody can guess a short password.

    Its key is the object's uid: 122 random bits, which only those know who may read the object anyway. An
    object that is made anew has another one, and so rolls the version. Its resourceVersion would need no
    content, but is another one for every label and annotation that somebody sets.
    """
    content = {key: found[key] for key in ("data", "binaryData") if found.get(key)}
    key: str = found["metadata"]["uid"]
    return hmac.new(key.encode(), json.dumps(content, sort_keys=True).encode(), "sha256").hexdigest()[:16]
