"""Back to the split before the last whole change: by `pulumi up`, or at once by the routes first."""
