"""Draw the picture of the README: a forecast with its fan, and what then came.

The network sees nothing of the last days; the dots are their truth.

    python examples/picture.py docs/forecast.svg
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

import rollcast

NAME = "seattle-weather"
HORIZON = 28
PAST = 84
LEVELS = (50, 80, 95)

WIDTH, HEIGHT = 860, 320
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 54, 30

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a }
.title { font-size: 14px; fill: #24292f }
.grid { stroke: #d0d7de; stroke-width: 1 }
.past { fill: none; stroke: #24292f; stroke-width: 1.5 }
.median { fill: none; stroke: #0550ae; stroke-width: 2 }
.fan { fill: #218bff; fill-opacity: .18 }
.truth { fill: #cf222e }
@media (prefers-color-scheme: dark) {
  text { fill: #8b949e } .title { fill: #e6edf3 } .grid { stroke: #30363d }
  .past { stroke: #e6edf3 } .median { stroke: #79c0ff } .truth { fill: #ff7b72 }
}
"""


class Axes:
    """Where a day and a value are on the paper."""

    def __init__(self, days: int, low: float, high: float) -> None:
        self.days, self.low, self.high = days, low, high

    def x(self, day: float) -> float:
        """Pixels from the left."""
        return LEFT + day / (self.days - 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def points(self, days: Iterable[float], values: Iterable[float]) -> str:
        """A list of points as SVG writes it."""
        pairs = zip(days, values, strict=True)
        return " ".join(f"{self.x(day):.1f},{self.y(value):.1f}" for day, value in pairs)


def grid(axes: Axes, times: Sequence[np.datetime64]) -> list[str]:
    """Horizontal lines every five units, and a label at the first day of each month."""
    parts = []
    for value in np.arange(np.ceil(axes.low / 5) * 5, axes.high, 5):
        y = axes.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{int(value)}</text>')
    for day, time in enumerate(times):
        stamp = time.astype("datetime64[D]").item()
        if stamp.day == 1:
            label = f"{stamp:%B %Y}"
            x = axes.x(day)
            parts.append(f'<text x="{x}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>')
    return parts


def draw() -> str:
    """The picture as SVG text."""
    panel = rollcast.datasets.load(NAME)
    known, came = panel.split(HORIZON)
    model = rollcast.Forecaster(HORIZON).fit(known)
    frame = model.predict(level=LEVELS)
    column = {name: frame[name].to_numpy() for name in frame.columns if name.startswith("rollcast")}

    past = known.tail(PAST)
    ends = [column[f"rollcast-{end}-{LEVELS[-1]}"] for end in ("lo", "hi")]
    everything = np.concatenate([past.values, came.values, *ends])
    axes = Axes(PAST + HORIZON, float(np.nanmin(everything)) - 1, float(np.nanmax(everything)) + 1)
    ahead = list(range(PAST, PAST + HORIZON))
    parts = grid(axes, [*past.times, *came.times])
    for level in reversed(LEVELS):
        low, high = (column[f"rollcast-{end}-{level}"] for end in ("lo", "hi"))
        outline = axes.points([*ahead, *ahead[::-1]], [*low, *high[::-1]])
        parts.append(f'<polygon class="fan" points="{outline}"/>')
    parts.append(f'<polyline class="past" points="{axes.points(range(PAST), past.values)}"/>')
    parts.append(f'<polyline class="median" points="{axes.points(ahead, column["rollcast"])}"/>')
    for day, value in zip(ahead, came.values, strict=True):
        parts.append(
            f'<circle class="truth" cx="{axes.x(day):.1f}" cy="{axes.y(value):.1f}" r="2.5"/>'
        )
    title = f"Highest temperature of the day in Seattle, °C, forecast {HORIZON} days ahead"
    legend = "line: median; bands: 50, 80 and 95 % intervals; dots: what came"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img">',
            f"<title>{title}; {legend}</title>",
            f"<style>{STYLE}</style>",
            f'<text class="title" x="{LEFT}" y="17">{title}</text>',
            f'<text x="{LEFT}" y="35">{legend}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def main() -> None:
    """Write the picture where it was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=Path("docs/forecast.svg"))
    parser.parse_args().file.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
