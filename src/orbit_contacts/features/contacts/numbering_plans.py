"""Numbering plans compiled to regular expressions: the answer for a clean `+…` number in about a
microsecond.

`phonenumbers` interprets its metadata on every call. Nearly all numbers that reach a directory are
already clean E.164, and for those the interpretation always ends the same way: the digits stay as they
are. A plan is that statement as one expression per calling code, made on first sight of the code from the
library's own metadata. It only ever says yes; whatever it does not accept goes to the library.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata
    from phonenumbers.phonemetadata import PhoneNumberDesc

# Countries of ITU calling codes which belong to no country (satellite, freephone): the library's name for
# "world".
_NO_COUNTRY = "001"


class NumberingPlan(NamedTuple):
    """One calling code. `accepts(number)` is true only if the library would parse `number` ("+" and digits)
    to itself and call it possible; false means "ask the library", not "wrong"."""

    accepts: Callable[[str], "re.Match[str] | None"]
    only_region: str | None
    locate: Callable[[str], "re.Match[str] | None"] | None

    def region_of(self, number: str) -> str | None:
        """ISO alpha-2 of the country; None where the calling code has none, or the digits name none."""
        if self.locate is None:
            return self.only_region
        found = self.locate(number)
        return found.lastgroup if found else None


# First three digits of a number -> its plan; at most a thousand entries, all of one code sharing one plan.
_plans: dict[str, NumberingPlan | None] = {}


def numbering_plan(number: str) -> NumberingPlan | None:
    """The plan that rules `number` ("+" and digits), or None if no calling code begins it."""
    leading = number[1:4]
    try:
        return _plans[leading]
    except KeyError:
        return _load_plan(leading)


def _load_plan(leading: str) -> NumberingPlan | None:
    if not re.fullmatch("[0-9]{3}", leading):
        return None
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    plan = None
    for length in (1, 2, 3):
        calling_code = int(leading[:length])
        if leading[0] != "0" and calling_code in COUNTRY_CODE_TO_REGION_CODE:
            plan = _shared_plan(calling_code, COUNTRY_CODE_TO_REGION_CODE[calling_code])
            break
    _plans[leading] = plan
    return plan


_plans_by_code: dict[int, NumberingPlan | None] = {}


def _shared_plan(calling_code: int, regions: tuple[str, ...]) -> NumberingPlan | None:
    if calling_code not in _plans_by_code:
        _plans_by_code[calling_code] = _compile_plan(calling_code, regions)
    return _plans_by_code[calling_code]


def _compile_plan(calling_code: int, regions: tuple[str, ...]) -> NumberingPlan | None:
    from phonenumbers import PhoneMetadata

    # Parsing and "possible" follow the main country of a shared code, as they do in the library.
    main = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, regions[0])
    if main is None or main.general_desc is None:
        return None
    lengths = "|".join(rf"\d{{{length}}}" for length in main.general_desc.possible_length)
    accepts = re.compile(rf"\+{calling_code}{_unchanged(calling_code, main)}(?:{lengths})", re.ASCII)
    if len(regions) == 1:
        only = None if regions[0] == _NO_COUNTRY else regions[0]
        return NumberingPlan(accepts.fullmatch, only, None)
    alternatives = "|".join(
        rf"(?P<{region}>{_belongs(metadata)})"
        for region in regions
        if (metadata := PhoneMetadata.metadata_for_region(region, None)) is not None
    )
    locate = re.compile(rf"\+{calling_code}(?:{alternatives})", re.ASCII)
    return NumberingPlan(accepts.fullmatch, None, locate.match)


def _unchanged(calling_code: int, metadata: "PhoneMetadata") -> str:
    """Look-aheads that hold where taking off the national prefix leaves the national number as it is."""
    prefix = metadata.national_prefix_for_parsing
    if not prefix:
        return ""
    # An atomic group takes the prefix as `match` does, once; a prefix that matched nothing took nothing
    # off.
    begins_with_prefix = rf"(?>(?:{prefix}))(?<!\+{calling_code})"
    no_prefix = rf"(?!{begins_with_prefix})"
    general = metadata.general_desc.national_number_pattern if metadata.general_desc else None
    if metadata.national_prefix_transform_rule or not general:
        return no_prefix
    # The library keeps a number that fits the plan with its "prefix" and would not fit without (+7 812…).
    fits_only_whole = rf"(?=(?:{general})\Z)(?!(?>(?:{prefix}))(?:{general})\Z)"
    return rf"(?:{no_prefix}|{fits_only_whole})"


def _belongs(metadata: "PhoneMetadata") -> str:
    """What the library asks to place a national number in one of the countries of a calling code."""
    if metadata.leading_digits is not None:
        return f"(?:{metadata.leading_digits})"
    kinds = (
        metadata.fixed_line,
        metadata.mobile,
        metadata.premium_rate,
        metadata.toll_free,
        metadata.shared_cost,
        metadata.voip,
        metadata.personal_number,
        metadata.pager,
        metadata.uan,
        metadata.voicemail,
    )
    patterns = sorted({pattern for kind in kinds if (pattern := _described(kind))})
    return rf"(?={_described(metadata.general_desc) or '(?!)'})(?:{'|'.join(patterns) or '(?!)'})"


def _described(kind: "PhoneNumberDesc | None") -> str | None:
    if kind is None or not kind.national_number_pattern:
        return None
    # A length of -1 is the metadata's way to say that the country has no numbers of this kind.
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length if length > 0)
    if kind.possible_length and not lengths:
        return None
    return (rf"(?={lengths})" if lengths else "") + rf"(?:{kind.national_number_pattern})\Z"
