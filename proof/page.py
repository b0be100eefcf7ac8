"""A page of `docs/` of which one part is made by a command."""

from pathlib import Path

BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def renew(page: Path, part: str) -> None:
    """Replace what stands between the two marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{part}\n{END}{after}")
