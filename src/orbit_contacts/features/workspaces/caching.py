"""Who keeps callers in this process: they are told of a change before the request that makes it is answered.

Other processes hear of it by NOTIFY, some milliseconds after the commit.
"""

from typing import Protocol
from weakref import WeakSet


class Keeper(Protocol):
    """Keeps callers for a while."""

    def distrust(self) -> None:
        """Forget them all, and keep none while the change is being committed."""
        ...


keepers: WeakSet[Keeper] = WeakSet()


def callers_changed() -> None:
    """A key, or something that every caller of a workspace holds, is about to change."""
    for keeper in keepers:
        keeper.distrust()
