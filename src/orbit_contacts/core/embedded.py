"""The embedded PostgreSQL: one server for a data folder, shared by the processes that use it.

`start` joins the server of the folder, or starts it; `stop` leaves, and the last one to leave stops it. A
process that is killed has left, too. A guardian process (`embedded_guard`) holds the server; its files are
described in `embedded_cluster`. Needs Linux or macOS.
"""

import contextlib
import fcntl
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

from orbit_contacts.core import embedded_guard
from orbit_contacts.core.embedded_cluster import (
    cluster_major,
    data_argument,
    hand_over,
    make_cluster,
    remove_abandoned,
    write_settings,
)
from orbit_contacts.core.embedded_database import (
    check_unicode,
    prepare_database,
    reachable_folder,
    remove_link,
)
from orbit_contacts.core.embedded_guard import (
    announced,
    has_users,
    open_file,
    postmaster_status,
    release,
    take,
)
from orbit_contacts.core.embedded_programs import (
    PostgresUnavailable,
    find_binaries,
    program_environment,
    programs_for,
    server_owner,
)

__all__ = ["EmbeddedPostgres", "PostgresUnavailable", "check_unicode", "find_binaries"]

LOG_LIMIT = 10 * 1024 * 1024
STOP_SECONDS = 10 + sum(patience for _, patience in embedded_guard.PATIENCE)
STARTS = 2

registrations: set[int] = set()
"""Open lock files by which this process is registered. A forked child is not: it has to `start` itself."""


def forget_registrations() -> None:
    while registrations:
        os.close(registrations.pop())


os.register_at_fork(after_in_child=forget_registrations)


