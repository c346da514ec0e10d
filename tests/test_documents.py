"""Documents agree with the code they describe."""

import re

import httpx
import pytest

from orbit_contacts.core import envelope
from orbit_contacts.interfaces import errors_page
from orbit_contacts.interfaces.api import document
from tests.conftest import Client, Server
from tests.documents import FILES, ROOT


@pytest.mark.parametrize("name", FILES)
def test_made_documents_are_up_to_date(name: str) -> None:
    file = ROOT / name
    assert file.is_file(), f"`make openapi` makes {name}"
    assert file.read_text() == FILES[name](), f"`make openapi` brings {name} up to date; review what changed"


def answered_codes() -> set[str]:
    """Codes that the document names in its answers."""
    answers = document()["components"]["responses"].values()
    return {code for a in answers for code in re.findall(r"^- `([A-Z_]+)`:", a["description"], re.MULTILINE)}


def test_every_code_has_a_meaning_and_advice() -> None:
    known = {code.name: code for code in errors_page.codes()}
    assert answered_codes() <= known.keys()
    assert [name for name, code in known.items() if not code.advice] == [], "say what to do in errors_page.ADVICE"
    assert errors_page.ADVICE.keys() <= known.keys()
    assert all(meaning for code in known.values() for _, meaning in code.meanings)


def test_docs_url_of_an_error_leads_to_its_section(api: Client) -> None:
    refused = api.get("/contacts/con_unknown").json()
    page, anchor = refused["meta"]["docs_url"].split("#")
    answer = httpx.get(f"{api.url}{page}")
    assert answer.status_code == 200
    assert f'id="{anchor}"' in answer.text


def test_the_page_of_errors_has_every_code_and_lets_nothing_in(server: Server) -> None:
    answer = httpx.get(f"{server.url}{envelope.docs_base}")
    for code in answered_codes():
        assert f'id="{code.lower()}"' in answer.text
        assert f'id="{code}"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
