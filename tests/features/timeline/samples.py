"""Events and the feed for the generated calls, which read a stream to its end."""

from orbit_contacts.features.timeline import feed
from tests.conftest import Client
from tests.generated.samples import Owned, Samples

feed.lifetime_seconds = 0.05
feed.POLL_SECONDS = 0.02


def an_event(api: Client, own: Owned) -> str:
    return api.data("POST", f"/contacts/{own['con']}/events", {"type": "page.viewed"})["id"]


SAMPLES = Samples(makers={"evt": an_event})
