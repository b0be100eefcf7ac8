"""Which lists of a PodTemplateSpec are merged, and by which key: made by tools/merge_keys.py."""

from collections.abc import Mapping

# By the path of the list, without its members' places. An empty key: a list of texts.
MERGE_KEYS: Mapping[str, str] = {
    "metadata.finalizers": "",
    "metadata.ownerReferences": "uid",
    "spec.containers": "name",
    "spec.containers.env": "name",
    "spec.containers.ports": "containerPort",
    "spec.containers.volumeDevices": "devicePath",
    "spec.containers.volumeMounts": "mountPath",
    "spec.ephemeralContainers": "name",
    "spec.ephemeralContainers.env": "name",
    "spec.ephemeralContainers.ports": "containerPort",
    "spec.ephemeralContainers.volumeDevices": "devicePath",
    "spec.ephemeralContainers.volumeMounts": "mountPath",
    "spec.hostAliases": "ip",
    "spec.imagePullSecrets": "name",
    "spec.initContainers": "name",
    "spec.initContainers.env": "name",
    "spec.initContainers.ports": "containerPort",
    "spec.initContainers.volumeDevices": "devicePath",
    "spec.initContainers.volumeMounts": "mountPath",
    "spec.resourceClaims": "name",
    "spec.schedulingGates": "name",
    "spec.topologySpreadConstraints": "topologyKey",
    "spec.volumes": "name",
    "spec.volumes.ephemeral.volumeClaimTemplate.metadata.finalizers": "",
    "spec.volumes.ephemeral.volumeClaimTemplate.metadata.ownerReferences": "uid",
}
