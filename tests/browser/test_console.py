"""The console in a real browser: the flows of a new user, the keyboard, and what no page may do."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import axe_faults, shoot, sign_in
from tests.conftest import Client

RULES = {"$and": [{"$or": [{"country_code": "DE"}, {"tags": {"$contains": "vip"}}]}, {"blocked": {"$ne": False}}]}

pytestmark = pytest.mark.browser


async def test_from_empty_to_a_tagged_contact_by_the_dialog(api: Client, console: Page) -> None:
    await expect(console.get_by_text("Nobody is here yet")).to_be_visible()
    await console.get_by_role("link", name="New contact").first.click()
    dialog = console.get_by_role("dialog", name="New contact")
    await dialog.get_by_label("First name").fill("Ada")
    await dialog.get_by_label("E-mail").fill("ada@example.com")
    await dialog.get_by_role("button", name="Add contact").click()
    await expect(console.get_by_role("heading", name="Ada")).to_be_visible()
    await console.get_by_label("New tag").fill("vip")
    await console.get_by_label("New tag").press("Enter")
    await expect(console.get_by_role("button", name="Remove the tag vip")).to_be_visible()
    assert api.get("/contacts", search="ada").json()["data"][0]["tags"] == ["vip"]


async def test_search_filters_as_typed_and_its_address_opens_anywhere(
    api: Client, console: Page, browser: Browser
) -> None:
    for name, stage in (("Ada", "lead"), ("Grace", "lead"), ("Adam", "customer")):
        api.contact(first_name=name, last_name="Stone", lifecycle_stage=stage)
    await console.reload()
    await console.get_by_label("Search name").press_sequentially("ada")
    await expect(console.locator("tbody tr")).to_have_count(2)
    await console.get_by_role("search").get_by_label("Stage", exact=True).select_option("lead")
    await expect(console.locator("tbody tr")).to_have_count(1)
    await expect(console).to_have_url(re.compile(r"search=ada&lifecycle_stage=lead"))
    await expect(console.locator("#pager")).to_contain_text("1–1 of 1")
    assert await console.evaluate("window.violations") == []
    context = await browser.new_context()
    fresh = await context.new_page()
    await fresh.goto(console.url)
    await fresh.get_by_label("API key").fill(api.key)
    await fresh.get_by_role("button", name="Sign in").click()
    await expect(fresh.locator("tbody tr")).to_have_count(1)
    await expect(fresh.get_by_label("Search name")).to_have_value("ada")
    await context.close()
    await console.locator("tbody a").click()
    await expect(console.get_by_role("heading", name="Ada Stone")).to_be_visible()
    await console.go_back()
    await expect(console.locator("tbody tr")).to_have_count(1)
    await expect(console.get_by_label("Search name")).to_have_value("ada")


async def test_details_consent_and_block_change_in_place(api: Client, console: Page) -> None:
    contact = api.contact(first_name="Ada", email="ada@example.com", phone="+4915123456789")
    await console.goto(f"{api.url}/console/contacts/{contact['id']}")
    await console.get_by_role("link", name="Edit").click()
    await console.get_by_label("Last name").fill("Lovelace")
    await console.get_by_role("button", name="Save").click()
    await expect(console.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    await console.get_by_role("button", name="email: opted_in").click()
    await expect(console.get_by_role("button", name="email: opted_in")).to_have_attribute("aria-pressed", "true")
    await console.get_by_role("button", name="sms: opted_out").click()
    await expect(console.get_by_role("button", name="sms: opted_out")).to_have_attribute("aria-pressed", "true")
    await console.get_by_placeholder("What should the next one").fill("Prefers mornings.")
    await console.get_by_role("button", name="Add note").click()
    await expect(console.locator("article.note")).to_contain_text("Prefers mornings.")
    await console.locator("summary", has_text="Block").click()
    await console.get_by_role("button", name="Block this contact").click()
    await expect(console.get_by_role("button", name="Unblock")).to_be_visible()
    stored = api.data("GET", f"/contacts/{contact['id']}")
    assert (stored["last_name"], stored["blocked"]) == ("Lovelace", True)
    states = api.data("GET", f"/contacts/{contact['id']}/preferences")["preferences"]
    assert (states["email"], states["sms"]) == ("opted_in", "opted_out")


async def test_profile_and_next_action_come_by_themselves_and_anew_after_a_change(api: Client, console: Page) -> None:
    contact = api.contact(first_name="Ada", email="ada@example.com")
    event = {"type": "message.sent", "channel": "email", "message_id": "m"}
    api.data("POST", f"/contacts/{contact['id']}/events", event)
    await console.goto(f"{api.url}/console/contacts/{contact['id']}")
    await expect(console.get_by_role("img", name="Messages per week")).to_be_visible()
    await expect(console.locator("#next")).to_contain_text("no consent known")
    await console.get_by_role("button", name="email: opted_out").click()
    await expect(console.locator("#next")).to_contain_text("opted out")
    await expect(console.get_by_role("img", name="Messages per week")).to_be_visible()


async def test_many_are_tagged_and_taken_back(api: Client, console: Page) -> None:
    for number in range(5):
        api.contact(first_name=f"P{number}")
    await console.reload()
    await console.locator(".pick").nth(0).check()
    await console.locator(".pick").nth(2).click(modifiers=["Shift"])
    await expect(console.locator("#count")).to_have_text("3")
    await console.get_by_label("Tag for the selected").fill("hello")
    await console.get_by_role("button", name="Add tag").click()
    await expect(console.get_by_role("status")).to_contain_text("Tag added to 3 contacts.")
    assert len(api.get("/contacts", tags="hello").json()["data"]) == 3
    await console.get_by_role("button", name="Undo").click()
    await expect(console.get_by_role("status")).to_contain_text("Taken back for 3 contacts.")
    assert api.get("/contacts", tags="hello").json()["data"] == []


async def test_the_list_is_walked_by_keyboard_alone(api: Client, console: Page) -> None:
    for name in ("First", "Second", "Third"):
        api.contact(first_name=name)
    await console.reload()
    keyboard = console.keyboard
    await keyboard.press("?")
    await expect(console.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await keyboard.press("Escape")
    for key in ("j", "x", "j", "x"):
        await keyboard.press(key)
    await expect(console.locator("#count")).to_have_text("2")
    await keyboard.press("Escape")
    await expect(console.locator("#bar")).to_be_hidden()
    await keyboard.press("/")
    await console.keyboard.type("second")
    await expect(console.locator("tbody tr")).to_have_count(1)
    await keyboard.press("Escape")
    await keyboard.press("j")
    await keyboard.press("Enter")
    await expect(console.get_by_role("heading", name="Second")).to_be_visible()
    await keyboard.press("Control+k")
    await console.keyboard.type("third")
    await expect(console.locator("#found")).to_contain_text("Third")
    await keyboard.press("Enter")
    await expect(console.get_by_role("heading", name="Third")).to_be_visible()


async def test_theme_is_there_from_the_first_byte(api: Client, console: Page) -> None:
    await console.get_by_role("button", name="Theme: auto").click()
    await expect(console.locator("html")).to_have_attribute("data-theme", "dark")
    assert 'data-theme="dark"' in await (await console.request.get(console.url)).text()


async def test_from_right_to_left_every_page_is_mirrored_and_nothing_sticks_out(api: Client, console: Page) -> None:
    contact = furnish(api)
    for path in ("/contacts", f"/contacts/{contact['id']}", "/segments/new", "/settings"):
        await console.goto(f"{api.url}/console{path}")
        await console.evaluate("document.documentElement.dir = 'rtl'")
        side, main = await console.locator(".side").bounding_box(), await console.locator("main").bounding_box()
        assert side is not None
        assert main is not None
        assert side["x"] > main["x"]
        assert await console.evaluate("document.documentElement.scrollWidth") <= 1280
    await console.set_viewport_size({"width": 390, "height": 800})
    assert await console.evaluate("document.documentElement.scrollWidth") <= 390


async def test_the_language_is_switched_where_one_is(api: Client, console: Page) -> None:
    api.contact(first_name="Ada")
    await console.goto(f"{api.url}/console/contacts?search=ada")
    await console.get_by_role("button", name="Türkçe").click()
    await expect(console.get_by_role("heading", name="Kişiler")).to_be_visible()
    await expect(console.locator("#pager")).to_contain_text("1 içinden 1–1")
    assert "search=ada" in console.url
    await console.get_by_role("button", name="English").click()
    await expect(console.get_by_role("heading", name="Contacts")).to_be_visible()


async def test_a_view_is_saved_changed_and_opened_first(api: Client, console: Page) -> None:
    for stage in ("lead", "customer"):
        api.contact(first_name="Ada", lifecycle_stage=stage)
    await console.reload()
    await console.get_by_role("search").get_by_label("Stage", exact=True).select_option("lead")
    await expect(console.locator("tbody tr")).to_have_count(1)
    await console.locator("summary", has_text="Save view").click()
    await console.get_by_label("Name", exact=True).fill("Leads")
    await console.get_by_label("Open contacts with it").check()
    await console.get_by_role("button", name="Save view").click()
    await expect(console.get_by_role("link", name="Leads")).to_have_attribute("aria-current", "page")
    await console.get_by_role("link", name="Columns").click()
    await console.get_by_role("checkbox", name="Company").check()
    await console.get_by_role("checkbox", name="Phone", exact=True).uncheck()
    await console.get_by_role("button", name="Show these").click()
    await expect(console.get_by_role("columnheader", name="Company")).to_be_visible()
    await console.locator("summary", has_text="View…").click()
    await console.get_by_role("button", name="Save the changes").click()
    await expect(console.get_by_role("status")).to_contain_text("The view was changed.")
    await console.goto(f"{api.url}/console/contacts")
    await expect(console.get_by_role("columnheader", name="Company")).to_be_visible()
    await expect(console.locator("tbody tr")).to_have_count(1)


async def test_a_behaviour_is_built_by_clicks_and_counted_at_once(api: Client, console: Page) -> None:
    ada = api.contact(first_name="Ada")
    api.contact(first_name="Grace")
    api.data("POST", f"/contacts/{ada['id']}/events", {"type": "order.placed"})
    await console.goto(f"{api.url}/console/segments/new?from=No phone number")
    await expect(console.locator(".big")).to_have_text("2")
    await console.get_by_label("Field").select_option("event")
    await console.get_by_label("Type of event").fill("order.placed")
    await console.get_by_label("Type of event").press("Tab")
    await expect(console.locator(".big")).to_have_text("1")
    await console.get_by_label("Did or did not").select_option("no")
    await expect(console.locator(".sample")).to_contain_text("Grace")
    await console.get_by_role("button", name="Save segment").click()
    await expect(console.get_by_role("heading", name="No phone number")).to_be_visible()


async def test_long_names_and_markup_stay_in_their_place(api: Client, console: Page) -> None:
    api.contact(display_name="<script>window.hit=1</script>", email="a@example.com")
    long = api.contact(display_name="W" * 200, company="漢" * 200, email="b@example.com", tags=["t" * 64] * 1)
    await console.reload()
    assert await console.evaluate("window.hit") is None
    await expect(console.get_by_role("link", name="<script>window.hit=1</script>")).to_be_visible()
    row = await console.locator("tbody tr").first.bounding_box()
    assert row is not None
    assert row["height"] < 45
    for width in (1280, 390):
        await console.set_viewport_size({"width": width, "height": 800})
        await console.goto(f"{api.url}/console/contacts/{long['id']}")
        assert await console.evaluate("document.documentElement.scrollWidth") <= width


async def test_pages_read_and_forms_work_without_javascript(api: Client, browser: Browser) -> None:
    contact = api.contact(first_name="Ada", email="ada@example.com")
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, api)
    await page.get_by_label("Search name").fill("ada")
    await page.get_by_label("Search name").press("Enter")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.locator(".pick").check()
    await page.get_by_label("Tag for the selected").fill("plain")
    await page.get_by_role("button", name="Add tag").click()
    await expect(page.get_by_role("status")).to_contain_text("Tag added to 1 contacts.")
    await page.goto(f"{api.url}/console/contacts/{contact['id']}")
    await page.get_by_role("button", name="email: opted_out").click()
    await expect(page.get_by_role("button", name="email: opted_out")).to_have_attribute("aria-pressed", "true")
    await context.close()


async def test_axe_finds_nothing_on_any_page(api: Client, console: Page) -> None:
    contact = furnish(api)
    known = api.data("GET", "/contacts/lists")[0]
    segment = api.data("POST", "/contacts/segments", {"name": "Leads", "rules": RULES})
    paths = {
        "list": "/contacts",
        "no-match": "/contacts?search=zzzz",
        "new": "/contacts/new",
        "contact": f"/contacts/{contact['id']}",
        "profile": f"/contacts/{contact['id']}/profile",
        "next": f"/contacts/{contact['id']}/next-best-action",
        "edit": f"/contacts/{contact['id']}?edit=details",
        "consent": f"/contacts/{contact['id']}/consent",
        "delete": f"/contacts/{contact['id']}/delete",
        "segments": "/segments",
        "one-segment": f"/segments/{segment['id']}",
        "builder": f"/segments/{segment['id']}/edit",
        "why": f"/segments/{segment['id']}/why/{contact['id']}",
        "exports": "/exports",
        "lists": "/lists",
        "one-list": f"/lists/{known['id']}",
        "opt-outs": "/opt-outs",
        "blocked": "/blocked",
        "suppressions": "/suppressions",
        "bulk": "/bulk",
        "settings": "/settings",
        "keys": "/settings/keys",
        "fields": "/settings/fields",
        "audit": "/settings/audit",
        "status": "/status",
        "palette": "/palette?q=a",
        "missing": "/nowhere",
    }
    faults: list[str] = []
    for name, path in (*paths.items(), ("sign-in", "/sign-in")):
        if name == "sign-in":
            await console.context.clear_cookies()
        await console.goto(f"{api.url}/console{path}")
        # The dark colours are the same everywhere, so some pages show them all.
        faults += await axe_faults(console, name, dark=name in ("list", "contact", "keys", "one-list", "sign-in"))
        assert await console.evaluate("window.violations") == []
        await shoot(console, name)
    assert faults == [], "\n".join(faults)


def furnish(api: Client) -> dict[str, str]:
    """Something on every page."""
    known = api.data("POST", "/contacts/lists", {"name": "Customers", "description": "Who bought"})
    contact = api.contact(
        first_name="Ada", last_name="Lovelace", email="ada@example.com", tags=["vip"], lifecycle_stage="customer"
    )
    api.contact(first_name="Grace", phone="+4915123456789", lifecycle_stage="lead", country_code="DE")
    api.data("POST", f"/contacts/lists/{known['id']}/members", {"contact_ids": [contact["id"]]})
    api.data("PUT", f"/contacts/{contact['id']}/preferences", {"preferences": {"email": True, "sms": False}})
    api.data("POST", f"/contacts/{contact['id']}/notes", {"body": "Prefers mornings."})
    api.data("POST", f"/contacts/{contact['id']}/block", {"reason": "asked for it"})
    api.data("POST", "/compliance/suppression-list", {"address": "gone@example.com"})
    api.data("POST", "/custom-fields", {"key": "plan", "type": "text"})
    api.data(
        "POST", "/contacts/actions", {"action": "add_tags", "contact_ids": [contact["id"]], "params": {"tags": ["a"]}}
    )
    api.data("POST", "/contacts/export", {})
    api.data(
        "POST", f"/contacts/{contact['id']}/events", {"type": "message.sent", "channel": "email", "message_id": "m"}
    )
    return contact
