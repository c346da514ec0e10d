"""Next best action end to end: `python -m benchmarks.next_best_action_http [family …] [--contacts N] [--sends N]`.

Worlds with planted truth are told to a server of its own through the API (contacts, consent, shuffled events) and asked
about with `GET …/next-best-action?explore=false`, before and after a fit; the channel and hour of every answer are held
against the truth. `ORBIT_DATABASE_URL` names a migrated database of this version that may be written to.
"""

import argparse
import asyncio
import os
import time
from dataclasses import replace

import numpy as np

from orbit_contacts.core.clock import now as clock
from orbit_contacts.core.database import Database
from orbit_contacts.features.next_best_action import fitting
from orbit_contacts.features.next_best_action.model import Model
from orbit_contacts.features.next_best_action.schedule import QUARTER
from tests.conftest import Server, Workspace, make_workspace
from tests.features.next_best_action.families import FAMILIES
from tests.features.next_best_action.figures import baselines, judge, see
from tests.features.next_best_action.planted import answers, captured, cell, plant, send
from tests.features.next_best_action.worlds import world


async def fit(dsn: str, workspace: Workspace) -> Model | None:
    database = Database(dsn, size=2, ad_hoc_size=1)
    try:
        async with database.transaction(workspace.caller) as tx:
            return await fitting.fit(tx)
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=["mixed", "channels", "misleading"])
    parser.add_argument("--contacts", type=int, default=400)
    parser.add_argument("--sends", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    dsn = os.environ["ORBIT_DATABASE_URL"]
    server = Server(dsn).start()
    print("family       seed  prior  fitted  by itself  popular  last | events told/s  answer ms")
    try:
        for name in options.families:
            for seed in range(1700, 1700 + options.seeds):
                recipe = replace(FAMILIES[name], contacts=options.contacts, sends=options.sends)
                now = clock() // QUARTER * QUARTER
                of = world(recipe, seed, now)
                workspace = asyncio.run(make_workspace(dsn, server.url))
                begun = time.monotonic()
                people = plant(workspace.api, of)
                told = time.monotonic() - begun
                before = [cell(send(one)) for one in answers(workspace.api, people)]
                model = asyncio.run(fit(dsn, workspace))
                begun = time.monotonic()
                after = [cell(send(one)) for one in answers(workspace.api, people)]
                asked = (time.monotonic() - begun) / len(people)
                state, _, _ = see(of, now)
                popular, last = baselines(of, state)
                by_itself = judge(of, model, now).model
                print(
                    f"{name:12} {seed}  {captured(of, np.array(before)):.3f}   {captured(of, np.array(after)):.3f}"
                    f"      {by_itself:.3f}    {captured(of, popular):.3f} {captured(of, last):.3f} |"
                    f" {len(of.events.key) / told:13,.0f}  {1e3 * asked:9.1f}",
                    flush=True,
                )
    finally:
        server.stop()


if __name__ == "__main__":
    main()
