"""The console over a large workspace: bytes of a first visit, CPU of the server for a page, key press to new rows.

Bytes are what Chromium took from the wire, headers and compressed files included, with an empty cache.
"""

import argparse
import re
import shutil
import statistics
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks import cpu
from benchmarks.contacts import serving
from benchmarks.dataset import FAMILY, GIVEN, LARGE_KEY, database

REQUESTS = 150
KEYS = 41
LIMITS = {"bytes": 60_000, "cpu": 25.0, "keys": 250.0}

_console = Console(highlight=False, width=130)

# Measures from the next key press to the frame in which the list's form is another one.
_WATCH = """() => {
  window.took = null;
  let pressed = 0;
  const before = document.querySelector("#results");
  document.addEventListener("keydown", () => { pressed = performance.now(); }, { once: true, capture: true });
  const observer = new MutationObserver(() => {
    if (document.querySelector("#results") === before) return;
    observer.disconnect();
    requestAnimationFrame(() => { window.took = performance.now() - pressed; });
  });
  observer.observe(document.body, { childList: true, subtree: true });
}"""


def run(options: argparse.Namespace) -> None:
    with database(options.contacts, keep=options.keep) as dsn, serving(dsn) as (port, pid):
        url = f"http://127.0.0.1:{port}/console"
        with httpx.Client(follow_redirects=True, timeout=60) as visitor:
            visitor.post(f"{url}/sign-in", data={"key": LARGE_KEY}, headers={"Origin": f"http://127.0.0.1:{port}"})
            listed = visitor.get(f"{url}/contacts").text
            found = re.search(r'data-href="/console(/contacts/con_\w+)"', listed)
            assert found, "the list shows no contact"
            contact = url + found[1]
            pages = {"list of 50": f"{url}/contacts", "contact": contact, "its profile": f"{contact}/profile"}
            spent = {name: _cpu(visitor, pid, page) for name, page in pages.items()}
        with _chromium() as browser:
            taken = {name: _bytes(browser, url, pages[name]) for name in ("list of 50", "contact")}
            waits = _key_presses(browser, url)
    _report(options.contacts, spent, taken, waits)


def _cpu(visitor: httpx.Client, pid: int, page: str) -> tuple[float, float]:
    """CPU of the server process and wall time of one page, in milliseconds."""
    for _ in range(20):
        visitor.get(page).raise_for_status()
    before, started = cpu.of_process(pid), time.perf_counter()
    for _ in range(REQUESTS):
        visitor.get(page)
    seconds = time.perf_counter() - started
    return (cpu.of_process(pid) - before) / REQUESTS * 1000, seconds / REQUESTS * 1000


@contextmanager
def _chromium() -> Generator[Browser]:
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        raise SystemExit("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def _signed_in(browser: Browser, url: str) -> tuple[BrowserContext, Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_label("API key").fill(LARGE_KEY)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/contacts*")
    return context, page


def _bytes(browser: Browser, url: str, target: str) -> int:
    """What one page takes from the wire until it is quiet, in a signed-in browser with an empty cache."""
    context, page = _signed_in(browser, url)
    session: Any = context.new_cdp_session(page)
    sizes: list[float] = []
    count: Callable[[dict[str, Any]], None] = lambda event: sizes.append(event["encodedDataLength"])  # noqa: E731
    session.send("Network.enable")
    session.send("Network.clearBrowserCache")
    page.goto("about:blank")
    session.on("Network.loadingFinished", count)
    page.goto(target, wait_until="networkidle")
    context.close()
    return round(sum(sizes))


def _key_presses(browser: Browser, url: str) -> list[float]:
    """Milliseconds from the last letter of a search to the frame that shows its rows."""
    context, page = _signed_in(browser, url)
    waits: list[float] = []
    words = [f"{given} {family}" for given, family in zip(GIVEN, FAMILY * 2, strict=False)][:KEYS]
    for number, word in enumerate(words):
        search = page.locator("#search")
        search.fill(word[:-1])
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(60)
        search.focus()
        page.keyboard.press("End")
        page.evaluate(_WATCH)
        page.keyboard.type(word[-1])
        # Asked again and again: the page's policy forbids what a waiting function would be compiled by.
        while (took := page.evaluate("window.took")) is None:
            page.wait_for_timeout(20)
        if number:
            waits.append(took)
    context.close()
    return sorted(waits)


def _report(contacts: int, spent: dict[str, tuple[float, float]], taken: dict[str, int], waits: list[float]) -> None:
    table = Table(title=f"Console, {contacts:,} contacts")
    for heading in ("", "measured", "limit", ""):
        table.add_column(heading, justify="right" if heading else "left")
    rows = [(f"cold load of the {name}, kB", taken[name] / 1000, LIMITS["bytes"] / 1000) for name in taken]
    rows += [(f"server CPU, {name}, ms", spent[name][0], LIMITS["cpu"]) for name in spent]
    rows.append((f"key press to new rows, median of {len(waits)}, ms", statistics.median(waits), LIMITS["keys"]))
    for name, value, limit in rows:
        table.add_row(name, f"{value:.1f}", f"{limit:.0f}", "met" if value <= limit else "[b]missed[/b]")
    table.add_row("key press to new rows, p95, ms", f"{waits[int(len(waits) * 0.95)]:.1f}", "", "")
    for name, (_, wall) in spent.items():
        table.add_row(f"wall time, {name}, one at a time, ms", f"{wall:.1f}", "", "")
    _console.print(table)
