"""Processes share the embedded PostgreSQL and are killed: no server is left behind, no committed row lost."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orbit_contacts.core.embedded import EmbeddedPostgres, PostgresUnavailable, find_binaries, gate, is_free
from orbit_contacts.core.embedded_guard import announced, postmaster_status
from orbit_contacts.core.embedded_programs import Owner
from tests.core.embedded_processes import (
    USER_PROCESS,
    answers,
    ask,
    folder_of,
    postmaster_of,
    python,
    server_processes,
    user_of,
    wait_until,
)

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for many tests, with a space and non-ASCII letters; none may leave a server on it."""
    shared = tmp_path_factory.getbasetemp() / "Контакты of Zoë"
    yield shared
    assert wait_until(lambda: not server_processes(shared)), "a server was left behind"


def test_two_processes_share_a_server_and_the_last_one_stops_it(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    with user_of(data_dir) as (other, dsn):
        assert server.start() == dsn
        pid = postmaster_of(data_dir)
        other.communicate("\n", timeout=20)
        assert other.returncode == 0
        assert answers(dsn)
        assert postmaster_of(data_dir) == pid
    server.stop()
    assert not server_processes(data_dir)


def test_a_killed_process_leaves_no_server_behind(data_dir: Path) -> None:
    with user_of(data_dir) as (user, dsn):
        assert answers(dsn)
        user.kill()
        assert wait_until(lambda: not server_processes(data_dir), 15)
    assert wait_until(lambda: is_free(data_dir / "postgres" / "guardian.lock"), 15)


def test_a_child_forked_by_a_killed_process_does_not_keep_the_server(data_dir: Path) -> None:
    forking = USER_PROCESS.replace("if sys.stdin", "import os, time\nif os.fork() == 0: time.sleep(20)\nif sys.stdin")
    parent = python(forking, data_dir, start_new_session=True)
    assert parent.stdout
    assert parent.stdout.readline()
    assert wait_until(lambda: len(process_group(parent.pid)) == 2)
    time.sleep(0.1)
    parent.kill()
    try:
        assert wait_until(lambda: not server_processes(data_dir), 15)
        assert process_group(parent.pid)
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate(timeout=5)


def process_group(leader: int) -> list[int]:
    found: list[int] = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(entry)) == leader:
                found.append(int(entry))
    return found


def test_a_killed_postmaster_comes_back_with_everything_committed(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    ask(dsn, "create table if not exists promises as select 'kept' as word")
    killed = postmaster_of(data_dir)
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: postmaster_of(data_dir) not in (killed, 0) and answers(dsn))
    assert ask(dsn, "select word from promises") == "kept"
    server.stop()


def test_a_killed_guardian_is_replaced_while_the_server_is_used(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    dsn = server.start()
    killed, postmaster = announced(folder_of(data_dir))
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: announced(folder_of(data_dir))[0] != killed and postmaster_of(data_dir) and answers(dsn))
    assert postmaster_of(data_dir) != postmaster
    server.stop()


def test_start_replaces_a_guardian_that_was_just_killed(data_dir: Path) -> None:
    with user_of(data_dir) as (user, _):
        guardian, _ = announced(folder_of(data_dir))
        user.send_signal(signal.SIGSTOP)  # so that only our own start can replace it
        os.kill(guardian, signal.SIGKILL)
        server = EmbeddedPostgres(data_dir)
        assert answers(server.start())
        user.kill()
        user.wait()
        server.stop()
    assert not server_processes(data_dir)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_guardian_and_user_killed_at_once_leave_no_server_behind(data_dir: Path) -> None:
    with user_of(data_dir) as (user, _):
        guardian, _ = announced(folder_of(data_dir))
        user.kill()
        os.kill(guardian, signal.SIGKILL)
    assert wait_until(lambda: not server_processes(data_dir), 15)


def test_a_recycled_process_id_is_not_taken_for_a_server(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    cluster = data_dir / "postgres" / "cluster"
    owner = Owner(cluster.stat().st_uid, cluster.stat().st_gid) if AS_ROOT else None
    with subprocess.Popen(["sleep", "60"], user=owner.uid if owner else None) as stranger:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            stale = cluster / name
            stale.write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n.\n\n  5432001 1\nready   \n")
            if owner:
                os.chown(stale, owner.uid, owner.gid)
        assert answers(server.start(timeout=10))
        assert stranger.poll() is None
        server.stop()
        stranger.kill()


def test_a_server_started_by_hand_is_reported_and_left_alone(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    cluster = data_dir / "postgres" / "cluster"
    state = cluster.stat()
    owner = (state.st_uid, state.st_gid) if AS_ROOT else (None, None)
    command = [find_binaries().folder / "postgres", "-D", "/proc/self/cwd", "-c", "listen_addresses="]
    command += ["-c", "unix_socket_directories=."]
    with subprocess.Popen(command, cwd=cluster, user=owner[0], group=owner[1], stderr=subprocess.DEVNULL) as by_hand:
        assert wait_until(lambda: postmaster_status(str(cluster)) == (by_hand.pid, "ready"))
        with pytest.raises(PostgresUnavailable, match=f"process {by_hand.pid} serves this folder"):
            server.start(timeout=10)
        assert by_hand.poll() is None
        assert postmaster_status(str(cluster)) == (by_hand.pid, "ready")
        by_hand.send_signal(signal.SIGINT)


def test_a_kill_during_initdb_leaves_no_half_cluster(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with python(USER_PROCESS, data_dir) as user:
        assert wait_until(lambda: list(data_dir.glob("postgres/cluster.new-*/base")))
        user.kill()
    assert not (data_dir / "postgres" / "cluster").exists()
    server = EmbeddedPostgres(data_dir)
    assert answers(server.start())
    assert not list(data_dir.glob("postgres/cluster.new-*"))
    server.stop()


def test_a_server_restarts_in_time_for_those_who_come_as_the_last_one_leaves(data_dir: Path) -> None:
    code = """
import asyncio, sys, time
from pathlib import Path
import asyncpg
from orbit_contacts.core.embedded import EmbeddedPostgres
async def ask(dsn):
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
end = time.monotonic() + 2
while time.monotonic() < end:
    server = EmbeddedPostgres(Path(sys.argv[1]))
    asyncio.run(ask(server.start(timeout=20)))
    server.stop()
"""
    crowd = [python(code, data_dir, stderr=subprocess.PIPE) for _ in range(3)]
    outcomes = [(process.communicate(timeout=60)[1], process.returncode) for process in crowd]
    assert outcomes == [("", 0)] * 3


def test_a_deleted_data_folder_takes_its_server_with_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with user_of(data_dir):
        # More than once, perhaps: the server still writes and deletes files of its own.
        assert wait_until(lambda: shutil.rmtree(data_dir, ignore_errors=True) or not data_dir.exists())
        assert wait_until(lambda: not server_processes(data_dir), 15)
        time.sleep(1.5)
        assert not data_dir.exists()


def test_nobody_joins_a_server_that_is_stopping(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    with gate(data_dir / "postgres", 1) as held:  # as its guardian does
        assert held is not None
        with pytest.raises(PostgresUnavailable, match="held by a server that is stopping"):
            server.start(timeout=0.2)
    assert answers(server.start())
    server.stop()
