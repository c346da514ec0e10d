"""The embedded PostgreSQL: it starts for anybody, anywhere, closed to all others.

As root, pytest's temporary folders lie below folders that the server's user cannot enter; so do these.
"""

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from orbit_contacts.core import embedded_database
from orbit_contacts.core.embedded import EmbeddedPostgres, PostgresUnavailable
from orbit_contacts.core.embedded_guard import has_users
from orbit_contacts.core.embedded_programs import server_owner
from tests.core.embedded_processes import (
    SOURCES,
    answers,
    ask,
    folder_of,
    postmaster_of,
    server_processes,
    user_of,
    wait_until,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for many tests, with a space and non-ASCII letters; none may leave a server on it."""
    shared = tmp_path_factory.getbasetemp() / "Контакты of Zoë"
    yield shared
    assert wait_until(lambda: not server_processes(shared)), "a server was left behind"


def test_start_makes_a_database_that_keeps_what_is_written(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    assert server.start() == dsn
    ask(dsn, "create table if not exists people as select 'Zoë' as name")
    server.stop()
    assert not server_processes(data_dir)
    dsn = server.start()
    assert ask(dsn, "select name from people") == "Zoë"
    assert ask(dsn, "select show_trgm('ж')")
    assert ask(dsn, "select current_user || ' ' || current_database()") == "orbit orbit_contacts"
    assert ask(dsn, "select rolsuper from pg_roles where rolname = current_user") is False
    server.stop()


def test_the_server_is_closed_to_others(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    cluster = data_dir / "postgres" / "cluster"
    assert ask(dsn, "select current_setting('listen_addresses')") == ""
    assert stat.S_IMODE(cluster.stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    pid = postmaster_of(data_dir)
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    assert os.getsid(pid) == pid  # Ctrl-C at our terminal is not for it
    server.stop()


@needs_root
def test_root_may_keep_its_data_under_closed_folders(data_dir: Path) -> None:
    before = [(parent, parent.stat().st_mode) for parent in data_dir.parents]
    owner = server_owner(data_dir, data_dir / "postgres" / "cluster")
    assert owner is not None
    closed = subprocess.run(["ls", data_dir.parent], user=owner.uid, group=owner.gid, capture_output=True)
    assert closed.returncode != 0
    server = EmbeddedPostgres(data_dir)
    assert answers(server.start())
    server.stop()
    assert before == [(parent, parent.stat().st_mode) for parent in data_dir.parents]


def test_a_path_longer_than_a_socket_address(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long " * 20) / "with, a comma"
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    assert answers(dsn)
    link = embedded_database.links(data_dir / "postgres" / "cluster")[0]
    assert link.is_symlink()
    server.stop()
    assert not link.is_symlink()


def test_a_strange_file_in_place_of_the_link_is_not_followed(tmp_path: Path) -> None:
    cluster = tmp_path / ("long " * 20)
    first, second, *_ = embedded_database.links(cluster)
    first.symlink_to("/etc")
    try:
        assert embedded_database.reachable_folder(cluster) == second
        embedded_database.remove_link(cluster)
        assert first.is_symlink()
        assert not second.is_symlink()
    finally:
        first.unlink()


def test_settings_of_the_person_have_the_last_word(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    assert ask(dsn, "select current_setting('work_mem')") == "32MB"
    assert ask(dsn, "select current_setting('jit')") == "off"
    server.stop()
    own = data_dir / "postgres" / "cluster" / "postgresql.local.conf"
    before = own.read_text()
    own.write_text("work_mem = '7MB'\nlisten_addresses = '*'\n")
    dsn = server.start()
    assert ask(dsn, "select current_setting('work_mem')") == "7MB"
    assert ask(dsn, "select current_setting('listen_addresses')") == ""
    server.stop()
    own.write_text(before)


def test_a_server_that_cannot_start_says_why_and_is_not_left_behind(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    own = data_dir / "postgres" / "cluster" / "postgresql.local.conf"
    before = own.read_text()
    own.write_text("work_mem = 'plenty'\n")
    with pytest.raises(PostgresUnavailable, match=r'(?s)did not start.*work_mem.*"plenty"'):
        server.start(timeout=10)
    own.write_text(before)
    assert not has_users(folder_of(data_dir))
    assert answers(server.start(timeout=10))
    server.stop()


@needs_root
def test_an_ordinary_user_runs_the_server_as_itself() -> None:
    program = next((path for path in (sys.executable, "/usr/bin/python3") if runs_as_nobody(path)), None)
    if program is None:
        pytest.skip("no Python that the user nobody can run")
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        data_dir = Path(home, "my data")
        environment = {"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": module_paths()}
        with user_of(data_dir, program, env=environment, **as_nobody()) as (user, dsn):
            assert answers(dsn)  # root may join as well
            pid = postmaster_of(data_dir)
            assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
            root = EmbeddedPostgres(data_dir)
            root.start()
            user.kill()
            user.wait()
            assert answers(dsn)
            root.stop()
        assert not [path for path in Path(home).rglob("*") if path.stat().st_uid == 0], "root left files of its own"


def as_nobody() -> dict[str, Any]:
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}


def module_paths() -> str:
    return os.pathsep.join([SOURCES, str(Path(asyncpg.__file__).parents[1])])


def runs_as_nobody(program: str) -> bool:
    try:
        probe = subprocess.run(
            [program, "-c", "import orbit_contacts.core.embedded"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": module_paths()},
            capture_output=True,
            **as_nobody(),
        )
    except OSError:
        return False
    return probe.returncode == 0
