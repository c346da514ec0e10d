"""docs/guide/segments.md says what the program does."""

import json
import re
from pathlib import Path

import pytest

from orbit_contacts.features.segments import rules
from orbit_contacts.features.segments.faults import InvalidSegmentRules
from orbit_contacts.features.segments.operators import OPERATORS
from orbit_contacts.features.segments.reference import up_to_date
from tests.features.segments.generated import DEFINITIONS

PAGE = (Path(__file__).parents[3] / "docs" / "guide" / "segments.md").read_text()
JSON = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.S)]


def test_the_reference_is_up_to_date() -> None:
    assert up_to_date(PAGE) == PAGE
    assert all(f"| `{name}` |" in PAGE for name in OPERATORS)


@pytest.mark.parametrize("example", [block for block in JSON if "error" not in block])
def test_an_example_is_accepted(example: dict[str, object]) -> None:
    assert rules.read(example, DEFINITIONS, None).children


@pytest.mark.parametrize("text", re.findall(r"`(\{\"[^`…]*\})`", PAGE))
def test_a_rule_in_a_sentence_is_accepted(text: str) -> None:
    rule = json.loads(text)
    if not any(name.startswith("$") for name in rule):
        rules.read(rule if "campaign" not in rule else {"event": {"type": "a", "where": rule}}, DEFINITIONS, None)


def test_the_refusal_is_the_one_shown() -> None:
    (shown,) = [block["error"] for block in JSON if "error" in block]
    with pytest.raises(InvalidSegmentRules) as caught:
        rules.read({"$or": [{"tags": "a"}, {"tagz": "b"}]}, DEFINITIONS, None)
    assert (caught.value.code, caught.value.status, caught.value.message) == (
        shown["code"],
        shown["status"],
        shown["message"],
    )
    assert caught.value.details == shown["details"]
