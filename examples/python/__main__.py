"""An app in two versions, and its traffic split by weight."""

import pulumi
from blue_green import BlueGreen

config = pulumi.Config()

# Stands for a resource that builds an image: its name is known only when it is built.
built = pulumi.Stash("built", input="janakiramm/myapp:v2")

cart = BlueGreen(
    "cart",
    {
        "versions": {
            "v1": {"image": "janakiramm/myapp:v1", "probes": {"readiness": {"path": "/"}}},
            "v2": {"image": built.output, "probes": {"readiness": {"path": "/"}}},
        },
        "weights": config.require_object("weights"),
        "weights_key": "weights",
        "routing": {"hosts": ["cart.example"]},
    },
)

pulumi.export("url", cart.url)
pulumi.export("weights", cart.weights)
