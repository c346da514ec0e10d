"""Charts as shapes: what a template writes as SVG. Pure; lengths are user units of a viewBox 320 by 132."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from orbit_contacts.features.profile.models import Week

WIDTH, HEIGHT = 320, 132
LEFT, TOP, BOTTOM = 24, 8, 112
SERIES = 5
OTHER = "other"


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    series: int
    name: str
    messages: int


class Column(NamedTuple):
    """One week: its bars from the bottom up, and the ground on which a pointer finds its title."""

    x: float
    width: float
    ends_at: str
    total: int
    bars: list[Bar]


class Mark(NamedTuple):
    """A line across with its value."""

    y: float
    value: int


class Stacked(NamedTuple):
    columns: list[Column]
    marks: list[Mark]
    names: list[str]
    labelled: list[Column]


class Point(NamedTuple):
    x: float
    y: float
    value: int
    ends_at: str


class Line(NamedTuple):
    points: list[Point]
    path: str
    area: str
    marks: list[Mark]


def stacked(weeks: Sequence[Week]) -> Stacked:
    """Messages per week, stacked by channel; beyond four channels the rest is one."""
    sums = Counter[str]()
    for week in weeks:
        sums.update(week.messages)
    ranked = [name for name, _ in sorted(sums.items(), key=_by_count)]
    names = ranked if len(ranked) <= SERIES else [*ranked[: SERIES - 1], OTHER]
    top = ceiling(max((sum(week.messages.values()) for week in weeks), default=0))
    step = (WIDTH - LEFT) / max(len(weeks), 1)
    columns = [_column(week, LEFT + step * number, step, names, top) for number, week in enumerate(weeks)]
    return Stacked(columns, _marks(top), names, _labelled(columns))


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def _column(week: Week, x: float, step: float, names: list[str], top: int) -> Column:
    bars: list[Bar] = []
    y = float(BOTTOM)
    for series, name in enumerate(names):
        count = week.messages.get(name, 0)
        if name == OTHER:
            count = sum(n for channel, n in week.messages.items() if channel not in names[:-1])
        if count:
            height = count / top * (BOTTOM - TOP)
            y -= height
            bars.append(Bar(round(x + 2, 1), round(y, 1), round(step - 4, 1), round(height, 1), series, name, count))
    return Column(round(x, 1), round(step, 1), week.ends_at, sum(week.messages.values()), bars)


def _labelled(columns: list[Column]) -> list[Column]:
    """The columns that carry a date: the first, one in the middle and the last."""
    return [columns[at] for at in sorted({0, len(columns) // 2, len(columns) - 1})] if columns else []


def ceiling(most: int) -> int:
    """The smallest of 2, 4, 10, 20, 40, 100 … that is not exceeded."""
    top = 2
    while top < most:
        top = top * 5 // 2 if str(top).startswith("4") else top * 2
    return top


def _marks(top: int) -> list[Mark]:
    return [Mark(BOTTOM - (BOTTOM - TOP) * part / 2, top * part // 2) for part in range(3)]


def line(weeks: Sequence[Week]) -> Line:
    """Engagement, 0 to 100."""
    step = (WIDTH - LEFT - 8) / max(len(weeks) - 1, 1)
    points = [
        Point(
            round(LEFT + 4 + step * number, 1),
            round(BOTTOM - (BOTTOM - TOP) * week.engagement / 100, 1),
            week.engagement,
            week.ends_at,
        )
        for number, week in enumerate(weeks)
    ]
    path = " ".join(f"{point.x},{point.y}" for point in points)
    area = f"{points[0].x},{BOTTOM} {path} {points[-1].x},{BOTTOM}" if points else ""
    return Line(points, path, area, _marks(100))
