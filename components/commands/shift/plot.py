"""One plot over time as SVG."""

from collections.abc import Sequence

from .. import look

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 220, 46, 16, 12, 26
Points = Sequence[tuple[float, float]]


def plot(
    span: tuple[float, float],
    dots: Points,
    top: float,
    fill: str,
    *,
    line: Points = (),
    limit: float | None = None,
) -> str:
    """Return an SVG element.

    Args:
        span: the time at its left and at its right edge, in seconds; the axis counts from the left.
        dots: what was measured: time and value.
        top: the largest value; the least is 0.
        fill: the colour of the dots.
        line: what was asked for: time and value.
        limit: a value that is drawn as a dashed line.
    """
    begin, end = span

    def x(at: float) -> float:
        return _LEFT + (at - begin) / (end - begin) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return (_HEIGHT - _BOTTOM) - value / top * (_HEIGHT - _BOTTOM - _TOP)

    def level(value: float, style: str) -> str:
        return f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" {style}/>'

    grid = "".join(
        level(value, 'stroke="#d1d9e0"')
        + f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (0.0, top / 2, top)
    )
    times = "".join(
        f'<text x="{x(begin + part * (end - begin)):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{part * (end - begin):.0f} s</text>"
        for part in (0.0, 0.25, 0.5, 0.75, 0.97)
    )
    dashed = (
        ""
        if limit is None
        else level(limit, f'stroke="{look.INKS[look.Tone.BAD].light}" stroke-dasharray="6 4"')
    )
    points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in line)
    path = f'<polyline points="{points}" fill="none" stroke="#59636e" stroke-width="2"/>' if line else ""
    marks = "".join(
        f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="3" fill="{fill}"/>' for at, value in dots
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{grid}{times}{dashed}{path}{marks}</svg>'
