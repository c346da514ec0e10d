"""Where features above join when messages to contacts were sent, in the transaction that records it.

`sent` is filled at import by those who count sends: the send gate, for frequency caps. The events are new (no
duplicates), of type `message.sent` and outbound; `occurred_at` is the instant of the send.
"""

from collections.abc import Awaitable, Callable

from orbit_contacts.core.database import Transaction
from orbit_contacts.features.timeline.models import Event as SentEvent

SENT = "message.sent"

sent: list[Callable[[Transaction, list[SentEvent]], Awaitable[None]]] = []
