"""The plugin `pulumi-resource-blue-green`: BlueGreen for Pulumi programs in every language."""
