"""The plugin `pulumi-resource-blue-green`: the components for Pulumi programs in every language."""
