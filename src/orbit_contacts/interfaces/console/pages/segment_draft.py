"""A rule of a segment as the fields of a form: groups of conditions, each all, any or none. Pure.

`m` is how the groups combine, `g0.m` how the conditions of the first group do, `g0.r0.field`, `.op` and `.value` its
first condition; one on what somebody did has `.did`, `.type`, `.channel`, `.count_op`, `.count` and `.days`. Rules of
another shape (deeper nesting, conditions on an event's data) are edited as JSON.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from orbit_contacts.features.segments.fields import FIELDS, Kind
from orbit_contacts.features.segments.operators import COUNTS, OPERATORS
from orbit_contacts.features.segments.rules import CUSTOM_KINDS

MAX_GROUPS, MAX_RULES = 10, 20
EVENT = "event"
METADATA = "metadata."
_COMBINE = {"all": "$and", "any": "$or", "none": "$nor"}
_LISTS = frozenset({"$in", "$nin", "$contains_any", "$contains_all"})
_DAYS = frozenset({"$within_days", "$older_than_days"})
_BEHAVIOUR = frozenset({"type", "channel", "count", "within_days"})


class Line(msgspec.Struct):
    """One condition. With the field `event` it is one on what somebody did, and the second half says what."""

    field: str = "lifecycle_stage"
    op: str = "$eq"
    value: str = ""
    did: bool = True
    type: str = ""
    channel: str = ""
    count_op: str = "$gte"
    count: str = ""
    days: str = ""


class Group(msgspec.Struct):
    match: str = "all"
    lines: list[Line] = []


class Draft(msgspec.Struct):
    match: str = "all"
    groups: list[Group] = []


def read_form(form: Mapping[str, str]) -> Draft:
    """The draft in a form; gaps in the numbering are closed."""
    draft = Draft(_match(form.get("m")))
    for g in range(MAX_GROUPS):
        lines = [_read_line(form, f"g{g}.r{r}") for r in range(MAX_RULES) if f"g{g}.r{r}.field" in form]
        if lines:
            draft.groups.append(Group(_match(form.get(f"g{g}.m")), lines))
    return draft


def _match(text: str | None) -> str:
    return text if text in _COMBINE else "all"


def _read_line(form: Mapping[str, str], at: str) -> Line:
    def text(name: str) -> str:
        return form.get(f"{at}.{name}", "").strip()

    field = text("field")
    if field == EVENT:
        count_op = text("count_op")
        return Line(
            EVENT,
            did=text("did") != "no",
            type=text("type") or "message.opened",
            channel=text("channel"),
            count_op=count_op if count_op in COUNTS and text("count") else "$gte",
            count=text("count"),
            days=text("days"),
        )
    if field == METADATA:
        field += text("path")
    return Line(field, text("op") or "$eq", text("value"))


def kind_of(field: str, custom: Mapping[str, str]) -> Kind:
    """How the values of a field compare; `custom` are the types of custom fields by key."""
    head, _, rest = field.partition(".")
    if head == "preferences":
        return Kind.STATE
    if head == "custom_fields":
        return CUSTOM_KINDS.get(custom.get(rest, ""), Kind.JSON)
    return FIELDS[field].kind if field in FIELDS else Kind.JSON


def operators_of(kind: Kind) -> list[str]:
    """The operators that values of this kind take."""
    return [name for name, operator in OPERATORS.items() if kind in operator.takes]


def fit(draft: Draft, custom: Mapping[str, str]) -> None:
    """After a field was changed: an operator it does not take becomes the first that it takes."""
    for line in (line for group in draft.groups for line in group.lines if line.field != EVENT):
        known = operators_of(kind_of(line.field, custom))
        if line.op not in known:
            line.op, line.value = known[0], ""


def press(draft: Draft, button: str) -> None:
    """What a button of the builder does: `add-group`, `add:0`, `remove:0:1`."""
    name, *numbers = button.split(":")
    at = [int(number) for number in numbers if number.isdecimal()]
    if name == "add-group" and len(draft.groups) < MAX_GROUPS:
        draft.groups.append(Group(lines=[Line()]))
    elif name == "add" and len(at) == 1 and at[0] < len(draft.groups) and len(draft.groups[at[0]].lines) < MAX_RULES:
        draft.groups[at[0]].lines.append(Line())
    elif name == "remove" and len(at) == 2 and at[0] < len(draft.groups) and at[1] < len(draft.groups[at[0]].lines):
        del draft.groups[at[0]].lines[at[1]]
        draft.groups = [group for group in draft.groups if group.lines]


def to_rules(draft: Draft) -> dict[str, Any]:
    """The rule document; no condition at all is every contact."""
    groups = [{_COMBINE[group.match]: [_rule(line) for line in group.lines]} for group in draft.groups]
    return {_COMBINE[draft.match]: groups} if groups else {}


def _rule(line: Line) -> dict[str, Any]:
    if line.field != EVENT:
        return {line.field: {line.op: _value(line)}}
    types = [part.strip() for part in line.type.split(",") if part.strip()]
    behaviour: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if line.channel:
        behaviour["channel"] = line.channel
    if line.count:
        behaviour["count"] = {line.count_op: _number(line.count)}
    if line.days:
        behaviour["within_days"] = _number(line.days)
    return {EVENT: behaviour} if line.did else {"$not": {EVENT: behaviour}}


def _value(line: Line) -> Any:
    """The value as the operator and field take it; what cannot be read stays text, for the service to refuse."""
    text = line.value
    if line.op == "$exists":
        return text != "false"
    if line.op in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    kind = FIELDS[line.field].kind if line.field in FIELDS else None
    if kind is Kind.BOOLEAN:
        return {"true": True, "false": False, "": True}.get(text, text)
    is_json = line.field.startswith(("custom_fields.", "metadata."))
    if line.op in _DAYS or kind is Kind.NUMBER or is_json:
        return _number(text)
    return text


def _number(text: str) -> int | float | bool | str:
    try:
        return msgspec.json.decode(text, type=int | float | bool | str)
    except msgspec.MsgspecError:
        return text


def from_rules(rules: Any) -> Draft | None:
    """The draft of a rule document, or None when the form cannot show it."""
    if rules == {}:
        return Draft()
    outer = _combined(rules)
    if outer is None:
        # One plain map of conditions: `{"country_code": "US", "tags": {"$contains": "vip"}}`.
        lines = _lines([{name: rules[name]} for name in rules]) if isinstance(rules, dict) else None  # pyright: ignore[reportUnknownVariableType]
        return None if lines is None else Draft(groups=[Group(lines=lines)])
    draft = Draft(outer[0])
    for child in outer[1]:
        inner = _combined(child)
        lines = _lines(inner[1]) if inner else _lines([child])
        if lines is None:
            return None
        draft.groups.append(Group(inner[0] if inner else "all", lines))
    return draft


def _combined(rules: Any) -> tuple[str, list[Any]] | None:
    for match, name in _COMBINE.items():
        if isinstance(rules, dict) and list(rules) == [name]:  # pyright: ignore[reportUnknownArgumentType]
            return match, msgspec.convert(rules[name], list[Any])
    return None


def _lines(children: list[Any]) -> list[Line] | None:
    lines: list[Line] = []
    for child in children:
        if not isinstance(child, dict) or len(child) != 1:  # pyright: ignore[reportUnknownArgumentType]
            return None
        name, condition = next(iter(msgspec.convert(child, dict[str, Any]).items()))
        if name == EVENT or name == "$not":
            line = _behaviour_line(condition) if name == EVENT else _negated_line(condition)
            if line is None:
                return None
            lines.append(line)
            continue
        if name.startswith("$"):
            return None
        by_operator = isinstance(condition, dict)
        operators = msgspec.convert(condition if by_operator else {"$eq": condition}, dict[str, Any])
        for op, value in operators.items():
            if not op.startswith("$") or op == "$not":
                return None
            lines.append(Line(name, op, _shown(value)))
    return lines


def _negated_line(rule: Any) -> Line | None:
    if not isinstance(rule, dict) or list(rule) != [EVENT]:  # pyright: ignore[reportUnknownArgumentType]
        return None
    line = _behaviour_line(rule[EVENT])
    if line is not None:
        line.did = False
    return line


def _behaviour_line(given: Any) -> Line | None:
    if not isinstance(given, dict) or "type" not in given:
        return None
    behaviour = msgspec.convert(given, dict[str, Any])
    channel = behaviour.get("channel", "")
    if behaviour.keys() - _BEHAVIOUR or not isinstance(channel, str):
        return None
    line = Line(EVENT, type=_shown(behaviour["type"]), channel=channel, days=_shown(behaviour.get("within_days", "")))
    count = behaviour.get("count")
    if isinstance(count, dict):
        if len(count) != 1:  # pyright: ignore[reportUnknownArgumentType]
            return None
        line.count_op, number = next(iter(msgspec.convert(count, dict[str, Any]).items()))
        line.count = _shown(number)
    elif count is not None:
        line.count_op, line.count = "$eq", _shown(count)
    return line


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in msgspec.convert(value, list[Any]))
    return str(value).lower() if isinstance(value, bool) else str(value)
