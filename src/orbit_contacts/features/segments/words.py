"""A rule in plain words: "country is US and lifecycle stage is lead and tags contain enterprise". Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, SECOND, format_instant
from orbit_contacts.features.segments.fields import Kind, Source
from orbit_contacts.features.segments.tree import (
    AllOf,
    AnyOf,
    Condition,
    Happened,
    InSegment,
    Not,
    Rule,
    Times,
    Unreadable,
)

# What lists and segments are called; an id that is missing here is shown as it is.
Names = Mapping[UUID, str]

_VERBS = {
    "eq": ("is", "is not"),
    "in": ("is one of", "is none of"),
    "contains": ("contains", "does not contain"),
    "contains_any": ("contains any of", "contains none of"),
    "contains_all": ("contains all of", "does not contain all of"),
    "starts_with": ("starts with", "does not start with"),
    "ends_with": ("ends with", "does not end with"),
    "gt": ("is over", "is not over"),
    "gte": ("is at least", "is not at least"),
    "lt": ("is under", "is not under"),
    "lte": ("is at most", "is not at most"),
}
_DATE_VERBS = {"gt": "is after", "gte": "is on or after", "lt": "is before", "lte": "is on or before"}
_PLAIN = re.compile(r"[\w.@+:/%-]+")


def say(rule: Rule, names: Names) -> str:
    """The whole rule as one phrase."""
    match rule:
        case AllOf():
            if not rule.children:
                return "every contact"
            return " and ".join(_within(child, names, len(rule.children)) for child in rule.children)
        case AnyOf():
            return " or ".join(_within(child, names, len(rule.children)) for child in rule.children)
        case Not():
            return _say_not(rule.child, names)
        case Condition():
            return say_condition(rule, names)
        case Happened():
            return say_happened(rule)
        case InSegment():
            return f"is in the segment {_name(rule.segment_id, 'seg', names)}"
        case Unreadable():
            return f"a condition on {rule.text} that can no longer be read"
        case _:
            return ""


def _within(child: Rule, names: Names, siblings: int) -> str:
    text = say(child, names)
    return f"({text})" if siblings > 1 and _is_compound(child) else text


def _is_compound(rule: Rule) -> bool:
    if isinstance(rule, AllOf | AnyOf):
        return len(rule.children) > 1 or any(_is_compound(child) for child in rule.children)
    return False


def _say_not(child: Rule, names: Names) -> str:
    match child:
        case AllOf() | AnyOf() if len(child.children) == 1:
            return _say_not(child.children[0], names)
        case InSegment():
            return f"is not in the segment {_name(child.segment_id, 'seg', names)}"
        case Happened() if child.times == Times():
            return say_happened(replace(child, times=Times(0, 0)))
        case _:
            return f"not ({say(child, names)})"


def say_condition(condition: Condition, names: Names) -> str:
    """One condition: its field, what is asked, and of which value."""
    field, base, negated = condition.field, condition.operator.base, condition.operator.negated
    if field.source is Source.LISTS:
        return _say_lists(condition, names)
    plural = field.plural
    if base == "exists":
        verb = "are" if plural else "is"
        return f"{field.words} {verb} {'set' if condition.operand else 'not set'}"
    if base == "within_days":
        return f"{field.words} is within {_last(condition.operand)}"
    if base == "older_than_days":
        return f"{field.words} is more than {_days(condition.operand)} ago"
    if plural:
        return f"{field.words} {_plural(base, negated)} {_shown(condition, names)}"
    verb = _DATE_VERBS[base] if condition.is_date and base in _DATE_VERBS else _VERBS[base][negated]
    return f"{field.words} {verb} {_shown(condition, names)}"


def _plural(base: str, negated: bool) -> str:
    """Tags: several, and each asked for by containing it."""
    asked = {"in": "contain any of", "contains_any": "contain any of", "contains_all": "contain all of"}
    verb = asked.get(base, "contain")
    return f"do not {verb}" if negated else verb


def _say_lists(condition: Condition, names: Names) -> str:
    base, negated = condition.operator.base, condition.operator.negated
    if base == "exists":
        return "is in a list" if condition.operand else "is in no list"
    shown = _shown(condition, names)
    if not isinstance(condition.operand, tuple) or len(condition.operand) == 1:
        return f"is {'not ' if negated else ''}in the list {shown}"
    which = "all" if base == "contains_all" else "none" if negated else "one"
    return f"is in {which} of the lists {shown}"


def say_happened(happened: Happened) -> str:
    """`message.opened on email at least 3 times in the last 30 days`."""
    parts = [" or ".join(happened.types)]
    if happened.channels:
        parts.append("on " + " or ".join(happened.channels))
    if happened.directions:
        parts.append("(" + " or ".join(happened.directions) + ")")
    if happened.where:
        parts.append("with " + " and ".join(say_condition(condition, {}) for condition in happened.where))
    parts.append(say_times(happened.times))
    if happened.within_days is not None:
        parts.append(f"in {_last(happened.within_days)}")
    if happened.older_than_days is not None:
        parts.append(f"more than {_days(happened.older_than_days)} ago")
    if happened.after is not None:
        parts.append(f"since {_instant(happened.after)}")
    if happened.before is not None:
        parts.append(f"before {_instant(happened.before)}")
    return " ".join(parts)


def say_times(times: Times) -> str:
    """`at least once`, `never`, `2 to 5 times`."""
    least, most = times.least, times.most
    if most is not None and least == most:
        text = "never" if most == 0 else f"exactly {_count(most)}"
    elif most is None:
        text = "any number of times" if least == 0 else f"at least {_count(least)}"
    else:
        text = f"at most {_count(most)}" if least == 0 else f"{least} to {most} times"
    return text + "".join(f", not {_count(never)}" for never in times.never)


def _count(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _last(days: Any) -> str:
    return "the last day" if days == 1 else f"the last {_days(days)}"


def _days(days: Any) -> str:
    return "1 day" if days == 1 else f"{days:g} days"


def _shown(condition: Condition, names: Names) -> str:
    operand = condition.operand
    values = operand if isinstance(operand, tuple) else (operand,)
    return ", ".join(_value(condition, value, names) for value in values)


def _value(condition: Condition, value: Any, names: Names) -> str:
    match condition.field.kind:
        case Kind.LISTS:
            return _name(value, "lst", names)
        case Kind.ID:
            return ids.contact_text(value)
        case _ if condition.is_date:
            return _instant(value)
        case _ if isinstance(value, bool):
            return "true" if value else "false"
        case Kind.STATE:
            return str(value).replace("_", " ")
        case _:
            text = str(value)
            return text if not isinstance(value, str) or _PLAIN.fullmatch(text) else f'"{text}"'


def _instant(instant: int) -> str:
    text = format_instant(instant)
    return text[:10] if instant % DAY < SECOND else text


def _name(id: UUID, prefix: str, names: Names) -> str:
    name = names.get(id)
    if name is None:
        return ids.text(prefix, id)
    return name if _PLAIN.fullmatch(name) else f'"{name}"'
