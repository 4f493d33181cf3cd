"""Horizontal bars as SVG, with nothing but the standard library."""
import math
from xml.sax.saxutils import escape

COLOURS = ("#1f77b4", "#c7c7c7")


def bars(title, series, rows):
    """title, the names of two series, and rows of (name, value of the first, value of the second), all above zero, on a logarithmic axis."""
    left, width, bar, gap, top = 330, 520, 9, 8, 52
    values = [v for row in rows for v in row[1:]]
    low = math.floor(math.log10(min(values)))
    high = max(math.log10(max(values)), low + 1)
    step = 2 * bar + gap
    height = top + step * len(rows) + 26

    def x(value):
        return left + width * (math.log10(value) - low) / (high - low)

    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 90}" height="{height}" font-family="sans-serif" font-size="11">',
           f'<rect width="100%" height="100%" fill="white"/><text x="10" y="20" font-size="14">{escape(title)}</text>']
    for i, name in enumerate(series):
        svg.append(f'<rect x="{left + 90 * i}" y="30" width="12" height="12" fill="{COLOURS[i]}"/>'
                   f'<text x="{left + 90 * i + 17}" y="40">{escape(name)}</text>')
    for power in range(low, math.floor(high) + 1):
        svg.append(f'<path d="M{x(10 ** power):.1f} {top}V{height - 22}" stroke="#ddd"/>'
                   f'<text x="{x(10 ** power):.1f}" y="{height - 8}" text-anchor="middle">{10 ** power:,g}</text>')
    for i, (name, *pair) in enumerate(rows):
        y = top + i * step
        svg.append(f'<text x="{left - 8}" y="{y + bar + 4}" text-anchor="end">{escape(name)}</text>')
        for j, value in enumerate(pair):
            # A value at the axis' end still has a bar.
            length = max(x(value) - left, 1)
            text = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
            svg.append(f'<rect x="{left}" y="{y + j * bar}" width="{length:.1f}" height="{bar - 1}" fill="{COLOURS[j]}"/>'
                       f'<text x="{left + length + 4:.1f}" y="{y + j * bar + 8}" font-size="9" fill="#333">{text}</text>')
    return "\n".join(svg + ["</svg>", ""])
