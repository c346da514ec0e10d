"""The wheel and the sdist are whole: installed where nothing else of ours is, without npm, and served from there."""

import contextlib
import os
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orbit_contacts import __version__
from tests.documents import ROOT

# A folder without npm or node: what a build or an installation needs must be in the files.
BARE = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "PIP_NO_INDEX": "1", "PIP_NO_INPUT": "1"}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    assert sorted(file.suffix for file in folder.iterdir()) == [".gz", ".whl"]
    return folder


@pytest.fixture(scope="module")
def installed(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty environment with the wheel; dependencies are borrowed, our own sources are not."""
    folder = tmp_path_factory.mktemp("installed") / "with a space"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    (wheel,) = distributions.glob("*.whl")
    run([sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", str(wheel)])
    # A path in a .pth file is searched, but .pth files in it are not read: the editable install stays out.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(command: list[str], **options: object) -> str:
    done = subprocess.run(command, env=BARE, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_command_is_that_of_the_wheel(installed: Path) -> None:
    where = run([str(installed), "-c", "import orbit_contacts; print(orbit_contacts.__file__)"])
    assert where.startswith(str(installed.parents[1]))
    assert __version__ in run([str(installed.with_name("orbit")), "--version"])


@pytest.fixture
def served(installed: Path, dsn: str) -> Iterator[str]:
    """The address of a server that runs from the wheel."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(installed.with_name("orbit")), "serve", "--port", str(port)]
    with subprocess.Popen(command, env=BARE | {"ORBIT_DATABASE_URL": dsn}, cwd="/", stderr=subprocess.PIPE) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        try:
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/health").is_success:
                        break
                time.sleep(0.05)
            assert process.poll() is None, process.stderr and process.stderr.read()
            yield url
        finally:
            process.terminate()
            process.wait(20)


def test_pages_are_served_with_their_browser_files(served: str) -> None:
    page = httpx.get(f"{served}/docs")
    assert page.status_code == 200
    for path in ("/docs/scalar.js", "/docs/start.js", "/docs/errors", "/openapi.json"):
        assert f"{path}" in page.text or path in ("/docs/errors", "/openapi.json")
        answer = httpx.get(f"{served}{path}")
        assert answer.status_code == 200, path
        assert answer.content
    assert httpx.get(f"{served}/console", follow_redirects=True).status_code == 200
    assert httpx.get(f"{served}/v1/contacts").status_code == 401


def test_the_catalogues_of_the_console_come_with_it(served: str) -> None:
    page = httpx.get(f"{served}/console/sign-in", headers={"Accept-Language": "tr"})
    assert "Oturum aç" in page.text
