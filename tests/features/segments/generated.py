"""Generated contacts and rules, drawn from one pool of awkward values so that they meet."""

import random
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, SECOND, Instant, format_instant, parse_instant
from orbit_contacts.features.segments.operators import OPERATORS

NOW: Instant = parse_instant("2026-03-10T12:00:00.5Z", "now")

LISTS = [UUID(int=0x018F << 112 | 0x8 << 76 | 0x8 << 60 | n) for n in range(1, 4)]
SEGMENTS = [UUID(int=0x018F << 112 | 0x8 << 76 | 0x8 << 60 | n) for n in range(11, 13)]
CHANNELS = ["email", "sms", "whatsapp"]
DEFINITIONS = {
    "size": "text",
    "tier": "select",
    "mail": "email",
    "seats": "number",
    "active": "boolean",
    "renewal": "date",
    "seen": "datetime",
    "sports": "multi_select",
}

TEXTS = [
    *("", "a", "A", "ab", "aB", "abc", "%", "_", "\\", "a_b", "a%b", "axb", "a\\b", "100%", "100", "5", "true", "null"),
    *("İstanbul", "ISTANBUL", "istanbul", "ıstanbul", "I\u0307stanbul", "ISPARTA", "ısparta", "Işık", "ŞIŞLİ", "şişli"),
    *(
        "Straße",
        "STRASSE",
        "ΟΔΟΣ",
        "οδος",
        "Σ",
        "é",
        "e\u0301",
        "É",
        "\u0307",
        "i\u0307",
        "\u212aelvin",
        "ǅ",
        "ﬁ",
        "😀",
    ),
    *(
        "Jane",
        "jane",
        "JANE DOE",
        "jane  doe",
        "Jane\tDoe",
        "O'Brien",
        "acme corp",
        "Acme Corp.",
        "Женя",
        "ЖЕНЯ",
        "東京",
    ),
    *("2026-03-08", "US", "lead", "{}", "[]", '"', "'", "a,b", "\u00a0x", "\n", "a\u200bb"),
]
# Letters that came after Unicode 14, Python 3.11's, may be lower-cased by one side only.
_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\0"), max_size=6
)
texts = st.one_of(st.sampled_from(TEXTS), st.sampled_from(TEXTS), st.sampled_from(TEXTS), _text)
parts = texts.flatmap(lambda t: st.integers(0, len(t)).map(lambda n: t[n:] or t[:n] or "a"))

DATES = [
    *("2026-03-08", "2026-03-10", "2026-03-08T12:00:00Z", "2026-03-08T12:00:00+03:00"),
    *("2026-03-08 12:00", "2026-03-10T12:00:00.5Z", "2026-03-10T12:00:00.499999Z", "2026-03-08T09:00:00.123456-05:30"),
    *("2026-03-10T12:00:01Z", "2026-03-10T11:59:59Z", "0001-01-01", "9999-12-31T23:59:59Z", "2025-03-10T12:00:00Z"),
]
# Stored texts that look like dates or are one to PostgreSQL only.
NEARLY_DATES = [
    *("2026-03-08t12:00:00z",),
    *("2026-02-30", "2026-3-8", "20260308", "yesterday", "now", "infinity", "epoch", "2026-03-08T24:00:00Z"),
    *("2026-03-08T12:00:60Z", "0000-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", " 2026-03-08"),
    *(
        "2026-03-08T12:00:00+15:00",
        "2026-03-08T12",
        "2026-03-08 12:00:00 Europe/Istanbul",
        "2026-03-08\n",
        "٢٠٢٦-03-08",
    ),
]
NUMBERS: list[int | float] = [0, 1, -1, 1.0, 0.1, 2, 5, 5.5, 90, 90.5, 1e20, -0.0, 2**53, 100]

