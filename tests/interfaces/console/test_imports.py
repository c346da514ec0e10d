"""The import wizard by plain forms, as a browser without JavaScript sends them."""

import html
import io
import re

import httpx
import pytest
import xlsxwriter

from tests.conftest import Client, Workspace
from tests.interfaces.console.conftest import Visitor

FILE = "Vorname;Nachname;E-Mail;Handy\nJürgen;Müller;jm@example.de;0151 23456789\nBad;Row;no-address;1\n"


def upload(visitor: Visitor, content: bytes, name: str = "kunden.csv") -> httpx.Response:
    form = {"csrf": visitor.token()}
    return visitor.http.post("/imports", data=form, files={"file": (name, content)}, headers={"Origin": visitor.origin})


def form_of(page: httpx.Response) -> dict[str, str]:
    """The wizard's form as a browser would send it back."""
    text = page.text[page.text.index('id="draft"') :]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))
    fields |= dict(re.findall(r'<input type="radio" name="([^"]+)" value="([^"]*)" checked', text))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    fields.pop("csrf")
    return {name: html.unescape(value) for name, value in fields.items()}


def send(visitor: Visitor, page: httpx.Response, **changes: str) -> httpx.Response:
    return visitor.post(page.url.path.removeprefix("/console"), **{**form_of(page), **changes})


def test_a_file_is_read_mapped_imported_and_undone(api: Client, visitor: Visitor) -> None:
    page = upload(visitor, FILE.encode("cp1252"))
    assert "Windows-1252" in page.text
    assert form_of(page)["field-3"] == "phone"
    assert "a national number needs a country" in page.text
    page = send(visitor, page, default_country_code="DE", tags="fair, 2026")
    done = send(visitor, page, do="start", default_country_code="DE", tags="fair, 2026")
    assert re.search(r"/imports/imp_\w+$", done.url.path)
    contact = api.get("/contacts").json()["data"][0]
    assert (contact["last_name"], contact["phone"]) == ("Müller", "+4915123456789")
    assert contact["tags"] == ["fair", "2026"]
    address = done.url.path.removeprefix("/console")
    skipped = visitor.get(f"{address}/skipped.csv").content.decode("utf-8-sig")
    assert "no-address" in skipped
    undone = visitor.post(f"{address}/undo")
    assert "Undone: 1 contacts deleted, 0 put back." in undone.text
    assert api.get("/contacts").json()["data"] == []
    assert "undone" in visitor.get("/imports").text


def test_what_was_edited_since_is_named_after_the_undo(api: Client, visitor: Visitor) -> None:
    page = upload(visitor, b"email,first_name\nada@example.com,Ada\ngrace@example.com,Grace\n")
    done = send(visitor, page, do="start")
    ada = api.get("/contacts", search="ada").json()["data"][0]
    api.data("PATCH", f"/contacts/{ada['id']}", {"last_name": "Lovelace"})
    undone = visitor.post(done.url.path.removeprefix("/console") + "/undo")
    assert "Ada Lovelace</a>" in undone.text
    assert "The contact was edited after the import created it." in undone.text


def test_pasted_rows_are_a_file(api: Client, visitor: Visitor) -> None:
    page = visitor.post("/imports", text="first_name\temail\nAda\tada@example.com\n")
    assert form_of(page)["delimiter"] == "\t"
    send(visitor, page, do="start")
    assert api.get("/contacts").json()["data"][0]["first_name"] == "Ada"


def test_another_code_page_is_chosen_by_a_person(api: Client, visitor: Visitor) -> None:
    page = upload(visitor, "first_name,email\nŞükrü,s@example.com\n".encode("cp1254"))
    page = send(visitor, page, other_encoding="cp1251")
    assert "Юьkrь" in page.text
    page = send(visitor, page, other_encoding="", encoding="cp1254")
    send(visitor, page, do="start")
    assert api.get("/contacts").json()["data"][0]["first_name"] == "Şükrü"


def test_a_rule_of_a_column_keeps_what_is_there(api: Client, visitor: Visitor) -> None:
    api.contact(email="ada@example.com", company="Analytical", last_name="King")
    page = upload(visitor, b"email,company,last_name\nada@example.com,Engines,Lovelace\n")
    page = send(visitor, page, **{"rule-1": "never"})
    assert form_of(page)["rule-1"] == "never"
    page = send(visitor, page, collision="only_if_blank")
    assert form_of(page)["rule-2"] == "only_if_blank"
    page = send(visitor, page, collision="overwrite")
    send(visitor, page, do="start")
    contact = api.get("/contacts").json()["data"][0]
    assert (contact["company"], contact["last_name"]) == ("Analytical", "Lovelace")


def test_a_column_chosen_for_a_taken_field_takes_it(visitor: Visitor) -> None:
    page = upload(visitor, b"email,Other\nada@example.com,ada@example.org\n")
    fields = form_of(send(visitor, page, **{"field-1": "email"}))
    assert (fields["field-0"], fields["field-1"]) == ("", "email")


