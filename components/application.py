"""The component Application: one Service, and a Deployment for each version."""

from collections.abc import Mapping
from typing import Any

import pulumi

from . import later
from .files import deployment, register_files
from .manifests import workload
from .ownership import Ownership, of_the_state, owner_of
from .register import KubernetesObject, register
from .rehearsal import rehearsal
from .scale_to_zero import scale_to_zero
from .settings.model import App, Convergence, Version

# In the URN of the app's namespace; those of the mesh are another component's.
_NAMESPACE = "blue-green:index:Application$kubernetes:core/v1:Namespace::"


class Application(pulumi.ComponentResource):
    """An app in several versions that run side by side, whatever traffic they get.

    `namespace` and `service` are names in the cluster, each known once its object is there;
    `deployments` are the versions' resources. `timeout_seconds` is how long pods may take to let go of the
    files that they had before.
    """

    namespace: pulumi.Output[str]
    service: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        app: App,
        versions: Mapping[str, Version],
        opts: pulumi.ResourceOptions | None = None,
        ownership: Ownership | None = None,
        timeout_seconds: int = Convergence.timeout_seconds,
    ) -> None:
        super().__init__("blue-green:index:Application", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.namespace = pulumi.Output.from_input(later.filled(app.namespace))
        before = _made_before(f"{name}-namespace", app.namespace)
        if app.namespace != "default" and (app.create_namespace or before):
            made = self._namespace(f"{name}-namespace", app.namespace)
            child = pulumi.ResourceOptions(parent=self, depends_on=[made])
            self.namespace = _name(made.id)
        # What somebody else has stays theirs.
        services = [] if app.service else [workload.service(app)]
        manifests = {
            key: deployment(app, key, version)
            for key, version in sorted(versions.items())
            if version.existing is None
        }
        files = {key: workload.files(app, key, versions[key]) for key in manifests}
        autoscalers = {key: workload.autoscaler(app, key, versions[key]) for key in manifests}
        if ownership is not None:
            objects = [*services, *filter(None, files.values()), *manifests.values()]
            objects += filter(None, autoscalers.values())
            pieces = workload.pieces(app, versions)
            asked_first = rehearsal(ownership.kubeconfig, objects, pieces, ownership.options)
            child = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(hooks=asked_first))
        self.service = pulumi.Output.from_input(app.host)
        for manifest in services:
            service = register(f"{name}-service", manifest, _keeping(child, "clusterIP"), ownership)
            self.service = _name(service.id)
        deployments: dict[str, KubernetesObject] = {}
        for key, manifest in manifests.items():
            version, opts = versions[key], child
            made = files[key]
            if made is not None:
                content = register_files(f"{name}-{key}", app, key, made, child, ownership, timeout_seconds)
                opts = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[content]))
            budget = workload.disruption_budget(app, key, version)
            if budget is not None:
                guard = register(f"{name}-{key}-disruptionbudget", budget, child, ownership)
                opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[guard]))
            # The number that runs stays when the config has none, until an autoscaler owns the field.
            fields = ("selector",) if version.replicas is not None else ("selector", "replicas")
            if version.replicas == 0 and ownership is not None:
                serves = scale_to_zero(ownership.kubeconfig, app, key, ownership.options)
                opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=serves))
            deployments[key] = register(
                f"{name}-{key}-deployment", manifest, _keeping(opts, *fields), ownership
            )
            autoscaler = autoscalers[key]
            if autoscaler is not None:
                after = pulumi.ResourceOptions(depends_on=[deployments[key]])
                opts = pulumi.ResourceOptions.merge(child, after)
                register(f"{name}-{key}-autoscaler", autoscaler, opts, ownership)
        self.deployments: Mapping[str, KubernetesObject] = deployments
        self.register_outputs(
            {
                "namespace": self.namespace,
                "service": self.service,
                "deployments": {key: _name(one.id) for key, one in deployments.items()},
            }
        )

    def _namespace(self, name: str, namespace: str) -> KubernetesObject:
        """The Namespace, which others may use or make too: it has no mark of ours, and is never deleted."""
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        return KubernetesObject(name, "v1", "Namespace", later.filled(workload.namespace(namespace)), kept)


def _made_before(name: str, namespace: str) -> bool:
    """Whether the stack's state has a Namespace of this logical name, as the first release made it.

    Taken out of the program, it would be deleted with all that is in it: the state says so until this
    program has written it once. Raises pulumi.RunError where that `up` would be this one.
    """
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    # As Pulumi's SDK for Node does in runtime.listResourceOutputs.

    def read() -> Mapping[str, Mapping[str, Any]]:
        found = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack})
        return found.value["outputs"]

    # The SDK raises no narrower one.
    outputs = of_the_state(read, Exception)
    made = {urn: one["outputs"]["metadata"] for urn, one in outputs.items() if _NAMESPACE in urn}
    for urn, metadata in made.items():
        kept = urn.endswith(f"::{name}") and metadata["name"] == namespace
        # The first release wrote its mark there.
        if not kept and owner_of({"metadata": metadata}) is not None:
            raise pulumi.RunError(_would_go(metadata["name"]))
    return any(urn.endswith(f"::{name}") for urn in made)


def _would_go(namespace: str) -> str:
    return "\n  ".join(
        (
            f"An earlier release made the namespace {namespace} for this stack, whose state would delete it "
            "with all that is in it. Nothing was touched.",
            f"Set app.name and app.namespace ({namespace}) back and run pulumi up once: from "
            "then on the namespace is kept, and the app can move.",
        )
    )


def _keeping(opts: pulumi.ResourceOptions, *fields: str) -> pulumi.ResourceOptions:
    """Keeps fields of the object's spec as they are in the cluster.

    Pulumi would delete an imported object to make it again, under traffic, for one that cannot be changed.
    """
    kept = pulumi.ResourceOptions(ignore_changes=[f"spec.{field}" for field in fields])
    return pulumi.ResourceOptions.merge(opts, kept)


def _name(object_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """The object's name, out of its id `[namespace/]name`."""

    def last(text: str) -> str:
        return text.rpartition("/")[2]

    return object_id.apply(last)
