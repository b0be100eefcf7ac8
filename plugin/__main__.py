"""The plugin as Pulumi starts it from its source."""

from blue_green.plugin.main import main

main()
