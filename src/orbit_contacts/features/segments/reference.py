"""The language reference of the guide, made from the tables that parser and compiler read.

`python -m orbit_contacts.features.segments.reference docs/guide/segments.md` brings a page up to date; a test does
not let it fall behind.
"""

import re
import sys
from pathlib import Path

from orbit_contacts.features.segments.behaviours import KEYS
from orbit_contacts.features.segments.fields import ALIASES, FIELDS, MAX_PATH, Field, Kind
from orbit_contacts.features.segments.operands import MAX_TEXT, MAX_VALUES
from orbit_contacts.features.segments.operators import COUNTS, LOGIC, OPERATORS, Operator
from orbit_contacts.features.segments.references import MAX_CHAIN
from orbit_contacts.features.segments.rules import CUSTOM_KINDS, MAX_CONDITIONS, MAX_DEPTH

BEGIN = "<!-- reference: generated from the program's tables -->"
END = "<!-- end of reference -->"


def up_to_date(page: str) -> str:
    """The page with its reference made anew."""
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n{reference()}\n{END}", page, flags=re.S)


def reference() -> str:
    return "\n\n".join((_operators(), _logic(), _fields(), _custom_fields(), _behaviours(), _limits()))


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _operators() -> str:
    rows = [
        (f"`{operator.name}`", _kinds(operator), _shapes(operator), operator.meaning) for operator in OPERATORS.values()
    ]
    return "### Operators\n\n" + _table(("Operator", "On", "Takes", "Meaning"), rows)


def _kinds(operator: Operator) -> str:
    missing = [kind for kind in Kind if kind not in operator.takes]
    if not missing:
        return "any"
    if len(missing) == 1:
        return f"any but {missing[0]}"
    return ", ".join(kind for kind in Kind if kind in operator.takes)


def _shapes(operator: Operator) -> str:
    return " or ".join(dict.fromkeys(operator.takes.values()))


def _logic() -> str:
    return "### Logic\n\n" + _table(("Key", "Meaning"), [(f"`{name}`", meaning) for name, meaning in LOGIC.items()])


def _fields() -> str:
    rows = [(f"`{field.name}`", field.kind, _note(field)) for field in FIELDS.values()]
    keys = f"1-{MAX_PATH} keys, a dot inside a key is written `\\.`"
    rows += [
        ("`metadata.<path>`", Kind.JSON, f"{keys}; also `custom_attributes.` and `attributes.`"),
        ("`custom_fields.<key>`", "by its definition", "see below"),
        ("`preferences.<channel>`", Kind.STATE, "`opted_in`, `opted_out`, `unknown`; true and false are the first two"),
    ]
    return "### Fields\n\n" + _table(("Field", "Kind", "Note"), rows)


def _note(field: Field) -> str:
    aliases = [name for name, meant in ALIASES.items() if meant == field.name and f"`{name}`" not in field.note]
    return "; ".join(filter(None, (field.note, *(f"also `{name}`" for name in aliases))))


def _custom_fields() -> str:
    rows = [(type, kind) for type, kind in CUSTOM_KINDS.items()]
    return "### Custom fields\n\n" + _table(("Type of the definition", "Kind in rules"), rows)


def _behaviours() -> str:
    rows = [(f"`{key}`", meaning) for key, meaning in KEYS.items()]
    counts = ", ".join(f"`{operator}`" for operator in COUNTS)
    return "### Behaviour\n\n" + _table(("Key of `event`", "Meaning"), rows) + f"\n\n`count` takes {counts}."


def _limits() -> str:
    return "### Limits\n\n" + _table(
        ("What", "At most"),
        [
            ("Logic around a condition", f"{MAX_DEPTH} deep"),
            ("Conditions", str(MAX_CONDITIONS)),
            ("Values of one array", str(MAX_VALUES)),
            ("Characters of one text", str(MAX_TEXT)),
            ("Segments that name each other in a row", str(MAX_CHAIN)),
        ],
    )


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(up_to_date(path.read_text()))
