"""Notes for the generated calls."""

from tests.generated.samples import Samples, word

SAMPLES = Samples(
    makers={"note": lambda api, own: api.data("POST", f"/contacts/{own['con']}/notes", {"body": word()})["id"]},
    bodies={"create_note": lambda own: {"body": word()}},
)
