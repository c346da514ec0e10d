"""A real Chromium that can reach this machine only."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from tests.conftest import Client

LOOPBACK = "127.0.0.1"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}",
]
# What the browser tests leave for looking at: every page light, dark and on a phone.
SHOTS = Path(os.environ.get("ORBIT_SCREENSHOTS") or Path(__file__).parents[2] / "build" / "screenshots")
WIDE, PHONE = (1280, 900), (390, 844)
LOOKS = (("light", "light", WIDE), ("dark", "dark", WIDE), ("phone", "light", PHONE), ("phone-dark", "dark", PHONE))

# Pages report what their own content security policy stopped: a request that never left is a request too.
REPORT_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The machine's Chromium. Without one the test is skipped, or fails where `CI` is set."""
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        missing = "there is no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh page, 1280 by 900."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    await context.add_init_script(REPORT_VIOLATIONS)
    page = await context.new_page()
    yield page
    await context.close()


@pytest.fixture
async def foreign_requests(page: Page) -> list[str]:
    """The addresses outside this machine that the page asks for, as they come."""
    foreign: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((f"http://{LOOPBACK}:", "data:", "blob:", "about:")):
            foreign.append(request.url)

    page.on("request", note)
    return foreign


async def shoot(page: Page, name: str) -> None:
    """Take the page as it is, in every look; it is left light and wide."""
    for look, scheme, (width, height) in LOOKS:
        await page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        await page.set_viewport_size({"width": width, "height": height})
        await page.screenshot(path=SHOTS / f"{name}-{look}.png", animations="disabled")
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


@pytest.fixture
async def console(api: Client, page: Page, foreign_requests: list[str]) -> AsyncIterator[Page]:
    """Signed in with a full key. In the end nothing foreign was asked for and no policy was broken."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await sign_in(page, api)
    yield page
    assert (foreign_requests, errors) == ([], [])
    assert await page.evaluate("window.violations") == []


async def sign_in(page: Page, api: Client) -> None:
    await page.goto(f"{api.url}/console/")
    await page.get_by_label("API key").fill(api.key)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Contacts")).to_be_visible()


async def axe_faults(page: Page, name: str, *, dark: bool) -> list[str]:
    """What axe finds on the page as it is; in the dark only the contrasts, the rest being the same."""
    faults: list[str] = []
    for scheme, only in (("light", ""), ("dark", "{runOnly: ['color-contrast']}"))[: 1 + dark]:
        await page.emulate_media(color_scheme=scheme)  # pyright: ignore[reportArgumentType]
        # Evaluated by the driver, which the page's policy does not concern.
        await page.evaluate(f"typeof axe === 'undefined' && (() => {{{AXE.read_text()}}})()")
        found = await page.evaluate(f"axe.run({only}).then((report) => report.violations)")
        faults += [f"{name} {scheme} {fault['id']}: {node['html'][:160]}" for fault in found for node in fault["nodes"]]
    return faults
