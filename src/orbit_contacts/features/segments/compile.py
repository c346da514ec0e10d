"""A rule as one bound SQL condition over `contacts c`. Pure.

Negations are pushed down to the leaves (NULL counts as false, so the two-valued laws hold), then:

* what the contact's own row answers stays one boolean expression, which the GIN and btree indexes can serve;
* EXISTS and NOT EXISTS stand at the top of a conjunction, where they become hash joins;
* an OR with such a part becomes a semi-join with the union of its branches. Left inside the OR it would be a
  subplan run for every contact as soon as its hash table did not fit in memory (measured: 50 s instead of 1.5).
"""

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

from orbit_contacts.core.where import Where
from orbit_contacts.features.segments import conditions, joins
from orbit_contacts.features.segments.binding import Binder, Scope
from orbit_contacts.features.segments.faults import fault
from orbit_contacts.features.segments.tree import (
    Active,
    AllOf,
    AnyOf,
    Condition,
    Consents,
    Happened,
    InSegment,
    Not,
    OnList,
    Rule,
)


def compile_rule(rule: Rule, where: Where, scope: Scope) -> bool:
    """Add the rule to a statement over `contacts c` that is bound to the caller's cells and to live contacts.

    Gives whether a part of it is worked out over all contacts before the first one is found: groups and unions.
    Raises `InvalidSegmentRules` when the rule, with the segments it names, holds more values than a statement takes.
    """
    binder = Binder(where, scope)
    try:
        for condition in _Compiler(binder).conjunction(rule, True):
            where.add(condition)
        if binder.wants_workspace and not scope.has_nearly_all:
            where.add(binder.workspace("c"))
    except ValueError:
        raise fault("rules", None, "fewer values, with those of the segments it names") from None
    return binder.works_ahead


class _Compiler:
    def __init__(self, binder: Binder) -> None:
        self._b = binder

    def conjunction(self, rule: Rule, positive: bool) -> list[LiteralString]:
        """Conditions that all hold exactly when the rule does (or, if not `positive`, does not)."""
        match rule:
            case AllOf() if positive:
                return [text for child in rule.children for text in self.conjunction(child, True)]
            case AnyOf() if not positive:
                return [text for child in rule.children for text in self.conjunction(child, False)]
            case AllOf() | AnyOf():
                return self.disjunction(rule.children, positive)
            case Not():
                return self.conjunction(rule.child, not positive)
            case InSegment():
                return self.conjunction(self._b.scope.segments[rule.segment_id], positive)
            case Condition() if rule.field.source in joins.SOURCES:
                expanded = joins.expand(rule)
                return self.conjunction(expanded, positive != rule.operator.negated)
            case Condition():
                found = conditions.sql(self._b, rule)
                return [found if positive != rule.operator.negated else "(" + found + ") IS NOT TRUE"]
            case Happened() | OnList() | Consents() | Active():
                return [joins.exists(self._b, rule, positive)]
            case _:
                return ["FALSE" if positive else "TRUE"]

    def disjunction(self, children: Sequence[Rule], positive: bool) -> list[LiteralString]:
        if not children:
            return ["FALSE"]
        if len(children) == 1:
            return self.conjunction(children[0], positive)
        own = [child for child in children if not has_join(child, self._b.scope.segments)]
        joined = [child for child in children if has_join(child, self._b.scope.segments)]
        alternatives: LiteralString = "(" + " OR ".join([self.together(child, positive) for child in own]) + ")"
        if not joined:
            return [alternatives]
        self._b.works_ahead = True
        branches: list[LiteralString] = [self.branch(self.together(child, positive)) for child in joined]
        if own:
            branches.insert(0, self.branch(alternatives))
        union: LiteralString = " UNION ALL ".join(branches)
        return ["EXISTS (SELECT FROM (" + union + ") u WHERE u.cell_id = c.cell_id AND u.id = c.id)"]

    def together(self, rule: Rule, positive: bool) -> LiteralString:
        found = self.conjunction(rule, positive)
        return "(" + " AND ".join(found) + ")" if found else "TRUE"

    def branch(self, condition: LiteralString) -> LiteralString:
        """Ids of the live contacts that meet one alternative; its `c` hides the outer one."""
        b = self._b
        return (
            "SELECT c.cell_id, c.id FROM contacts c WHERE "
            + b.cell("c")
            + ("" if b.scope.has_nearly_all else " AND " + b.workspace("c"))
            + " AND c.deleted_at IS NULL AND "
            + condition
            + b.window("c.id")
        )


def has_join(rule: Rule, segments: Mapping[UUID, Rule]) -> bool:
    """Whether the contact's own row does not answer the rule."""
    match rule:
        case AllOf() | AnyOf():
            return any(has_join(child, segments) for child in rule.children)
        case Not():
            return has_join(rule.child, segments)
        case InSegment():
            return has_join(segments[rule.segment_id], segments)
        case Condition():
            return rule.field.source in joins.SOURCES
        case Happened() | OnList() | Consents() | Active():
            return True
        case _:
            return False
