"""Tags for the generated calls."""

from tests.generated.samples import Samples

SAMPLES = Samples(paths={("remove_tag", "tag"): lambda own: "kept"})
