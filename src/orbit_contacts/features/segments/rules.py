"""Reads a rule as callers write it into a typed tree, or says exactly what is wrong with it and where. Pure.

A stored rule is read again at each evaluation. What was fine when it was stored can have become unreadable since
(a custom field was removed, or has another type now); such a condition holds for nobody, and the rest still works.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from orbit_contacts.core.errors import Refusal
from orbit_contacts.core.faults import all_faults
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.segments import operands
from orbit_contacts.features.segments.behaviours import read_behaviour
from orbit_contacts.features.segments.faults import InvalidSegmentRules, fault, is_array, is_object
from orbit_contacts.features.segments.fields import (
    ALIASES,
    FIELDS,
    MAPS,
    Field,
    Kind,
    Source,
    consent_field,
    json_field,
    split_path,
)
from orbit_contacts.features.segments.operators import LOGIC, OPERATORS, Operator
from orbit_contacts.features.segments.tree import (
    AllOf,
    AnyOf,
    Condition,
    InSegment,
    Not,
    Operand,
    Rule,
    Unreadable,
    conditions_in,
)

MAX_DEPTH = 5
MAX_CONDITIONS = 100

# Types of custom field definitions, and how their values compare.
CUSTOM_KINDS = {
    "text": Kind.TEXT,
    "select": Kind.TEXT,
    "url": Kind.TEXT,
    "email": Kind.TEXT,
    "phone": Kind.TEXT,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "datetime": Kind.DATE,
    "multi_select": Kind.TEXTS,
}


def read(rules: Any, definitions: Mapping[str, str], region: str | None) -> AllOf:
    """The tree of a rule that a caller sent. Raises `InvalidSegmentRules`, with every fault in `details.errors`.

    `definitions` are the types of the workspace's custom fields by key, `region` is its default for phone numbers.
    """
    reading = _Reading(definitions, region, stored=False)
    tree = reading.rule({} if rules is None else rules, "rules", 0)
    if (count := conditions_in(tree)) > MAX_CONDITIONS:
        reading.faults.append(fault("rules", count, f"at most {MAX_CONDITIONS} conditions"))
    if reading.faults:
        raise all_faults(list[Refusal](reading.faults))
    return tree


def read_stored(rules: Any, definitions: Mapping[str, str], region: str | None) -> AllOf:
    """The tree of a rule that was accepted before; what cannot be read any more becomes `Unreadable`."""
    return _Reading(definitions, region, stored=True).rule(rules, "rules", 0)


class _Reading:
    def __init__(self, definitions: Mapping[str, str], region: str | None, *, stored: bool) -> None:
        self.definitions = definitions
        self.region = region
        self.stored = stored
        self.faults: list[InvalidSegmentRules] = []

    def rule(self, rule: Any, path: str, depth: int) -> AllOf:
        """An object whose keys are fields, logic or `event`, all of which hold."""
        if depth > MAX_DEPTH:
            self.faults.append(fault(path, depth, f"nested at most {MAX_DEPTH} deep"))
            return AllOf((), path)
        if not is_object(rule):
            self.faults.append(fault(path, rule, "an object of fields, $and, $or, $nor, $not and event"))
            return AllOf((), path)
        children: list[Rule] = []
        for name, value in rule.items():
            at = f"{path}.{name}"
            if name in LOGIC:
                children.append(self.logic(name, value, at, depth))
            elif name == "event":
                self.leaf(children, at, name, lambda value=value, at=at: read_behaviour(value, at, self.condition))
            else:
                self.field(children, name, value, at, depth)
        return AllOf(tuple(children), path)

    def logic(self, name: str, value: Any, path: str, depth: int) -> Rule:
        if name == "$not":
            return Not(self.rule(value, path, depth + 1), path)
        if not is_array(value) or not value:
            self.faults.append(fault(path, value, "an array of one or more rules"))
            return AllOf((), path)
        children = tuple(self.rule(rule, f"{path}[{index}]", depth + 1) for index, rule in enumerate(value))
        match name:
            case "$and":
                return AllOf(children, path)
            case "$or":
                return AnyOf(children, path)
            case _:
                return Not(AnyOf(children, path), path)

    def field(self, children: list[Rule], name: str, value: Any, path: str, depth: int) -> None:
        """`field: value` or `field: {operators}`."""
        try:
            field = self.find_field(name, path)
        except InvalidSegmentRules as refusal:
            self.refuse(children, refusal, name, path)
            return
        if is_object(value):
            self.operators(children, field, value, path, depth)
        else:
            operator = OPERATORS["$in" if is_array(value) else "$eq"]
            self.leaf(children, path, field.name, lambda: self.condition(field, operator, value, path))

    def operators(self, children: list[Rule], field: Field, given: dict[str, Any], path: str, depth: int) -> None:
        if not given:
            self.faults.append(fault(path, given, "an object with at least one operator"))
        for name, operand in given.items():
            at = f"{path}.{name}"
            operator = OPERATORS.get(name)
            if name == "$not" and is_object(operand) and depth < MAX_DEPTH:
                negated: list[Rule] = []
                self.operators(negated, field, operand, at, depth + 1)
                children.append(Not(AllOf(tuple(negated), at), at))
            elif operator is None or field.kind not in operator.takes:
                allowed = ", ".join(o.name for o in OPERATORS.values() if field.kind in o.takes)
                refusal = fault(at, name, f"an operator for `{field.name}` ({field.kind}): {allowed}")
                self.refuse(children, refusal, name, at)
            else:
                self.leaf(
                    children,
                    at,
                    field.name,
                    lambda operator=operator, operand=operand, at=at: self.condition(field, operator, operand, at),
                )

    def leaf(self, children: list[Rule], path: str, name: str, make: Callable[[], Rule]) -> None:
        try:
            children.append(make())
        except InvalidSegmentRules as refusal:
            self.refuse(children, refusal, name, path)

    def refuse(self, children: list[Rule], refusal: InvalidSegmentRules, name: str, path: str) -> None:
        if self.stored:
            children.append(Unreadable(name, path))
        else:
            self.faults.append(refusal)

    def find_field(self, name: str, path: str) -> Field:
        """The field of this name, with its path and its kind. Raises `InvalidSegmentRules`."""
        head, dot, rest = name.partition(".")
        head = ALIASES.get(head, head)
        if not dot and head in FIELDS:
            return FIELDS[head]
        if not dot or head not in MAPS:
            raise fault(path, name, _known_fields(name))
        keys = split_path(rest)
        if keys is None:
            raise fault(path, name, "a path of 1-5 keys, separated by dots (a dot inside a key is written `\\.`)")
        match head:
            case "metadata":
                return json_field(Source.METADATA, keys)
            case "preferences":
                if len(keys) == 1 and keys[0] in CHANNELS:
                    return consent_field(keys[0])
                raise fault(path, name, "preferences.<channel>, one of " + ", ".join(CHANNELS))
            case _:
                type = self.definitions.get(keys[0]) if len(keys) == 1 else None
                if type is None:
                    raise fault(path, name, "custom_fields.<key> with the key of a custom field you defined")
                return json_field(Source.CUSTOM_FIELDS, keys, CUSTOM_KINDS[type], type)

    def condition(self, field: Field, operator: Operator, given: Any, path: str) -> Rule:
        """One operator on one field. Raises `InvalidSegmentRules`."""
        try:
            operand, is_date = operands.read(field, operator.takes[field.kind], given, self.region)
        except operands.Unfit as unfit:
            raise fault(path + unfit.at, unfit.value, unfit.expected) from None
        if field.source is Source.SEGMENTS:
            return self.membership(operator, operand, path)
        return Condition(field, operator, operand, path, is_date)

    def membership(self, operator: Operator, operand: Operand, path: str) -> Rule:
        """`segments` is no stored array: each segment named is a rule to hold."""
        named = operand if isinstance(operand, tuple) else (operand,)
        segments = tuple(InSegment(id, path) for id in named if isinstance(id, UUID))
        rule = AllOf(segments, path) if operator.base == "contains_all" else AnyOf(segments, path)
        return Not(rule, path) if operator.negated else rule


def _known_fields(name: str) -> str:
    names = [*FIELDS, *ALIASES, "metadata.", "custom_fields.", "preferences.", *LOGIC, "event"]
    close = get_close_matches(name, names, 1)
    hint = f"did you mean `{close[0]}`?" if close else "metadata.<path>, custom_fields.<key> and preferences.<channel>"
    return f"a field of a contact ({hint})"
