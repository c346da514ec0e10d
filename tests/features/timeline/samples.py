"""The feed for the generated calls, which read a stream to its end."""

from orbit_contacts.features.timeline import feed
from tests.generated.samples import Samples

feed.lifetime_seconds = 0.05
feed.POLL_SECONDS = 0.02

SAMPLES = Samples()
