"""Where features above the timeline hear of messages that people sent, in the transaction that records them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from orbit_contacts.core.clock import Instant
from orbit_contacts.core.database import Transaction

RECEIVED = "message.received"

# (tx, contact id, channel, data of the event, when it was sent), for each inbound message in the order of their times:
# e.g. keywords such as STOP. It may have been sent long ago, where somebody tells old history.
received: list[Callable[[Transaction, UUID, str, dict[str, Any], Instant], Awaitable[None]]] = []
