"""The preview of a change as Markdown for a pull request, traffic first."""
