"""Curves as SVG, without a library: cost against number of zones, a line per series. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 820, 420, 64, 260, 48, 48
COLOURS = ("#1f5fa8", "#c0392b", "#1e8449", "#b9770e", "#6c3483", "#117a8b", "#5d6d7e", "#a04000")
Points = Sequence[tuple[float, float]]


def curve(title: str, series: Mapping[str, Points], *, x: str, y: str) -> str:
    """Both axes logarithmic: a flat line is a cost that does not grow. The series `floor: NAME` is dashed, in the colour of NAME."""
    points = [point for line in series.values() for point in line if point[0] > 0 and point[1] > 0]
    if not points:
        raise ValueError(f"nothing to draw for {title}")
    x_low, x_high = _decades([point[0] for point in points])
    y_low, y_high = _decades([point[1] for point in points])

    def at(px: float, py: float) -> tuple[float, float]:
        across = (math.log10(px) - x_low) / (x_high - x_low)
        up = (math.log10(py) - y_low) / (y_high - y_low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="{(WIDTH - RIGHT + LEFT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x)}</text>',
        f'<text x="{LEFT}" y="{TOP - 10}" text-anchor="end">{escape(y)}</text>',
    ]
    for power in range(x_low, x_high + 1):
        px, _ = at(10**power, 10**y_low)
        parts.append(f'<line x1="{px:.1f}" y1="{TOP}" x2="{px:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{10**power:,}</text>')
    for power in range(y_low, y_high + 1):
        _, py = at(10**x_low, 10**power)
        parts.append(f'<line x1="{LEFT}" y1="{py:.1f}" x2="{WIDTH - RIGHT}" y2="{py:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{py + 4:.1f}" text-anchor="end">{10**power:g}</text>')
    colours: dict[str, str] = {}
    for number, (name, line) in enumerate(series.items()):
        colour = colours.setdefault(name.removeprefix("floor: "), COLOURS[len(colours) % len(COLOURS)])
        places = [at(*point) for point in sorted(line) if point[0] > 0 and point[1] > 0]
        dash = ' stroke-dasharray="5 4"' if name.startswith("floor: ") else ""
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in places]
        height = TOP + 16 + number * 18
        parts.append(
            f'<line x1="{WIDTH - RIGHT + 12}" y1="{height - 4}" x2="{WIDTH - RIGHT + 34}" y2="{height - 4}" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 40}" y="{height}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Whole powers of ten around the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