class EmbeddedPostgres:
    """The server of `<data_dir>/postgres`, as this process uses it. Its methods block their thread."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._folder = self._data_dir / "postgres"
        self._cluster = self._folder / "cluster"
        self._registration: tuple[Path, int] | None = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._left = threading.Event()
        self._dsn: str | None = None

    def start(self, *, timeout: float = 600) -> str:
        """Join or start the server; a DSN for the database `orbit_contacts`, as `orbit`, over its socket.

        `timeout`: seconds without a sign of progress (recovery after a crash logs one every 10 s). Raises
        `PostgresUnavailable`, having left the server again. `orbit` owns the database and is no superuser.
        """
        if self._dsn is not None:
            return self._dsn
        self._left.clear()
        try:
            make_folder(self._data_dir)
            make_folder(self._folder)
            make_folder(self._folder / "users")
            for _ in range(STARTS):
                self._join(timeout)
                if dsn := self._dsn_when_ready(timeout):
                    break
            else:
                raise PostgresUnavailable(f"PostgreSQL did not start.{self._last_words()}")
        except OSError as error:
            self._leave()
            raise PostgresUnavailable(f"PostgreSQL cannot run in {self._folder}: {error}") from error
        except BaseException:
            self._leave()
            raise
        self._dsn = dsn
        self._watcher = threading.Thread(target=self._watch, name="embedded-postgres", daemon=True)
        self._watcher.start()
        return dsn

    def _join(self, timeout: float) -> None:
        """Register, and see to it that there is a guardian."""
        with gate(self._folder, timeout) as held:
            if held is None:
                raise PostgresUnavailable(f"{self._folder} is held by a server that is stopping.{self._last_words()}")
            if self._registration is None:
                path = self._folder / "users" / f"{os.getpid()}-{secrets.token_hex(4)}"
                file = open_file(str(path))
                self._registration = path, file
                registrations.add(file)
                fcntl.flock(file, fcntl.LOCK_EX)  # waits for nobody but a guardian's glance
            lock = take(str(self._folder / "guardian.lock"))
            if lock is None:
                return
            try:
                self._start_guardian(lock, held)
            finally:
                os.close(lock)  # the guardian's copy keeps it locked

    def _start_guardian(self, lock: int, held: int) -> None:
        owner = server_owner(self._data_dir, self._cluster)
        major = cluster_major(self._cluster)
        programs = programs_for(owner, find_binaries(major))
        remove_abandoned(self._folder)
        if major is None:
            make_cluster(self._cluster, programs, owner, held)
        elif owner is not None:
            hand_over(self._cluster, owner)
        write_settings(self._cluster)
        log_path = self._folder / "postgres.log"
        with contextlib.suppress(FileNotFoundError):
            if log_path.stat().st_size > LOG_LIMIT:
                log_path.replace(log_path.with_suffix(".log.1"))
        log = open_file(str(log_path), os.O_WRONLY | os.O_APPEND)
        program = (sys.executable, "-I", "-S", embedded_guard.__file__)
        server = (data_argument(self._cluster, owner), f"{owner.uid}:{owner.gid}" if owner else "-")
        try:
            self._guardian = subprocess.Popen(  # noqa: S603 - our own program
                [*program, str(self._folder), str(programs.folder / "postgres"), *server, str(lock)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=program_environment(),
                pass_fds=(lock,),
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _dsn_when_ready(self, timeout: float) -> str | None:
        """Wait for the guardian's server; None when the guardian gave up."""
        size, deadline = -1, time.monotonic() + timeout
        while True:
            _, postmaster = announced(str(self._folder))
            pid, status = postmaster_status(str(self._cluster))
            if pid and pid == postmaster and status.startswith("ready"):
                dsn = prepare_database(reachable_folder(self._cluster))
                if dsn is not None:
                    return dsn
            if self._guardian_is_gone():
                return None
            grown = (self._folder / "postgres.log").stat().st_size
            if grown != size:
                size, deadline = grown, time.monotonic() + timeout
            if time.monotonic() > deadline:
                raise PostgresUnavailable(f"PostgreSQL is not ready after {timeout:g} s.{self._last_words()}")
            time.sleep(0.02)

    def _guardian_is_gone(self) -> bool:
        if self._guardian is not None and self._guardian.poll() is None:
            return False
        with gate(self._folder, 0) as held:
            return held is not None and is_free(self._folder / "guardian.lock")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self._folder / "postgres.log").read_text(errors="replace").splitlines()
            return "\n".join([" The end of its log:", *lines[-8:]])
        return ""

    def _watch(self) -> None:
        """Replace a guardian that was killed, and a link to the socket that was cleaned away."""
        pause = 1.0
        while self._registration is not None and not self._left.wait(pause):
            gone = False
            with contextlib.suppress(OSError, PostgresUnavailable):
                self._registration[0].stat()  # deleted with its data folder: nothing is to be made anew
                reachable_folder(self._cluster)
                gone = self._guardian_is_gone()
                if gone:
                    self._join(timeout=60)
            pause = min(pause * 2, 30.0) if gone else 1.0

    def stop(self) -> None:
        """Leave. The last user waits here until the server has stopped, cleanly."""
        self._left.set()
        if self._watcher is not None:
            self._watcher.join()
        self._dsn = self._watcher = None
        self._leave()
        deadline = time.monotonic() + STOP_SECONDS
        with contextlib.suppress(OSError):  # a data folder that was deleted: the guardian sees it by itself
            while not self._has_ended_or_has_others() and time.monotonic() < deadline:
                time.sleep(0.02)
                self._wake_guardian()

    def _leave(self) -> None:
        if self._registration is not None and self._registration[1] in registrations:
            path, file = self._registration
            registrations.remove(file)
            path.unlink(missing_ok=True)
            release(file)
        self._registration = None
        self._wake_guardian()

    def _wake_guardian(self) -> None:
        guardian, _ = announced(str(self._folder))
        if guardian:
            # Ignored by default: no harm, should the number have gone to a stranger.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(guardian, signal.SIGURG)

    def _has_ended_or_has_others(self) -> bool:
        with gate(self._folder, 0) as held:
            if held is None:
                return False
            if has_users(str(self._folder)):
                return True
            if not (is_free(self._folder / "guardian.lock") and is_free(self._folder / "server.lock")):
                return False
            remove_link(self._cluster)
        if self._guardian is not None:
            self._guardian.wait()  # it let go of its lock by ending
            self._guardian = None
        return True


def make_folder(path: Path) -> None:
    """A private folder; root leaves a new one to the owner of the folder above."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            above = path.parent.stat()
            os.chown(path, above.st_uid, above.st_gid)


@contextlib.contextmanager
def gate(folder: Path, timeout: float) -> Generator[int | None]:
    """Hold the gate: its file. Or None, when somebody else held it for all of `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while (lock := take(str(folder / "gate.lock"))) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield lock
    finally:
        if lock is not None:
            release(lock)


def is_free(path: Path) -> bool:
    lock = take(str(path))
    if lock is not None:
        release(lock)
    return lock is not None
