"""The check of a phone number: how long it takes, and that its fast path says what `phonenumbers` says.

python -m benchmarks.phones [--numbers 1000000]
"""

import argparse
import random
from time import perf_counter

import phonenumbers

from orbit_contacts.core.errors import InvalidPhoneNumber
from orbit_contacts.features.contacts.numbering_plans import numbering_plan
from orbit_contacts.features.contacts.phones import parse_phone


def numbers(count: int, seed: int = 1) -> list[str]:
    """E.164 of every calling code: examples of each region and type, with some digits changed or added."""
    source = random.Random(seed)
    examples = [
        phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in sorted(vars(phonenumbers.PhoneNumberType).values(), key=str)
        if isinstance(kind, int) and (example := phonenumbers.example_number_for_type(region, kind)) is not None
    ]
    made: list[str] = []
    while len(made) < count:
        digits = list(source.choice(examples))
        for _ in range(source.randrange(6)):
            digits[source.randrange(2, len(digits))] = source.choice("0123456789")
        if source.random() < 0.05:
            digits += source.choice("0123456789")
        made.append("".join(digits))
    return made


def disagreements(given: list[str]) -> list[str]:
    """Numbers that the fast path accepts and the library reads as another one, or as none."""
    wrong: list[str] = []
    for number in given:
        plan = numbering_plan(number)
        if plan and plan.accepts(number):
            try:
                parsed = phonenumbers.parse(number)
            except phonenumbers.NumberParseException:
                wrong.append(number)
                continue
            same = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
            if not same or not phonenumbers.is_possible_number(parsed):
                wrong.append(number)
    return wrong


def microseconds(count: int = 200_000) -> float:
    """Of one check of a number as most files have them: E.164 that is possible."""
    given = [number for number in numbers(count * 2) if _is_accepted(number)][:count]
    started = perf_counter()
    for number in given:
        parse_phone(number, None)
    return (perf_counter() - started) / len(given) * 1e6


def _is_accepted(number: str) -> bool:
    try:
        parse_phone(number, None)
    except InvalidPhoneNumber:
        return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    options = parser.parse_args()
    given = numbers(options.numbers)
    wrong = disagreements(given)
    print(f"{len(given):,} numbers, {len(wrong)} disagreements {wrong[:5]}, {microseconds():.2f} us for a check")
