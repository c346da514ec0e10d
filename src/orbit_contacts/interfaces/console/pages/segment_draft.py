"""A rule of a segment as the fields of a form: groups of conditions, each all or any. Pure.

`m` is how the groups combine, `g0.m` how the conditions of the first group do, `g0.r0.field`, `.op` and `.value` its
first condition. Rules of another shape (behaviour, deeper nesting) are edited as JSON.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from orbit_contacts.features.segments.fields import FIELDS, Kind

MAX_GROUPS, MAX_RULES = 10, 20
_COMBINE = {"all": "$and", "any": "$or"}
_LISTS = frozenset({"$in", "$nin", "$contains_any", "$contains_all"})
_DAYS = frozenset({"$within_days", "$older_than_days"})


class Line(msgspec.Struct):
    field: str = "lifecycle_stage"
    op: str = "$eq"
    value: str = ""


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
        lines = [
            Line(form[f"g{g}.r{r}.field"], form.get(f"g{g}.r{r}.op", "$eq"), form.get(f"g{g}.r{r}.value", "").strip())
            for r in range(MAX_RULES)
            if f"g{g}.r{r}.field" in form
        ]
        if lines:
            draft.groups.append(Group(_match(form.get(f"g{g}.m")), lines))
    return draft


def _match(text: str | None) -> str:
    return "any" if text == "any" else "all"


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
    groups = [
        {_COMBINE[group.match]: [{line.field: {line.op: _value(line)}} for line in group.lines]}
        for group in draft.groups
    ]
    return {_COMBINE[draft.match]: groups} if groups else {}


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
        if name.startswith("$") or name == "event":
            return None
        by_operator = isinstance(condition, dict)
        operators = msgspec.convert(condition if by_operator else {"$eq": condition}, dict[str, Any])
        for op, value in operators.items():
            if not op.startswith("$") or op == "$not":
                return None
            lines.append(Line(name, op, _shown(value)))
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in msgspec.convert(value, list[Any]))
    return str(value).lower() if isinstance(value, bool) else str(value)
