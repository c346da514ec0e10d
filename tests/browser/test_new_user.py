"""A new user from nothing to a bulk action taken back; the wizard by keyboard, by plain forms, and under axe."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import axe_faults, shoot, sign_in
from tests.conftest import Client

FILE = (
    "Vorname;Nachname;E-Mail;Handy;Stadt\n"
    "Jürgen;Müller;jm@example.de;+49 151 23456781;Köln\n"
    "Ayşe;Yılmaz;ay@example.com;+90 532 123 45 67;Bursa\n"
    "Bad;Row;no-address;1;\n"
)

pytestmark = pytest.mark.browser


def upload(content: str = FILE, name: str = "kunden.csv") -> list[dict[str, object]]:
    return [{"name": name, "mimeType": "text/csv", "buffer": content.encode()}]


async def test_from_empty_to_a_bulk_action_taken_back(api: Client, console: Page) -> None:
    # Imported in three clicks: the page, the file, the button.
    await console.get_by_role("link", name="Imports").click()
    await console.get_by_label("Choose a file").set_input_files(upload())  # pyright: ignore[reportArgumentType]
    await expect(console.get_by_label("Handy is")).to_have_value("phone")
    await console.get_by_role("button", name="Import 3 rows").click()
    await expect(console.get_by_role("heading", name="Imported")).to_be_visible()
    await expect(console.get_by_role("cell", name="no @-sign").or_(console.get_by_text("is not valid"))).to_be_visible()
    # Found.
    await console.get_by_role("link", name="To the contacts").click()
    await console.get_by_label("Search name").press_sequentially("yılmaz")
    await expect(console.locator("tbody tr")).to_have_count(1)
    await console.locator("tbody a").click()
    await expect(console.get_by_role("heading", name="Ayşe Yılmaz")).to_be_visible()
    # Consent.
    await console.get_by_role("button", name="email: opted_out").click()
    await expect(console.get_by_role("button", name="email: opted_out")).to_have_attribute("aria-pressed", "true")
    # A segment of them, built by clicks and counted at once.
    await console.get_by_role("link", name="Segments", exact=True).click()
    await console.get_by_role("link", name="New segment").first.click()
    await console.get_by_label("Name", exact=True).fill("Family Yılmaz")
    await console.get_by_label("Field").select_option("last_name")
    await expect(console.get_by_label("Operator")).to_have_value("$eq")
    await console.get_by_label("Value").fill("Yılmaz")
    await console.get_by_label("Value").press("Tab")
    await expect(console.locator(".big")).to_have_text("1")
    await console.get_by_role("button", name="Save segment").click()
    await expect(console.get_by_role("heading", name="Family Yılmaz")).to_be_visible()
    await expect(console.get_by_role("link", name="Ayşe Yılmaz")).to_be_visible()
    # A bulk action on all, and back.
    await console.get_by_role("link", name="Contacts", exact=False).first.click()
    await console.get_by_label("Select the page").check()
    await console.get_by_label("Tag for the selected").fill("hello")
    await console.get_by_role("button", name="Add tag").click()
    await expect(console.get_by_role("status")).to_contain_text("Tag added to 2 contacts.")
    await console.get_by_role("button", name="Undo").click()
    await expect(console.get_by_role("status")).to_contain_text("Taken back for 2 contacts.")
    # The import, too, is taken back; who was edited since stays.
    api.data(
        "PATCH", f"/contacts/{api.get('/contacts', search='müller').json()['data'][0]['id']}", {"company": "Größe"}
    )
    await console.get_by_role("link", name="Imports").click()
    await console.get_by_role("link", name="kunden.csv").click()
    await console.locator("summary", has_text="Undo the import").click()
    await console.get_by_role("button", name="Undo it now").click()
    await expect(console.get_by_role("status")).to_contain_text("Undone:")
    await expect(console.get_by_text("The contact was edited after the import created it.").first).to_be_visible()
    assert "Müller" in [each["last_name"] for each in api.get("/contacts").json()["data"]]


async def test_the_wizard_by_keyboard_alone(api: Client, console: Page) -> None:
    await console.goto(f"{api.url}/console/imports")
    keyboard = console.keyboard
    await focus(console, lambda: console.locator(".paste summary"))
    await keyboard.press("Enter")
    await focus(console, lambda: console.get_by_label("Rows, as copied"))
    await keyboard.type("email,Other\nada@example.com,x\n")
    await focus(console, lambda: console.get_by_role("button", name="Look into the rows"))
    await keyboard.press("Enter")
    await expect(console.get_by_label("email is")).to_have_value("email")
    await focus(console, lambda: console.get_by_label("Other is"))
    await keyboard.type("Comp")
    await expect(console.get_by_label("Other is")).to_have_value("company")
    # Whatever the page shows anew, the focus stays where it was.
    await expect(console.get_by_text("2 of 2 are imported")).to_be_visible()
    await expect(console.get_by_label("Other is")).to_be_focused()
    await focus(console, lambda: console.get_by_role("button", name="Import 1 row"))
    await keyboard.press("Enter")
    await expect(console.get_by_role("heading", name="Imported")).to_be_visible()
    assert api.get("/contacts").json()["data"][0]["company"] == "x"


async def focus(page: Page, target) -> None:  # pyright: ignore
    """Press Tab until the target has the focus."""
    for _ in range(60):
        if await target().count() and await target().first.evaluate("node => node === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError("Tab does not reach it")


async def test_an_import_by_plain_forms(api: Client, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, api)
    await page.goto(f"{api.url}/console/imports")
    await page.get_by_label("Choose a file").set_input_files(upload())  # pyright: ignore[reportArgumentType]
    await page.get_by_role("button", name="Look into the file").click()
    await page.get_by_label("Stadt is").select_option("company")
    await page.get_by_role("button", name="Look again with these choices").click()
    await expect(page.get_by_label("Stadt is")).to_have_value("company")
    await page.get_by_role("button", name="Import 3 rows").click()
    await expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    assert {each["company"] for each in api.get("/contacts").json()["data"]} == {"Köln", "Bursa"}
    await context.close()


async def test_axe_finds_nothing_on_the_new_pages(api: Client, console: Page) -> None:
    one = api.contact(first_name="Ada", last_name="Lovelace", email="ada.lovelace@example.com", tags=["vip"])
    other = api.contact(first_name="Ada", last_name="Lovelace", email="ada.lovelace@example.org")
    api.data("PUT", f"/contacts/{one['id']}/preferences", {"preferences": {"email": True}})
    cap = api.data("POST", "/frequency-caps", {"name": "Daily", "limit": 1, "window_seconds": 86_400})
    await console.goto(f"{api.url}/console/imports")
    await console.get_by_label("Choose a file").set_input_files(upload())  # pyright: ignore[reportArgumentType]
    await console.wait_for_url(re.compile("/imports/drafts/"))
    draft = console.url.partition("/console")[2]
    job = api.request("POST", "/contacts/bulk", {"contacts": [{"email": "x@example.com"}, {"email": "bad"}]})
    paths = {
        "imports": "/imports",
        "import-draft": draft,
        "one-import": f"/imports/{job.json()['data']['import_job_id']}",
        "duplicates": "/duplicates",
        "compare": f"/duplicates/{one['id']}/{other['id']}",
        "merge-with": f"/contacts/{one['id']}/merge",
        "merges": f"/contacts/{one['id']}/merges",
        "sending": "/sending",
        "one-cap": f"/sending/caps/{cap['id']}",
        "quiet-hours": "/sending/quiet-hours?phone=%2B4915123456789&channel=sms",
        "model": "/model",
        "retention": "/settings/retention",
        "status": "/status",
    }
    faults: list[str] = []
    for name, path in paths.items():
        await console.goto(f"{api.url}/console{path}")
        faults += await axe_faults(console, name, dark=True)
        assert await console.evaluate("window.violations") == []
        await console.set_viewport_size({"width": 390, "height": 800})
        width = await console.evaluate("document.documentElement.scrollWidth")
        faults += [f"{path} is {width} wide on a phone"] if width > 390 else []
        await shoot(console, name)
    assert faults == [], "\n".join(faults)
