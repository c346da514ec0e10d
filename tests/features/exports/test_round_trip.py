"""What is exported and imported into an empty workspace is what there was."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Client, Server, make_workspace
from tests.features.exports.test_exports import export

OWN = ("id", "created_at", "updated_at", "source")
KINDS = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

# Everything that text can be, but for what no contact holds (NUL, half characters) or keeps (blanks at the ends).
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=12),
    st.sampled_from(["=1+1", "'=1", "''@x", "-5", "+1", "00123", "1E5", "true", "null", '"', "a,b;c|d", "x\ny", "😀"]),
).map(str.strip)
tags = st.lists(texts.filter(lambda text: text and "," not in text), max_size=3, unique=True)
values = st.recursive(
    st.one_of(texts, st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts.filter(bool), inner, max_size=2),
    max_leaves=4,
)
person = st.fixed_dictionaries(
    {},
    optional={
        "first_name": texts,
        "last_name": texts,
        "display_name": texts,
        "company": texts,
        "external_id": texts.filter(bool),
        "lifecycle_stage": texts,
        "tags": tags,
        "metadata": st.dictionaries(texts.filter(bool), values, max_size=3),
        "country_code": st.sampled_from(["DE", "US", "TR"]),
        "language": st.sampled_from(["de", "en"]),
        "timezone": st.sampled_from(["Europe/Berlin", "UTC"]),
    },
)


def everybody(api: Client) -> dict[str, dict[str, Any]]:
    found = api.get("/contacts", limit=100).json()["data"]
    return {each["email"]: {name: value for name, value in each.items() if name not in OWN} for each in found}


@given(st.lists(person, min_size=1, max_size=12, unique_by=lambda each: each.get("external_id", id(each))))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("format", KINDS)
def test_export_then_import_is_the_identity(
    dsn: str, server: Server, format: str, people: list[dict[str, Any]]
) -> None:
    there = asyncio.run(make_workspace(dsn, server.url)).api
    contacts = [{**each, "email": f"p{n}@example.com", "phone": f"+4915112{n:06}"} for n, each in enumerate(people)]
    made = there.data("POST", "/contacts/bulk", {"contacts": contacts})
    assert made["skipped"] == 0, made["errors"]
    _, content = export(there, format=format)
    empty = asyncio.run(make_workspace(dsn, server.url)).api
    back = empty.request("POST", "/contacts/bulk", content=content, headers={"content-type": KINDS[format]})
    assert back.json()["data"]["skipped"] == 0, back.json()["data"]["errors"]
    assert everybody(empty) == everybody(there)
