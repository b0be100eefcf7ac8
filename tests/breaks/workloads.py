"""The ways to break Deployments, pods, disruption budgets and the Service."""

from tests.breaks.table import BY, DRIFTED, FAILING, Break, patch, pods

V2 = r"Deployment default/shop-v2: spec\."
TEMPLATE = V2 + r"template\.spec\."
CONTAINER = TEMPLATE + r"containers\[shop\]\."
V1_VARIABLE = r"Deployment default/shop-v1: spec\.template\.spec\.containers\[shop\]\.env\[MODE\]\.value"

WORKLOADS = (
    Break(
        "the Deployment of v2 is deleted",
        (("delete", "deployment/shop-v2"),),
        FAILING,
        "Deployment default/shop-v2 is not there",
    ),
    Break(
        "v2 is scaled to 0",
        (("scale", "deployment/shop-v2", "--replicas=0"),),
        FAILING,
        "v2 is scaled to 0 by the subresource scale, as of kubectl scale, at 20",
    ),
    Break(
        "v2, whose number is not in the config, is scaled to 2",
        (("scale", "deployment/shop-v2", "--replicas=2"),),
        undo=(("scale", "deployment/shop-v2", "--replicas=1"),),
        heals=True,
    ),
    Break(
        "v1, whose number is in the config, is scaled to 1",
        (("scale", "deployment/shop-v1", "--replicas=1"),),
        DRIFTED,
        "v1 is scaled to 1 and not 2 by kubectl, subresource scale",
    ),
    Break(
        "v1 is scaled to 0",
        (("scale", "deployment/shop-v1", "--replicas=0"),),
        FAILING,
        "v1 is scaled to 0 and not 2 by the subresource scale",
    ),
    Break(
        "an image that is not there",
        (("set", "image", "deployment/shop-v2", "shop=janakiramm/myapp:missing"),),
        DRIFTED,
        CONTAINER
        + "image is janakiramm/myapp:missing and not janakiramm/myapp:v2, written by kubectl-set at 20",
    ),
    Break(
        "another version's image",
        (("set", "image", "deployment/shop-v2", "shop=janakiramm/myapp:v1"),),
        DRIFTED,
        CONTAINER + "image is janakiramm/myapp:v1 and not janakiramm/myapp:v2",
    ),
    Break(
        "a variable of the config",
        (("set", "env", "deployment/shop-v1", "MODE=other"),),
        DRIFTED,
        V1_VARIABLE + " is another one, written by kubectl-set",
    ),
    Break(
        "a variable that the config does not name",
        (("set", "env", "deployment/shop-v2", "MORE=1"),),
        undo=(("set", "env", "deployment/shop-v2", "MORE-"),),
        heals=True,
    ),
    Break(
        "a readiness probe that fails",
        (pods("spec/containers/0/readinessProbe/httpGet/port", 9, "replace"),),
        DRIFTED,
        CONTAINER + r"readinessProbe\.httpGet\.port is 9 and not 80, " + BY,
    ),
    Break(
        "a port that nobody listens on",
        (pods("spec/containers/0/ports/0/containerPort", 81, "replace"),),
        FAILING,
        CONTAINER + r"ports\[http\]\.containerPort is 81 and not 80, " + BY,
    ),
    Break(
        "no time to leave",
        (pods("spec/containers/0/lifecycle", None, "remove"),),
        DRIFTED,
        CONTAINER + "lifecycle is missing",
    ),
    Break(
        "a command that ends at once",
        (pods("spec/containers/0/command", ["/nothing"]),),
        DRIFTED,
        CONTAINER + "command is not of the config, " + BY,
    ),
    Break(
        "a node that there is not",
        (pods("spec/nodeSelector", {"disk": "ssd"}),),
        DRIFTED,
        TEMPLATE + "nodeSelector is not of the config, " + BY,
    ),
    Break(
        "more memory than the node has",
        (pods("spec/containers/0/resources", {"requests": {"memory": "900Gi"}}),),
        DRIFTED,
        CONTAINER + "resources is not of the config, " + BY,
    ),
    Break(
        "all pods at once when it rolls",
        (patch("deployment", ("replace", "/spec/strategy/rollingUpdate/maxUnavailable", 1), name="shop-v2"),),
        DRIFTED,
        V2 + r"strategy\.rollingUpdate\.maxUnavailable is 1 and not 0, " + BY,
    ),
    Break(
        "a Deployment that is paused",
        (("rollout", "pause", "deployment/shop-v2"),),
        DRIFTED,
        "version v2 is paused by kubectl-rollout at 20",
    ),
    Break("a restart", (("rollout", "restart", "deployment/shop-v2"),), heals=True),
    Break(
        "one pod of two is deleted",
        (
            (
                "delete",
                "pod",
                "-l",
                "app=shop,version=v1",
                "--field-selector=status.phase=Running",
                "--wait=false",
            ),
        ),
        heals=True,
    ),
    Break(
        "the only pod of v2 is deleted",
        (("delete", "pod", "-l", "app=shop,version=v2", "--wait=false"),),
        heals=True,
    ),
    Break(
        "the only pod of v2 loses its label",
        (("label", "pod", "-l", "app=shop,version=v2", "version-"),),
        heals=True,
        undo=(("delete", "pod", "-l", "app=shop,!version", "--wait=false"),),
    ),
    Break(
        "another container beside the app's",
        (
            pods(
                "spec/containers/-",
                {
                    "name": "beside",
                    "image": "janakiramm/myapp:late",
                    "env": [{"name": "PORT", "value": "8099"}],
                },
            ),
        ),
        heals=True,
        undo=(pods("spec/containers/1", None, "remove"),),
    ),
    Break(
        "another label on the Deployment",
        (("label", "deployment/shop-v2", "team=a"),),
        undo=(("label", "deployment/shop-v2", "team-"),),
    ),
    Break(
        "a label of the config",
        (("label", "deployment/shop-v2", "--overwrite", "version=v9"),),
        DRIFTED,
        r"Deployment default/shop-v2: metadata\.labels\.version is v9 and not v2, written by kubectl-label",
    ),
    Break(
        "the disruption budget is deleted",
        (("delete", "poddisruptionbudget/shop-v1"),),
        DRIFTED,
        "PodDisruptionBudget default/shop-v1 is not there",
    ),
    Break(
        "a disruption budget that lets no node be drained",
        (patch("poddisruptionbudget", ("replace", "/spec/maxUnavailable", 0), name="shop-v1"),),
        DRIFTED,
        r"PodDisruptionBudget default/shop-v1: spec\.maxUnavailable is 0 and not 1, " + BY,
    ),
    Break(
        "every node is cordoned",
        (("cordon", "--selector=kubernetes.io/os=linux"),),
        undo=(("uncordon", "--selector=kubernetes.io/os=linux"),),
    ),
)

