"""Events for the generated calls."""

from tests.generated.samples import Samples, word

# Their senders' ids, not ours.
_FOREIGN = ("message_id", "call_id", "ticket_id", "event_id", "anonymous_id", "user_id")

SAMPLES = Samples(
    fields=dict.fromkeys(_FOREIGN),
    bodies={
        "add_events": lambda own: {"events": [{"type": "page.viewed", "contact_id": own["con"]}]},
        "identify": lambda own: {"email": f"{word()}@example.com"},
        "track": lambda own: {"event": "page.viewed", "external_id": word()},
    },
)
