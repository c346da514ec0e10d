"""Figures of the next best action: `python -m benchmarks.next_best_action [worlds|rebuild|decision|nightly ...]`.

* `worlds`: value captured, calibration and coverage on worlds with planted truth, by family, before and after a
  workspace's own fit (about five minutes; `--seeds` and `--contacts` make it longer or shorter).
* `rebuild`: 20 M events in chunks of a million, on one core, with the memory it takes.
* `decision`: processor time of one decision over eleven channels.
* `nightly`: a fit on 150,000 sends.
"""

import argparse
import resource
import time
from dataclasses import replace
from typing import Final

import numpy as np

from orbit_contacts.core import ids
from orbit_contacts.features.next_best_action.decision import decide
from orbit_contacts.features.next_best_action.events import CHANNELS
from orbit_contacts.features.next_best_action.model import Predictor, shipped
from orbit_contacts.features.next_best_action.nightly import train
from orbit_contacts.features.next_best_action.rebuild import rebuild
from orbit_contacts.features.next_best_action.scoring import Economics
from orbit_contacts.features.next_best_action.situation import ChannelSituation
from orbit_contacts.features.next_best_action.training import Profile
from tests.features.next_best_action.cast import ANNA, SECRET, anna, workspace_rates
from tests.features.next_best_action.cast import NOW as ASKED
from tests.features.next_best_action.families import FAMILIES, Recipe
from tests.features.next_best_action.figures import Figures, fitted, judge
from tests.features.next_best_action.worlds import NOW, world

EVENTS: Final = 20_000_000


def worlds(seeds: int, contacts: int) -> None:
    """Mean figures by family; the least margin of any seed."""
    print(
        f"{'family':12} {'sends':>5} {'fit':>4}  model popular  last  least margin | cold  popular | error chosen cover"
    )
    for name, recipe in FAMILIES.items():
        for sends in (10.0, 3.0):
            drawn = [world(replace(recipe, sends=sends, contacts=contacts), 2000 + seed) for seed in range(seeds)]
            _row(name, sends, "no", [judge(one) for one in drawn])
            _row(name, sends, "yes", [judge(one, fitted(one)) for one in drawn])


def _row(name: str, sends: float, fit: str, figures: list[Figures]) -> None:
    def mean(column: str) -> float:
        return float(np.mean([getattr(one, column) for one in figures]))

    print(
        f"{name:12} {sends:5.0f} {fit:>4}  {mean('model'):.3f}   {mean('popular'):.3f} {mean('last'):.3f}"
        f"        {min(one.margin for one in figures):+.3f} | {mean('cold_model'):.3f}   {mean('cold_popular'):.3f} | "
        f"{mean('calibration'):.3f}  {mean('chosen_calibration'):.3f} {mean('coverage'):.3f}",
        flush=True,
    )


def rebuilding() -> None:
    """Time and memory of a rebuild, and of a tenth of it, which needs as much memory."""
    chunk = world(Recipe(contacts=42_000, zones=5), 3000)
    events = chunk.events.where(np.argsort(chunk.events.contact, kind="stable"))
    size = len(events.key)
    for amount in (EVENTS // 10, EVENTS):
        begin, done = time.process_time(), 0
        slots = np.zeros((len(CHANNELS), 16))
        while done < amount:
            state, _ = rebuild(events, chunk.contacts, NOW)
            slots += state.workspace_trials
            done += size
        spent = time.process_time() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"rebuild of {done:,} events in chunks of {size:,}: {spent:.1f} s, peak {peak:.0f} MB")


def deciding() -> None:
    """Median processor time of a decision on eleven open channels, two kinds of quiet hours, reasons included."""
    open_ = {
        index: ChannelSituation("opted_in", has_address=True, open_minutes=(480, 1260) if index % 2 else None)
        for index in range(len(CHANNELS))
    }
    of, under, predictor = anna(open_), workspace_rates(), Predictor(shipped())
    decision, economics = ids.mint(ASKED), Economics()
    spent: list[float] = []
    for _ in range(500):
        begin = time.process_time()
        decide(of, under, predictor, economics, SECRET, ASKED, decision)
        spent.append(time.process_time() - begin)
    low, middle, high = np.quantile(spent, [0.05, 0.5, 0.95]) * 1e3
    print(f"decision: {middle:.2f} ms ({low:.2f} to {high:.2f}) of processor time; contact {ids.contact_text(ANNA)}")


def nightly() -> None:
    """A fit on about 150,000 sends of 15,000 contacts."""
    one = world(Recipe(contacts=15_500, days=95.0), 3001)
    profile = Profile(one.lead.astype(float), one.customer.astype(float), one.owned)
    begin = time.process_time()
    model = train(one.events, one.contacts, profile, NOW, "benchmark")
    spent = time.process_time() - begin
    promoted = model.card is not None and model.card.gate.promoted
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"nightly fit on {model.sends:,} sends: {spent:.1f} s, peak {peak:.0f} MB, promoted: {promoted}")


def run(_: argparse.Namespace) -> None:
    """The full table of worlds, as a suite of `python -m benchmarks`."""
    worlds(seeds=8, contacts=900)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["decision", "rebuild", "nightly", "worlds"])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--contacts", type=int, default=900)
    options = parser.parse_args()
    for part in options.parts:
        if part == "worlds":
            worlds(options.seeds, options.contacts)
        else:
            {"rebuild": rebuilding, "decision": deciding, "nightly": nightly}[part]()


if __name__ == "__main__":
    main()
