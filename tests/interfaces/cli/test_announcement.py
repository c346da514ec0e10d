"""What `orbit up` prints can be pasted."""

import socket
from typing import Any

import pytest
from rich.console import Console

from orbit_contacts.core.settings import Settings
from orbit_contacts.interfaces.cli import server


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Any:
    console = Console(width=40, record=True, highlight=False)
    monkeypatch.setattr(server, "_console", console)
    monkeypatch.setattr("sys.argv", [".venv/bin/orbit", "up"])

    def announced(settings: Settings, key: str | None) -> str:
        with socket.create_server(("127.0.0.1", 0)) as listening, console.capture() as capture:
            server.announce(settings, listening, key)
        return capture.get()

    return announced


def test_the_first_start_shows_the_key_and_a_line_with_it(said: Any) -> None:
    text = said(Settings(), "dv_live_sk_x")
    assert "shown this once:  dv_live_sk_x\n" in text
    (line,) = [line for line in text.splitlines() if "curl" in line]
    assert '"X-API-Key: dv_live_sk_x"' in line


def test_a_later_start_says_how_to_make_the_key_that_its_line_uses(said: Any) -> None:
    lines = said(Settings(data_dir="/srv/two words"), None).splitlines()
    assert "  export ORBIT_API_KEY=$(.venv/bin/orbit keys create NAME --data-dir '/srv/two words')" in lines
    assert any("curl" in line and '"X-API-Key: $ORBIT_API_KEY"' in line for line in lines)
    lines = said(Settings(database_url="postgresql://db/orbit", data_dir="/srv"), None).splitlines()
    assert "  export ORBIT_API_KEY=$(.venv/bin/orbit keys create NAME)" in lines
