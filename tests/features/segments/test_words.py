"""Rules in plain words."""

from typing import Any

import pytest

from orbit_contacts.core import ids
from orbit_contacts.features.segments import rules
from orbit_contacts.features.segments.words import say
from tests.features.segments.generated import DEFINITIONS, LISTS, SEGMENTS

NAMES = {LISTS[0]: "Newsletter", LISTS[1]: "Spring sale", SEGMENTS[0]: "Leads"}
NEWSLETTER, SALE, UNKNOWN = (ids.text("lst", id) for id in LISTS)
LEADS = ids.text("seg", SEGMENTS[0])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "every contact"),
        ({"country_code": "US", "tags": {"$contains": "enterprise"}}, "country is US and tags contain enterprise"),
        ({"company": {"$ne": "Acme Corp"}}, 'company is not "Acme Corp"'),
        ({"language": ["tr", "en"]}, "language is one of tr, en"),
        ({"language": {"$nin": ["tr"]}}, "language is none of tr"),
        ({"tags": {"$not_contains": "vip"}}, "tags do not contain vip"),
        ({"tags": {"$contains_all": ["a", "b"]}}, "tags contain all of a, b"),
        ({"tags": {"$exists": False}}, "tags are not set"),
        ({"first_name": {"$starts_with": "Ja"}}, "first name starts with Ja"),
        ({"metadata.address.city": "Bonn"}, "address.city is Bonn"),
        ({"metadata.score": {"$gte": 5, "$lt": 9.5}}, "score is at least 5 and score is under 9.5"),
        ({"metadata.beta": True}, "beta is true"),
        ({"custom_fields.renewal": {"$lt": "2026-03-08"}}, "renewal is before 2026-03-08"),
        ({"created_at": {"$gte": "2026-03-08T12:30:00Z"}}, "creation date is on or after 2026-03-08T12:30:00Z"),
        ({"created_at": {"$within_days": 30}}, "creation date is within the last 30 days"),
        ({"last_activity_at": {"$older_than_days": 1}}, "last activity is more than 1 day ago"),
        ({"preferences.sms": "opted_in"}, "consent for sms is opted in"),
        ({"blocked": False}, "blocked is false"),
        ({"email": {"$exists": True}}, "e-mail is set"),
        ({"lists": NEWSLETTER}, "is in the list Newsletter"),
        ({"lists": {"$nin": [NEWSLETTER, SALE]}}, 'is in none of the lists Newsletter, "Spring sale"'),
        ({"lists": UNKNOWN}, f"is in the list {UNKNOWN}"),
        ({"lists": {"$exists": False}}, "is in no list"),
        ({"segment": LEADS}, "is in the segment Leads"),
        ({"segment": {"$ne": LEADS}}, "is not in the segment Leads"),
        ({"$or": [{"tags": "a"}, {"tags": "b"}]}, "tags contain a or tags contain b"),
        (
            {"blocked": False, "$or": [{"tags": "a"}, {"tags": "b", "dnc": True}]},
            "blocked is false and (tags contain a or (tags contain b and do-not-call is true))",
        ),
        ({"$nor": [{"tags": "a"}, {"tags": "b"}]}, "not (tags contain a or tags contain b)"),
        ({"tags": {"$not": {"$contains": "a"}}}, "not (tags contain a)"),
        (
            {"event": {"type": "message.opened", "channel": "email", "within_days": 30, "count": {"$gte": 3}}},
            "message.opened on email at least 3 times in the last 30 days",
        ),
        ({"event": {"type": ["order.placed", "order.refunded"]}}, "order.placed or order.refunded at least once"),
        ({"event": {"type": "a", "count": 0, "after": "2026-03-08"}}, "a never since 2026-03-08"),
        ({"event": {"type": "a", "count": {"$gte": 2, "$lte": 5}}}, "a 2 to 5 times"),
        ({"event": {"type": "a", "where": {"campaign": "spring"}}}, "a with campaign is spring at least once"),
        ({"$not": {"event": {"type": "a"}}}, "a never"),
    ],
)
def test_a_rule_in_words(rule: Any, words: str) -> None:
    assert say(rules.read(rule, DEFINITIONS, "US"), NAMES) == words