scalars = st.one_of(texts, st.sampled_from(NUMBERS), st.booleans(), st.sampled_from(DATES))
stored = st.one_of(
    scalars,
    st.sampled_from(NEARLY_DATES),
    st.none(),
    st.lists(scalars, max_size=3),
    st.lists(st.lists(scalars, max_size=2), max_size=2),
    st.dictionaries(st.sampled_from(["a", "b", "plan"]), scalars, max_size=2),
)
PATHS = ["plan", "score", "when", "a", "a.b", "a.b.plan", "a\\.b", "x y", "ş"]
documents = st.dictionaries(
    st.sampled_from(["plan", "score", "when", "a", "a.b", "x y", "ş"]),
    st.one_of(
        stored,
        st.dictionaries(
            st.sampled_from(["b", "a"]),
            st.one_of(stored, documents_below := st.dictionaries(st.just("plan"), stored, max_size=1)),
            max_size=2,
        ),
    ),
    max_size=4,
)
instants = st.one_of(
    st.sampled_from([0, 1, SECOND // 2, SECOND, DAY, 7 * DAY, 30 * DAY, 2 * DAY + SECOND // 2]).map(
        lambda ago: NOW - ago
    ),
    st.integers(0, 60 * DAY).map(lambda ago: NOW - ago),
    st.sampled_from(DATES).map(lambda text: parse_instant(text, "date")).filter(lambda at: 0 < at <= NOW),
)


class Event(NamedTuple):
    occurred_at: Instant
    type: str
    channel: str | None
    direction: str | None
    data: dict[str, Any]


class Stored(NamedTuple):
    """One contact as the tables hold it."""

    id: UUID
    columns: dict[str, Any]
    metadata: dict[str, Any]
    custom_fields: dict[str, Any]
    lists: frozenset[UUID]
    consent: dict[str, str]
    events: list[Event]


EVENT_TYPES = ["message.opened", "message.clicked", "order.placed", "contact.updated", "note.created", "page_view"]
events = st.builds(
    Event,
    st.one_of(instants, st.integers(0, 300 * SECOND).map(lambda ahead: NOW + ahead)),
    st.sampled_from(EVENT_TYPES),
    st.sampled_from([None, *CHANNELS]),
    st.sampled_from([None, "inbound", "outbound"]),
    documents,
)
EMAILS = ["jane@example.com", "a_b@example.com", "a%b@example.com", "jörg@müller.example", "i@x.test", "şule@x.test"]
PHONES = ["+14155552671", "+905321234567", "+441632960961"]

_optional_text = st.one_of(st.none(), texts)
_columns = st.fixed_dictionaries(
    {
        "phone": st.sampled_from([None, *PHONES]),
        "phone_extension": st.sampled_from([None, "12", "5"]),
        "email": st.sampled_from([None, *EMAILS]),
        "external_id": _optional_text,
        "first_name": _optional_text,
        "last_name": _optional_text,
        "display_name": _optional_text,
        "company": _optional_text,
        "country_code": st.sampled_from([None, "US", "TR", "DE"]),
        "timezone": st.sampled_from([None, "Europe/Istanbul", "America/New_York"]),
        "language": st.sampled_from([None, "tr", "en"]),
        "lifecycle_stage": _optional_text,
        "source": st.sampled_from(["api", "import"]),
        "block_reason": _optional_text,
        "blocked_at": st.one_of(st.none(), instants),
        "dnc": st.booleans(),
        "created_at": instants,
        "updated_at": instants,
        "deleted_at": st.none(),
        "tags": st.lists(texts, max_size=3, unique=True),
    }
)
_custom_fields = st.fixed_dictionaries(
    {},
    optional={
        "size": texts,
        "tier": texts,
        "mail": st.sampled_from(EMAILS),
        "seats": st.sampled_from(NUMBERS),
        "active": st.booleans(),
        "renewal": st.sampled_from(["2026-03-08", "2026-03-10", "2025-01-01", "2027-01-01"]),
        "seen": instants.map(format_instant),
        "sports": st.lists(texts, min_size=1, max_size=3, unique=True),
    },
)


def _person(
    columns: dict[str, Any], cell: int, seed: int, rest: tuple[Any, Any, Any, dict[str, str], list[Event]]
) -> Stored:
    # Ids are time-ordered: the conditions on `created_at` rely on it.
    id = ids.mint(columns["created_at"], cell)
    id = UUID(int=id.int & ~0xFFFF_FFFF | random.Random(seed).getrandbits(32))
    return Stored(id, {"id": id, "blocked": columns["blocked_at"] is not None, **columns}, *rest)


_people = st.builds(
    _person,
    _columns,
    st.integers(0, 1),
    st.integers(0, 2**32),
    st.tuples(
        documents,
        _custom_fields,
        st.frozensets(st.sampled_from(LISTS), max_size=2),
        st.dictionaries(st.sampled_from(CHANNELS), st.sampled_from(["opted_in", "opted_out"]), max_size=2),
        st.lists(events, max_size=4),
    ),
)


def _named(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The same strategy; a report of a failure names it instead of spelling it out over pages."""

    @st.composite
    def generated(draw: st.DrawFn) -> Any:
        return draw(strategy)

    return generated()


people = _named(_people)

_TEXT_FIELDS = ["external_id", "first_name", "last_name", "display_name", "name", "company", "organization"]
_TEXT_FIELDS += ["lifecycle_stage", "block_reason", "custom_fields.size", "custom_fields.tier"]
_PARTS = ["$contains", "$not_contains", "$starts_with", "$ends_with"]
_BOUNDS = ["$gt", "$gte", "$lt", "$lte"]
_DAYS = ["$within_days", "$older_than_days"]
_days = st.one_of(st.sampled_from([0, 1, 2, 7, 30, 0.5, 36_500]), st.floats(0, 100))
_flags = st.fixed_dictionaries({"$exists": st.booleans()})


def _one(operators: list[str], operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(operators), operand).map(lambda pair: {pair[0]: pair[1]})


def _values(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Operators that compare with values: bare, one, or several."""
    several = st.lists(value, min_size=1, max_size=4)
    return st.one_of(value, several, _one(["$eq", "$ne"], value), _one(["$in", "$nin"], several), _flags)


def _array(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(value, min_size=1, max_size=3)
    return st.one_of(
        _values(value), _one(["$contains", "$not_contains"], value), _one(["$contains_any", "$contains_all"], several)
    )


def _on(fields: list[str], asked: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(st.sampled_from(fields), asked).map(lambda pair: {pair[0]: pair[1]})


_text_operators = st.one_of(_values(texts), _one(_PARTS, parts))
_dates = st.one_of(_values(st.sampled_from(DATES)), _one(_BOUNDS, st.sampled_from(DATES)), _one(_DAYS, _days))
_numbers = st.one_of(_values(st.sampled_from(NUMBERS)), _one(_BOUNDS, st.sampled_from(NUMBERS)))
_json = st.one_of(
    _array(scalars),
    _one(_PARTS, parts),
    _one(_BOUNDS, st.one_of(st.sampled_from(NUMBERS), st.sampled_from(DATES))),
    _one(_DAYS, _days),
)
_count = st.one_of(
    st.integers(0, 3),
    _one(["$eq", "$ne", "$gt", "$gte", "$lte"], st.integers(0, 3)),
    _one(["$lt"], st.integers(1, 3)),
    st.fixed_dictionaries({"$gte": st.integers(0, 1), "$lte": st.integers(1, 3)}),
)
_events = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(EVENT_TYPES), st.lists(st.sampled_from(EVENT_TYPES), min_size=1, max_size=2))},
    optional={
        "channel": st.one_of(st.sampled_from(CHANNELS), st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=2)),
        "direction": st.sampled_from(["inbound", "outbound"]),
        "within_days": _days,
        "older_than_days": _days,
        "after": st.sampled_from(DATES),
        "before": st.sampled_from(DATES),
        "count": _count,
        "where": _on(PATHS, _json),
    },
)
_lists = [ids.text("lst", id) for id in LISTS]
_segments = [ids.text("seg", id) for id in SEGMENTS]
_segment_operators = st.one_of(
    st.sampled_from(_segments),
    _one(["$ne", "$contains", "$not_contains"], st.sampled_from(_segments)),
    _one(["$in", "$nin", "$contains_all"], st.lists(st.sampled_from(_segments), min_size=1, max_size=2)),
)

