"""Segments that name segments: no circle, and no chain longer than five. Pure."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from orbit_contacts.core import ids
from orbit_contacts.features.segments.faults import fault
from orbit_contacts.features.segments.tree import InSegment, Rule, nodes

MAX_CHAIN = 5

# Which segments each segment names.
Graph = Mapping[UUID, Sequence[UUID]]


def check(graph: Graph, id: UUID, rule: Rule) -> None:
    """That segment `id` may have this rule. `graph` holds the other segments that name any.

    Raises `InvalidSegmentRules` at the place of the reference.
    """
    above = _longest_above(graph, id)
    for node in nodes(rule, InSegment):
        shown = ids.text("seg", node.segment_id)
        below = reachable(graph, node.segment_id)
        if id == node.segment_id or id in below:
            raise fault(node.path, shown, "a segment that does not itself depend on this one")
        if above + 1 + _longest_below(graph, node.segment_id) > MAX_CHAIN:
            raise fault(node.path, shown, f"segments that name each other at most {MAX_CHAIN} in a row")


def reachable(graph: Graph, id: UUID) -> set[UUID]:
    """The segments that `id` names, directly or through others."""
    found: set[UUID] = set()
    waiting = list(graph.get(id, ()))
    while waiting:
        named = waiting.pop()
        if named not in found:
            found.add(named)
            waiting += graph.get(named, ())
    return found


def dependents(graph: Graph, id: UUID) -> set[UUID]:
    """The segments that name `id`, directly or through others."""
    return {other for other in graph if id in reachable(graph, other)}


def _longest_below(graph: Graph, id: UUID) -> int:
    """References in a row from `id`; the graph has no circle."""
    return max((1 + _longest_below(graph, named) for named in graph.get(id, ())), default=0)


def _longest_above(graph: Graph, id: UUID) -> int:
    """References in a row that end at `id`."""
    return max((1 + _longest_above(graph, other) for other, named in graph.items() if id in named), default=0)
