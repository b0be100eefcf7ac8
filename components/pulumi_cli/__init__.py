"""A Pulumi stack by the `pulumi` command: config, state, history, up and down."""
