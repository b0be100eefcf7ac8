// An app in two versions, and its traffic split by weight.
package main

import (
	"example.com/pulumi-blue-green/sdk/go/bluegreen"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		var weights map[string]int
		config.New(ctx, "").RequireObject("weights", &weights)

		// Stands for a resource that builds an image: its name is known only when it is built.
		built, err := pulumi.NewStash(ctx, "built", &pulumi.StashArgs{Input: pulumi.String("janakiramm/myapp:v2")})
		if err != nil {
			return err
		}
		image := built.Output.ApplyT(func(built any) string { return built.(string) }).(pulumi.StringOutput)

		probes := &bluegreen.ProbesArgs{Readiness: &bluegreen.ProbeArgs{Path: pulumi.StringRef("/")}}
		cart, err := bluegreen.NewBlueGreen(ctx, "cart", &bluegreen.BlueGreenArgs{
			Versions: map[string]bluegreen.VersionArgs{
				"v1": {Image: pulumi.String("janakiramm/myapp:v1"), Probes: probes},
				"v2": {Image: image, Probes: probes},
			},
			Weights:    weights,
			WeightsKey: pulumi.StringRef("weights"),
			Routing:    &bluegreen.RoutingArgs{Hosts: pulumi.StringArray{pulumi.String("cart.example")}},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", cart.Url)
		ctx.Export("weights", cart.Weights)
		return nil
	})
}
