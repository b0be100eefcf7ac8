"""A version's files: a ConfigMap for each content, which stays while pods have it mounted.

Pulumi would delete the one before as soon as the Deployment is written. Its pods still run then, and one
whose container starts again has to find its files. So Pulumi lets go of it, and `VersionFiles` deletes it.
Pulumi pickles the provider by name, so the program's folder must hold this module.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import dynamic

from . import later
from .gateway.waiting import say, wait_until
from .kubernetes import workloads
from .kubernetes.api import Api
from .kubernetes.errors import GatewayError, NotConvergedError
from .manifests import workload
from .manifests.manifest import Manifest
from .ownership import Ownership
from .provider import Carried, Provider, kubeconfig_input
from .register import register
from .settings.model import App, Version


def deployment(app: App, name: str, version: Version) -> Manifest:
    """The Deployment of one version; the name of its files is known when their texts are."""
    manifest, made = workload.deployment(app, name, version), workload.files(app, name, version)
    if made is None or not later.has(made["data"]):
        return manifest
    known = _name(app, name, made)
    return later.replaced(manifest, made["metadata"]["name"], later.stand_in(lambda _: known))


def register_files(
    name: str,
    app: App,
    version: str,
    made: Manifest,
    opts: pulumi.ResourceOptions,
    ownership: Ownership | None,
    seconds: int,
) -> pulumi.Resource:
    """Makes the ConfigMap `made` of a version's files, before a Deployment that depends on what this returns.

    For `seconds` an `up` waits at its end for the pods that still have the one before. Without `ownership`
    no cluster can be asked, and Pulumi deletes that one by itself.
    """
    own = _name(app, version, made) if later.has(made["data"]) else made["metadata"]["name"]
    manifest = {**made, "metadata": {**made["metadata"], "name": own}}
    if ownership is None:
        return register(f"{name}-files", manifest, opts)
    kept = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True))
    content = register(f"{name}-files", manifest, kept, ownership)
    props: Mapping[str, Any] = {
        "kubeconfig": kubeconfig_input(ownership.given),
        "namespace": app.namespace,
        "app": app.name,
        "version": version,
        "name": own,
        "timeoutSeconds": seconds,
    }
    after = pulumi.ResourceOptions(parent=opts.parent, depends_on=[content])
    return VersionFiles(f"{name}-files-held", props, after)


def _name(app: App, version: str, made: Manifest) -> pulumi.Output[str]:
    return later.then(made["data"], lambda data: workload.files_name(app, version, data))


class FilesProvider(Provider):
    """Deletes a ConfigMap once no pod of its version has it."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Nothing but the entry in the state."""
        return dynamic.CreateResult(props["name"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Another ConfigMap is another resource, so that the one before is deleted last."""
        replaces = [key for key in ("name", "namespace") if _olds.get(key) != _news.get(key)]
        return dynamic.DiffResult(
            changes=any(_olds.get(key) != value for key, value in _news.items() if key != "__provider"),
            replaces=replaces,
            delete_before_replace=False,
        )

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Nothing but the entry in the state."""
        return dynamic.UpdateResult(_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Waits for the pods; where they stay, so does the ConfigMap, and that is said."""
        name, namespace = _props["name"], _props["namespace"]
        own = workloads.own(_props["app"], _props["version"])
        what = f"ConfigMap {namespace}/{name}"
        try:
            with Api(_props["kubeconfig"]) as api:
                found = api.find(workloads.path(namespace, own))
                # The config has gone back to it.
                if found is not None and _mounts(found["spec"]["template"]["spec"], name):
                    return
                try:
                    wait_until(lambda: _users(api, namespace, own, name), _props["timeoutSeconds"])
                except NotConvergedError as error:
                    say(f"{what} stays, {error} has it. Once that pod is gone, type:")
                    say(f"  {api.kubectl} -n {namespace} delete configmap {name}")
                    return
                api.delete(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        except GatewayError as error:
            say(f"{what} stays: {error}")


def _users(api: Api, namespace: str, own: workloads.Workload, name: str) -> tuple[str, ...]:
    """The first of the version's pods that has the ConfigMap and is not on its way out."""
    query = {"labelSelector": workloads.selector(own.labels)}
    return tuple(
        f"pod {pod['metadata']['name']}"
        for pod in api.get(f"/api/v1/namespaces/{namespace}/pods", query)["items"]
        if "deletionTimestamp" not in pod["metadata"] and _mounts(pod["spec"], name)
    )[:1]


def _mounts(pod: Mapping[str, Any], name: str) -> bool:
    return any(
        source.get("configMap", {}).get("name") == name
        for volume in pod.get("volumes") or ()
        for source in volume.get("projected", {}).get("sources") or ()
    )


class VersionFiles(Carried, name="VersionFiles"):
    """Stands between the files of a version and its Deployment: deleted after it, and before them."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(FilesProvider(), name, later.filled(dict(props)), opts)
