"""The door an event came in by. Pure."""

# How the actors of our own events come in; the command line, the worker and the recipient of a link count as `system`.
_DOORS = {"api_key": "api", "user": "console"}


def door_of(source: str | None, actor: str | None) -> str:
    """What an answer says as `source`: of an event that was told, the door that stored it (api, sdk); of our own, which
    has none, the door of its `actor`, `type:id`."""
    return source or _DOORS.get((actor or "").partition(":")[0], "system")