SERVICE = (
    Break(
        "the Service is deleted", (("delete", "service/shop"),), FAILING, "Service default/shop is not there"
    ),
    Break(
        "a Service for another app",
        (patch("service", ("replace", "/spec/selector/app", "other")),),
        FAILING,
        r"Service default/shop: spec\.selector\.app is other and not shop, " + BY,
    ),
    Break(
        "a Service for v1 alone",
        (patch("service", ("add", "/spec/selector/version", "v1")),),
        FAILING,
        r"Service default/shop: spec\.selector\.version is not of the config, " + BY,
    ),
    Break(
        "another port of the Service",
        (patch("service", ("replace", "/spec/ports/0/port", 81)),),
        FAILING,
        r"Service default/shop: spec\.ports\[http\]\.port is 81 and not 80, " + BY,
    ),
    Break(
        "another port of the pods",
        (patch("service", ("replace", "/spec/ports/0/targetPort", 9)),),
        FAILING,
        r"Service default/shop: spec\.ports\[http\]\.targetPort is 9 and not http, " + BY,
    ),
    Break(
        "a second port",
        (patch("service", ("add", "/spec/ports/-", {"name": "metrics", "port": 9090})),),
        undo=(patch("service", ("remove", "/spec/ports/1", None)),),
    ),
    Break(
        "a node port",
        (patch("service", ("replace", "/spec/type", "NodePort")),),
        DRIFTED,
        r"Service default/shop: spec\.type is NodePort and not ClusterIP, " + BY,
    ),
    Break(
        "the endpoint slices are deleted",
        (("delete", "endpointslices", "-l", "kubernetes.io/service-name=shop"),),
        heals=True,
    ),
)
