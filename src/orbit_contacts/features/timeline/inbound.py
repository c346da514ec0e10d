"""Where features above the timeline hear of messages that people sent, in the transaction that records them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from orbit_contacts.core.database import Transaction

# (tx, contact id, channel, data of the event), for each inbound message: e.g. keywords such as STOP.
received: list[Callable[[Transaction, UUID, str, dict[str, Any]], Awaitable[None]]] = []
