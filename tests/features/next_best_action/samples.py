"""Next best action needs no sample beyond a contact."""

from tests.generated.samples import Samples

SAMPLES = Samples()
