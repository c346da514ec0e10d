"""Which column is which field: a proposal for a person to confirm, with its confidence and its reason."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import msgspec
import pycountry

from orbit_contacts.features.imports.cell_text import clean_code, clean_header
from orbit_contacts.features.imports.contact_fields import is_field
from orbit_contacts.features.imports.products import PHONE_ORDER, PRODUCTS, Product
from orbit_contacts.features.imports.synonyms import SYNONYMS

SNIFFED_ROWS = 200

_SEVERAL = frozenset(("tags",))  # fields that take more than one column
_KEPT_ASIDE = ("phone", "email", "country_code", "company")  # a second column of these goes to the metadata
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_PHONE = re.compile(r"(?:\+|00)?[\d\s().\-/]{7,24}(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T ].*)?")
_ZONE = re.compile(r"(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/+-]+")
_NUMBERED = re.compile(r"\b(\d{1,2})\b")


class ColumnProposal(msgspec.Struct, frozen=True):
    """What a column is thought to hold. `field` is None for a column that is better left out;
    `confidence` runs from 0 to 1, and `why` is a sentence for the person who decides."""

    header: str
    field: str | None
    confidence: float
    why: str


class _Claim(NamedTuple):
    field: str | None
    confidence: float
    why: str
    rank: int = 0  # among equals the lowest wins
    otherwise: str | None = None  # the field that the name tells, if it is not the one that the content tells


def propose_mapping(headers: Sequence[str], sample_rows: Sequence[Sequence[str]]) -> list[ColumnProposal]:
    """One proposal a column, in their order. Apart from tags no field is proposed twice: of several columns
    the surest wins, then the one with more in it, and a further phone, e-mail, company or country goes to
    the metadata, so that nothing is lost."""
    product = recognise_product(headers)
    columns = [_values(sample_rows, index) for index in range(len(headers))]
    claims = [_claim(header, values, product) for header, values in zip(headers, columns, strict=True)]
    order = sorted(
        range(len(headers)),
        key=lambda index: (-claims[index].confidence, not columns[index], claims[index].rank, index),
    )
    taken: set[str] = set()
    proposals: list[ColumnProposal | None] = [None] * len(headers)
    for index in order:
        claim = _second_best(claims[index], headers[index], taken)
        if claim.field is not None:
            taken.add(claim.field)
        proposals[index] = ColumnProposal(headers[index], claim.field, claim.confidence, claim.why)
    return _whole_names([proposal for proposal in proposals if proposal is not None], columns)


def _whole_names(proposals: list[ColumnProposal], columns: list[list[str]]) -> list[ColumnProposal]:
    """`Nome` is a first name beside `Cognome`; alone and with two words in most cells it is the whole one."""
    fields = {proposal.field for proposal in proposals}
    if "last_name" in fields or "display_name" in fields:
        return proposals
    for index, proposal in enumerate(proposals):
        words = [len(value.split()) > 1 for value in columns[index]]
        if proposal.field == "first_name" and proposal.confidence < 1.0 and sum(words) * 2 > len(words):
            why = "The cells hold several words, and there is no column for the last name."
            proposals[index] = ColumnProposal(proposal.header, "display_name", 0.7, why)
    return proposals


def recognise_product(headers: Sequence[str]) -> Product | None:
    """The product whose export has such columns."""
    present = {clean_header(header) for header in headers}
    return next((each for each in PRODUCTS if any(proof <= present for proof in each.proofs)), None)


def _values(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    cells = (clean_code(row[index]) for row in rows[:SNIFFED_ROWS] if index < len(row))
    return [cell for cell in cells if cell]


def _claim(header: str, values: list[str], product: Product | None) -> _Claim:
    header = clean_header(header)
    by_content = _by_content(values)
    mistaken = header == "phone" and by_content is not None and by_content.field == "email"
    if is_field(header) and not mistaken:
        return _Claim(header, 1.0, "The column is named as the field.")
    by_name = _by_product(header, product) or _by_synonym(header)
    if by_name is None:
        return by_content or _Claim(None, 0.0, "Neither the name nor the content of the column is known.")
    if by_content is None:
        doubtful = len(values) >= 3 and _contradicts(by_name.field, values)
        why = f"{by_name.why} The content does not look like it."
        return by_name._replace(confidence=0.4, why=why) if doubtful else by_name
    if by_content.field == by_name.field:
        sure = max(by_name.confidence, 0.97)
        return by_name._replace(confidence=sure, why=f"{by_name.why} So does the content.")
    told = by_name.field is None or by_name.field.startswith("metadata.")
    long = by_content.field == "phone" and _share(values, _has_ten_digits) >= 0.8
    if by_name.field == "metadata.postal_code" and long:  # Turkish "cep" is a mobile phone
        return by_content
    if by_content.field == "email" and not told:
        return by_content._replace(otherwise=by_name.field)
    return by_name


def _by_product(header: str, product: Product | None) -> _Claim | None:
    if product is None:
        return None
    why = f"{product.name} exports the field under this name."
    if header in product.fields:
        rank = PHONE_ORDER.index(header) if header in PHONE_ORDER else 0
        return _Claim(product.fields[header], 0.99 if header in PHONE_ORDER else 1.0, why, rank)
    found = _NUMBERED.search(header)
    pattern = header[: found.start()] + "#" + header[found.end() :] if found else ""
    if found is None or pattern not in product.fields:
        return None
    field, number = product.fields[pattern], int(found[1])
    if field is None or number == 1:
        return _Claim(field, 1.0, why)
    return _Claim(f"{field if '.' in field else f'metadata.{field}'}_{number}", 1.0, why)


def _by_synonym(header: str) -> _Claim | None:
    key = fold(header)
    field = _folded_synonyms().get(key)
    if field:
        return _Claim(field, 0.9, f"The name of the column means {field}.")
    bare = _folded_synonyms().get(key.rstrip("0123456789"))
    if bare:
        return _Claim(bare, 0.7, f"The name of the column means {bare}.", rank=1)
    return None


@cache
def _folded_synonyms() -> dict[str, str]:
    found: dict[str, str] = {}
    for field, languages in SYNONYMS.items():
        for language in languages:
            for name in language.split("|"):
                found.setdefault(fold(name), field)
    return found


def fold(name: str) -> str:
    """A column's name without case, accents, blanks and punctuation."""
    text = unicodedata.normalize("NFKD", name.casefold().replace("ı", "i").replace("ł", "l"))
    return "".join(character for character in text if character.isalnum())


