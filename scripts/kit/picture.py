"""Curves as an SVG picture, written by hand: panels side by side, both axes by powers of ten.

Its colours follow the reader's: dark on light, or light on dark.
"""

import math
from html import escape

WIDTH, HEIGHT = 300, 220
LEFT, TOP, RIGHT, BOTTOM = 46, 42, 18, 40
STYLE = """<style>
.back { fill: #ffffff; } .text { fill: #24292f; } .grid { stroke: #d8dee4; }
.line-one { stroke: #0969da; } .fill-one { fill: #0969da; } .line-two { stroke: #bc4c00; } .fill-two { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117; } .text { fill: #d0d7de; } .grid { stroke: #30363d; }
.line-one { stroke: #58a6ff; } .fill-one { fill: #58a6ff; } .line-two { stroke: #f0883e; } .fill-two { fill: #f0883e; }
}
</style>"""
# One for each curve of a panel.
COLOURS = ["one", "two"]


def powers(values):
    """The powers of ten that hold all values, as exponents from the lowest to the highest."""
    low = math.floor(math.log10(min(values)) + 1e-9)
    return range(low, max(math.ceil(math.log10(max(values)) - 1e-9), low + 1) + 1)


def short(exponent):
    """10^5 as 100k."""
    if exponent < 0:
        return f"{10 ** exponent:g}"
    return f"{10 ** (exponent % 3)}{['', 'k', 'M', 'G'][exponent // 3]}"


def panel(offset, title, x_label, curves):
    """One pair of axes with its curves: {name: [(x, y), …]}."""
    xs, ys = (powers([point[axis] for points in curves.values() for point in points]) for axis in (0, 1))
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_of(value):
        return offset + LEFT + (math.log10(value) - xs[0]) / (xs[-1] - xs[0]) * across

    def y_of(value):
        return TOP + up - (math.log10(value) - ys[0]) / (ys[-1] - ys[0]) * up

    yield f'<text x="{offset + LEFT}" y="16" font-weight="bold" class="text">{escape(title)}</text>'
    for exponent in xs:
        x = x_of(10.0 ** exponent)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + up}" class="grid"/>'
        yield f'<text x="{x:.1f}" y="{TOP + up + 14}" text-anchor="middle" class="text">{short(exponent)}</text>'
    for exponent in ys:
        y = y_of(10.0 ** exponent)
        yield f'<line x1="{offset + LEFT}" y1="{y:.1f}" x2="{offset + LEFT + across}" y2="{y:.1f}" class="grid"/>'
        yield f'<text x="{offset + LEFT - 5}" y="{y + 4:.1f}" text-anchor="end" class="text">{short(exponent)}</text>'
    yield f'<text x="{offset + LEFT + across / 2}" y="{HEIGHT - 8}" text-anchor="middle" class="text">{escape(x_label)}</text>'
    for points, colour in zip(curves.values(), COLOURS):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke-width="2" class="line-{colour}"/>'
        yield from (f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="2.5" class="fill-{colour}"/>' for x, y in points)
    x = offset + LEFT
    for name, colour in zip(curves, COLOURS):
        yield f'<text x="{x}" y="32" class="fill-{colour}">{escape(name)}</text>'
        x += 6 * len(name) + 14


def picture(panels):
    """The text of an SVG file; a panel is (title, label of x, curves)."""
    width = WIDTH * len(panels)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}"'
             ' font-family="sans-serif" font-size="11">', STYLE,
             f'<rect width="{width}" height="{HEIGHT}" class="back"/>']
    for number, described in enumerate(panels):
        lines += panel(number * WIDTH, *described)
    return "\n".join([*lines, "</svg>", ""])
