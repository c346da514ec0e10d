"""Reads `event: {…}`: what someone did or did not do, how often and when. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from orbit_contacts.features.segments import operands
from orbit_contacts.features.segments.faults import fault, is_array, is_object
from orbit_contacts.features.segments.fields import Field, Source, json_field, split_path
from orbit_contacts.features.segments.operators import COUNTS, OPERATORS, Operator
from orbit_contacts.features.segments.tree import Condition, Happened, Rule, Times
from orbit_contacts.features.timeline.kinds import CHANNELS, DIRECTIONS, is_type

MAX_COUNT = 1_000_000
MAX_ALTERNATIVES = 20

# The keys of a behaviour and what stands behind them; the language reference reads this table too.
KEYS: dict[str, str] = {
    "type": "The event's type (`message.opened`), or an array of types. Required.",
    "channel": "The event's channel, or an array of channels.",
    "direction": "`inbound` or `outbound`.",
    "within_days": "In the last so many times 24 hours.",
    "older_than_days": "More than so many times 24 hours ago.",
    "after": "At this date or later.",
    "before": "Before this date.",
    "count": 'How often: a number, or comparisons such as `{"$gte": 3}`. At least once when absent.',
    "where": 'Conditions on the event\'s `data`, all of which hold: `{"campaign": "spring"}`.',
}

MakeCondition: TypeAlias = Callable[[Field, Operator, Any, str], Rule]


def read_behaviour(given: Any, path: str, condition: MakeCondition) -> Happened:
    """The behaviour; `condition` reads one operator on one field. Raises `InvalidSegmentRules`."""
    if not is_object(given):
        raise fault(path, given, "an object with at least `type`")
    for key in given:
        if key not in KEYS:
            raise fault(f"{path}.{key}", key, "one of " + ", ".join(KEYS))
    types = _texts(given.get("type"), f"{path}.type", "an event type such as message.opened, or an array of them")
    for type in types:
        if not is_type(type):
            raise fault(f"{path}.type", type, "lower-case words joined by dots, such as message.opened")
    return Happened(
        types=types,
        path=path,
        channels=_of(CHANNELS, given, "channel", path),
        directions=_of(DIRECTIONS, given, "direction", path),
        within_days=_days(given, "within_days", path),
        older_than_days=_days(given, "older_than_days", path),
        after=_date(given, "after", path),
        before=_date(given, "before", path),
        where=_where(given.get("where"), f"{path}.where", condition),
        times=_times(given["count"], f"{path}.count") if "count" in given else Times(),
    )


def _texts(given: Any, path: str, expected: str) -> tuple[str, ...]:
    texts = given if is_array(given) else [given]
    if not 1 <= len(texts) <= MAX_ALTERNATIVES or not all(isinstance(t, str) and 1 <= len(t) <= 100 for t in texts):
        raise fault(path, given, expected)
    return tuple(dict.fromkeys(texts))


def _of(known: Sequence[str], given: dict[str, Any], key: str, path: str) -> tuple[str, ...]:
    """One or several of the known words; none when the key is absent."""
    if key not in given:
        return ()
    expected = "one or an array of " + ", ".join(known)
    found = _texts(given[key], f"{path}.{key}", expected)
    if any(word not in known for word in found):
        raise fault(f"{path}.{key}", given[key], expected)
    return found


def _days(given: dict[str, Any], key: str, path: str) -> float | None:
    return _read(operands.days, given[key], f"{path}.{key}") if key in given else None


def _date(given: dict[str, Any], key: str, path: str) -> int | None:
    return _read(operands.date, given[key], f"{path}.{key}") if key in given else None


def _read(read: Callable[[Any], Any], value: Any, path: str) -> Any:
    try:
        return read(value)
    except operands.Unfit as unfit:
        raise fault(path, value, unfit.expected) from None


def _where(given: Any, path: str, condition: MakeCondition) -> tuple[Condition, ...]:
    if given is None:
        return ()
    if not is_object(given) or not given:
        raise fault(path, given, "an object of conditions on the event's data")
    found: list[Condition] = []
    for name, value in given.items():
        keys = split_path(name)
        if keys is None:
            raise fault(f"{path}.{name}", name, "a path of 1-5 keys, separated by dots")
        field = json_field(Source.EVENT_DATA, keys)
        asked = value if is_object(value) else {"$in" if is_array(value) else "$eq": value}
        if not asked:
            raise fault(f"{path}.{name}", value, "an object with at least one operator")
        for operator, operand in asked.items():
            if operator not in OPERATORS or field.kind not in OPERATORS[operator].takes:
                raise fault(f"{path}.{name}.{operator}", operator, "an operator for values: " + ", ".join(OPERATORS))
            made = condition(field, OPERATORS[operator], operand, f"{path}.{name}.{operator}")
            assert isinstance(made, Condition)
            found.append(made)
    return tuple(found)


def _times(given: Any, path: str) -> Times:
    """A number of times, or comparisons of it, as one interval with holes."""
    asked: dict[str, Any] = given if is_object(given) else {"$eq": given}
    least, most, never = 0, None, list[int]()
    for operator, value in asked.items():
        if operator not in COUNTS:
            raise fault(f"{path}.{operator}", operator, "one of " + ", ".join(COUNTS))
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            raise fault(f"{path}.{operator}" if given is asked else path, value, f"a whole number, 0-{MAX_COUNT}")
        lowest, highest = {
            "$eq": (value, value),
            "$gt": (value + 1, None),
            "$gte": (value, None),
            "$lt": (0, value - 1),
            "$lte": (0, value),
        }.get(operator, (0, None))
        least = max(least, lowest)
        if highest is not None:
            most = highest if most is None else min(most, highest)
        if operator == "$ne":
            never.append(value)
    if not asked or (most is not None and most < least):
        raise fault(path, given, "a number of times that is possible")
    return Times(least, most, tuple(never))
