"""`make bench`, or `python -m benchmarks [suite …] [--contacts N] [--events N]`: load the data once, measure, print tables."""

import argparse
import importlib

SUITES = ("contacts", "events", "imports", "segments", "send_gate", "console")
ON_REQUEST = ("crowd", "next_best_action")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "suites",
        nargs="*",
        choices=[[], *SUITES, *ON_REQUEST],
        help=f"of {', '.join(SUITES)}, which are all run when absent; or {', '.join(ON_REQUEST)}",
    )
    parser.add_argument("--contacts", type=int, default=1_000_000, help="contacts of the large workspace")
    parser.add_argument(
        "--events", type=int, default=20_000_000, help="events of that workspace, for the suite `events`"
    )
    parser.add_argument(
        "--directory-events", type=int, default=10_000_000, help="events of the contacts of `segments` and `send_gate`"
    )
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="of each file, for the suites `imports` and `crowd`"
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds of which the median is printed")
    parser.add_argument("--keep", action="store_true", help="keep the loaded data for the next run")
    options = parser.parse_args()
    for name in options.suites or SUITES:
        importlib.import_module(f"benchmarks.{name}").run(options)


if __name__ == "__main__":
    main()
