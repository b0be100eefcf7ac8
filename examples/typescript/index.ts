import * as pulumi from "@pulumi/pulumi";
import { BlueGreen } from "@pulumi/blue-green";

const config = new pulumi.Config();

// Stands for a resource that builds an image: its name is known only when it is built.
const built = new pulumi.Stash("built", { input: "janakiramm/myapp:v2" });

const cart = new BlueGreen("cart", {
    versions: {
        v1: { image: "janakiramm/myapp:v1", probes: { readiness: { path: "/" } } },
        v2: { image: built.output, probes: { readiness: { path: "/" } } },
    },
    weights: config.requireObject<{ [version: string]: number }>("weights"),
    weightsKey: "weights",
    routing: { hosts: ["cart.example"] },
});

export const url = cart.url;
export const weights = cart.weights;
