"""The lifecycle stages of a contact over time. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orbit_contacts.core.clock import SECOND, Instant, format_instant
from orbit_contacts.features.timeline.models import Stage, Touchpoint


class Turn(NamedTuple):
    """One change of the lifecycle stage."""

    at: Instant
    old: str | None
    new: str | None


class Course:
    """The stages between `begin` and now, from all turns in the order of their time.

    Late news of an earlier change finds its place by its time. Before the first turn the stage is what that turn
    changed; without any turn it always was the `current` one.
    """

    def __init__(self, begin: Instant, turns: Sequence[Turn], current: str | None) -> None:
        self._stages = [turns[0].old if turns else current]
        self._times = [min(begin, turns[0].at) if turns else begin]
        for turn in turns:
            if turn.new != self._stages[-1]:
                self._stages.append(turn.new)
                self._times.append(turn.at)

    def stage_at(self, instant: Instant) -> str | None:
        """The stage in force; a change counts from its own instant on."""
        return self._stages[max(bisect_right(self._times, instant) - 1, 0)]

    @property
    def changes(self) -> list[Instant]:
        """When the stage changed, oldest first."""
        return self._times[1:]

    def stages(self, now: Instant, touched: Mapping[Instant, Touchpoint]) -> list[Stage]:
        """Every stage with when it was entered and left, and the touchpoint before the change to it; times without a
        stage are left out."""
        return [
            Stage(
                stage=stage,
                entered_at=format_instant(entered),
                exited_at=None if exited is None else format_instant(exited),
                duration_seconds=max((now if exited is None else exited) - entered, 0) // SECOND,
                attributed_to=touched.get(entered),
            )
            for stage, entered, exited in zip(self._stages, self._times, [*self._times[1:], None], strict=True)
            if stage is not None
        ]
