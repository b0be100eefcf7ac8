"""The version of this release: the wheel, the plugin and its SDKs all have it from here."""

VERSION = "0.1.0"