def _by_content(values: list[str]) -> _Claim | None:
    """What nearly all values of a column look like."""
    if not values:
        return None
    if _share(values, _is_email) >= 0.8:
        return _Claim("email", 0.95, "The column is full of e-mail addresses.")
    if _share(values, _is_phone) >= 0.8:
        international = _share(values, lambda value: value.startswith(("+", "00"))) >= 0.5
        return _Claim("phone", 0.85 if international else 0.6, "The column is full of phone numbers.")
    if _share(values, lambda value: bool(_ZONE.fullmatch(value))) >= 0.9:
        return _Claim("timezone", 0.9, "The column is full of time zones.")
    if len(values) >= 3 and _share(values, _is_country_code) == 1.0:
        return _Claim("country_code", 0.7, "The column is full of country codes.")
    return None


def _share(values: list[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, values)) / len(values)


def _is_email(value: str) -> bool:
    return len(value) <= 320 and bool(_EMAIL.fullmatch(value))


def _is_phone(value: str) -> bool:
    digits = sum(map(str.isdecimal, value))
    plain = value.isdecimal() and not value.startswith("00")
    return (
        7 <= digits <= 18
        and bool(_PHONE.fullmatch(value))
        and not _DATE.fullmatch(value)
        and not (plain and not 9 <= digits <= 13)
    )


@cache
def _country_codes() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)


def _is_country_code(value: str) -> bool:
    return len(value) == 2 and value.upper() in _country_codes() and value.isupper()


def _has_ten_digits(value: str) -> bool:
    return sum(map(str.isdecimal, value)) >= 10


def _contradicts(field: str | None, values: list[str]) -> bool:
    if field == "email":
        return _share(values, lambda value: "@" in value) < 0.2
    if field == "phone":
        return _share(values, lambda value: sum(map(str.isdecimal, value)) >= 3) < 0.2
    return False


def _second_best(claim: _Claim, header: str, taken: set[str]) -> _Claim:
    """The claim, or what is left of it when another column has the field already."""
    field = claim.field
    if field is None or field in _SEVERAL or field not in taken:
        return claim
    if claim.otherwise and claim.otherwise not in taken:
        return _Claim(claim.otherwise, 0.6, f"The name of the column means {claim.otherwise}.")
    if field in _KEPT_ASIDE or field.startswith("metadata."):
        aside = metadata_field(header)
        name, number = aside, 1
        while name in taken:
            number += 1
            name = f"{aside}_{number}"
        return _Claim(name, round(claim.confidence / 2, 2), f"Another column is the {field} already.")
    return _Claim(None, round(claim.confidence / 2, 2), f"Another column is the {field} already.")


def metadata_field(header: str) -> str:
    """Where a column goes that is kept without being a field of its own: `Net Worth` to `metadata.net_worth`."""
    return "metadata." + (re.sub(r"[^\w]+", "_", header.strip().lower()).strip("_")[:50] or "column")