leaves = st.one_of(
    _on(_TEXT_FIELDS, _text_operators),
    _on(["phone"], st.one_of(_values(st.sampled_from([*PHONES, "(415) 555-2671"])), _one(_PARTS, parts))),
    _on(
        ["email", "custom_fields.mail"],
        st.one_of(_values(st.sampled_from([*EMAILS, "JANE@Example.com"])), _one(_PARTS, parts)),
    ),
    _on(["country_code"], st.one_of(_values(st.sampled_from(["US", "us", "tr", "FR"])), _one(_PARTS, parts))),
    _on(["timezone"], _values(st.sampled_from(["Europe/Istanbul", "Asia/Tokyo"]))),
    _on(["language"], _values(st.sampled_from(["tr", "en", "de"]))),
    _on(["blocked", "dnc", "custom_fields.active"], _values(st.booleans())),
    _on(["created_at", "updated_at", "blocked_at", "last_activity_at", "deleted_at"], _dates),
    _on(["custom_fields.renewal", "custom_fields.seen"], _dates),
    _on(["custom_fields.seats"], _numbers),
    _on(["tags", "custom_fields.sports"], _array(texts)),
    _on(["lists", "list"], _array(st.sampled_from(_lists))),
    _on(
        [f"preferences.{c}" for c in CHANNELS],
        _values(st.sampled_from(["opted_in", "opted_out", "unknown", True, False])),
    ),
    _on([f"metadata.{path}" for path in PATHS], _json),
    _on([f"metadata.{path}" for path in PATHS], _json),
    _events.map(lambda event: {"event": event}),
    _events.map(lambda event: {"event": event}),
)


def _combined(rules: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(rules, min_size=1, max_size=3)
    return st.one_of(
        _one(["$and", "$or", "$nor"], several),
        st.fixed_dictionaries({"$not": rules}),
        st.tuples(rules, rules).map(lambda pair: {**pair[0], **pair[1]}),
    )


# Three levels of logic around a leaf, or around a segment whose own rule names none.
plain_rules = _named(st.recursive(_named(leaves), _combined, max_leaves=4).filter(lambda rule: depth(rule) <= 5))
_leaf_or_segment = _named(st.one_of(leaves, leaves, leaves, _on(["segment", "segments"], _segment_operators)))
rules = _named(st.recursive(_leaf_or_segment, _combined, max_leaves=5).filter(lambda rule: depth(rule) <= 5))


def depth(rule: Any) -> int:
    """How many logical operators lie around each other."""
    if isinstance(rule, dict):
        own = {"$and", "$or", "$nor", "$not"}
        return max(((name in own) + depth(value) for name, value in rule.items()), default=0)
    return max((depth(item) for item in rule), default=0) if isinstance(rule, list) else 0


assert set(_PARTS + _BOUNDS + _DAYS) <= OPERATORS.keys()