def test_another_delimiter_finds_other_columns(visitor: Visitor) -> None:
    page = upload(visitor, b"email;a,b\nada@example.com;1,2\n")
    changed = form_of(send(visitor, page, delimiter="," if form_of(page)["delimiter"] == ";" else ";"))
    assert "was-1" in changed
    assert changed["delimiter"] != form_of(page)["delimiter"]


def test_the_sheet_of_a_workbook_is_chosen(api: Client, visitor: Visitor) -> None:
    page = upload(
        visitor,
        book(Staff=[["email"], ["ada@example.com"]], Guests=[["name", "email"], ["Grace Hopper", "gh@example.com"]]),
        "b.xlsx",
    )
    assert form_of(page)["sheet"] == ""
    page = send(visitor, page, sheet="Guests")
    assert (form_of(page)["sheet"], form_of(page)["field-0"]) == ("Guests", "display_name")
    done = send(visitor, page, do="start", **{"names-0": "first_last"})
    assert "/imports/imp_" in done.url.path
    contact = api.get("/contacts").json()["data"][0]
    assert (contact["first_name"], contact["last_name"]) == ("Grace", "Hopper")


def book(**sheets: list[list[str]]) -> bytes:
    """A workbook of these rows."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as written:
        for name, rows in sheets.items():
            sheet = written.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return out.getvalue()


def test_a_sheet_that_is_not_there_is_refused_and_forgotten(visitor: Visitor) -> None:
    page = upload(visitor, book(Staff=[["email"], ["ada@example.com"]], Guests=[["name"]]), "b.xlsx")
    refused = send(visitor, page, sheet="Nobody")
    assert refused.status_code == 422
    assert form_of(refused)["sheet"] == ""


def test_the_order_of_day_and_month_is_chosen(api: Client, visitor: Visitor) -> None:
    page = upload(visitor, b"email,Signed\nada@example.com,03/04/2024\n")
    page = send(visitor, page, **{"field-1": "metadata.signed"})
    assert form_of(page)["dates-1"] == ""
    page = send(visitor, page, **{"dates-1": "month_first"})
    assert form_of(page)["dates-1"] == "month_first"
    send(visitor, page, do="start")
    assert api.get("/contacts").json()["data"][0]["metadata"] == {"signed": "2024-03-04"}


def test_a_draft_started_twice_is_one_import(api: Client, visitor: Visitor) -> None:
    page = upload(visitor, b"email\nada@example.com\n")
    first, second = send(visitor, page, do="start"), send(visitor, page, do="start")
    assert first.url == second.url == visitor.get(page.url.path.removeprefix("/console")).url
    assert len(api.get("/contacts/import-jobs").json()["data"]) == 1


def test_a_draft_is_put_away(visitor: Visitor) -> None:
    page = upload(visitor, b"email\nada@example.com\n")
    assert "nothing was imported" in send(visitor, page, do="discard").text
    assert visitor.get(page.url.path.removeprefix("/console")).status_code == 404


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"<!doctype html><p>no</p>"])
def test_a_file_that_cannot_be_read_is_refused_on_the_same_page(visitor: Visitor, content: bytes) -> None:
    page = upload(visitor, content)
    assert 400 <= page.status_code < 500
    assert 'role="alert"' in page.text
    assert "Choose a file, or drop it here" in page.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("mode", "sideways"), ("field-0", "no_such"), ("default_country_code", "ZZ"), ("list_id", "lst_x")],
)
def test_a_choice_that_means_nothing_is_refused_and_forgotten(visitor: Visitor, name: str, value: str) -> None:
    page = upload(visitor, b"email\nada@example.com\n")
    refused = send(visitor, page, **{name: value})
    assert 400 <= refused.status_code < 500
    assert 'role="alert"' in refused.text
    assert form_of(refused)["field-0"] == "email"


def test_markup_in_a_file_is_text(visitor: Visitor) -> None:
    page = upload(visitor, b"<script>alert(1)</script>,email\n<img src=x>,ada@example.com\n", "<b>.csv")
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "<b>.csv" not in page.text


def test_a_large_import_is_followed_and_stopped(api: Client, visitor: Visitor) -> None:
    rows = "".join(f"p{number}@example.com\n" for number in range(1_200))
    page = send(visitor, upload(visitor, b"email\n" + rows.encode()), do="start")
    assert 'hx-trigger="every 1s"' in page.text
    assert "Waiting for its turn" in page.text
    stopped = visitor.post(page.url.path.removeprefix("/console") + "/cancel")
    assert "Stopped; what is in stays" in stopped.text


def test_who_may_only_read_sees_the_history(workspace: Workspace) -> None:
    upload_form = b"email\nada@example.com\n"
    full = Visitor(workspace.api.url)
    full.sign_in(workspace.key)
    send(full, upload(full, upload_form, "people.csv"), do="start")
    key = workspace.api.data("POST", "/settings/api-keys", {"name": "reads", "scopes": ["contacts:read"]})["key"]
    reader = Visitor(workspace.api.url)
    reader.sign_in(key)
    page = reader.get("/imports")
    assert "people.csv" in page.text
    assert "drop it here" not in page.text
    assert upload(reader, upload_form).status_code == 403
