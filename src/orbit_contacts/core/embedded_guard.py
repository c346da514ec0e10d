"""The guardian: a tiny process that holds the embedded PostgreSQL and never leaves it behind.

It runs as `python -I -S embedded_guard.py …`, imports only the standard library, and outlives whoever
started it. Everything it knows about others are advisory locks (`flock`), because a lock vanishes with its
process, however that process ends, while a process id written in a file goes on to name a stranger:

- `guardian.lock`: held by the guardian, all its life. Its starter takes it and hands it over, still held.
- `server.lock`: inherited by the postmaster and every backend, so it is free only when none is left.
- `users/*`: one file for each process that uses the server, held by that process.
- `gate.lock`: held while users register, and by a guardian that found no user until it has gone. So a
  newcomer either is seen, or waits until the old server has stopped; there is no moment in between.

The postmaster is restarted when it dies while users remain (crash recovery keeps every committed row), and
stopped when the last user has gone. On Linux the kernel stops it when the guardian itself is killed.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Callable

PORT = 5432
"""Not a TCP port: the number in the name of the socket file, `.s.PGSQL.5432`."""

POLL_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
PATIENCE = ((signal.SIGINT, 120.0), (signal.SIGQUIT, 20.0), (signal.SIGKILL, 10.0))
"""Fast shutdown first; the two after it are as good as a crash, which PostgreSQL recovers from."""

PR_SET_PDEATHSIG = 1


class Server:
    """What to run. `data_argument` is the cluster as the server may name it; `owner` (uid, gid) or None."""

    def __init__(self, folder: str, postgres: str, data_argument: str, owner: tuple[int, int] | None) -> None:
        self.folder = folder
        self.cluster = os.path.join(folder, "cluster")
        self.postgres = postgres
        self.data_argument = data_argument
        self.owner = owner


def open_file(path: str, flags: int = os.O_RDWR) -> int:
    """Open or create a private file, never through a link; root leaves a new one to the folder's owner."""
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if os.geteuid() == 0:
        owner = os.stat(os.path.dirname(path))
        os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd


def take(path: str) -> int | None:
    """The locked file, or None while somebody else holds it. The lock lives until every copy is closed."""
    fd = open_file(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def release(fd: int) -> None:
    """Unlock and close. A process forked meanwhile may hold a copy, so closing alone might not unlock."""
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def has_users(folder: str, *, forget: bool = False) -> bool:
    """Whether a living process is registered; `forget` (only behind the gate) deletes those that died."""
    users = os.path.join(folder, "users")
    for name in os.listdir(users):
        path = os.path.join(users, name)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # it left just now
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if forget:
                os.unlink(path)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
    return False


def postmaster_status(cluster: str) -> tuple[int, str]:
    """Process id and status (`starting`, `ready`, `stopping`, …) by `postmaster.pid`; (0, "") without one.

    The file survives a killed server, so neither value is to be believed alone.
    """
    try:
        with open(os.path.join(cluster, "postmaster.pid"), encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (OSError, ValueError):
        return 0, ""


def runs_on(pid: int, cluster: str) -> bool:
    """Whether process `pid` is a postmaster on this very folder, and not a stranger with its number."""
    if pid <= 0:
        return False
    folder = os.stat(cluster)
    if not os.path.isdir("/proc/self"):  # macOS
        import subprocess

        command = ["lsof", "-a", "-c", "postgres", "-p", str(pid), "-d", "cwd", "-Fn"]
        lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
        return any(os.path.samestat(os.stat(line[1:]), folder) for line in lines if line.startswith("n"))
    # Even root may be refused a look at another user's process (a container without CAP_SYS_PTRACE), its
    # owner never is; and a server of this cluster always belongs to the cluster's owner.
    me = (os.geteuid(), os.getegid())
    if me[0] == 0:
        os.setegid(folder.st_gid)
        os.seteuid(folder.st_uid)
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
        return program == "postgres" and os.path.samestat(os.stat(f"/proc/{pid}/cwd"), folder)
    except OSError:
        return False
    finally:
        if me[0] == 0:
            os.seteuid(me[0])
            os.setegid(me[1])


def say(text: str) -> None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    with contextlib.suppress(OSError):
        os.write(2, f"{stamp} UTC [{os.getpid()}] GUARDIAN:  {text}\n".encode(errors="replace"))


def launch(server: Server) -> int | None:
    """Start the postmaster; its process id, or None while an older server still holds the folder."""
    lock = take(os.path.join(server.folder, "server.lock"))
    pid, _ = postmaster_status(server.cluster)
    if lock is None:
        # Its guardian was killed. Only a parent can watch a child for certain, so it starts anew under us.
        if runs_on(pid, server.cluster):
            os.kill(pid, signal.SIGINT)
        return None
    try:
        if runs_on(pid, server.cluster):
            say(f"process {pid} serves this folder and was not started by this program; stop it first")
            sys.exit(1)
        if pid > 0 and os.path.exists(f"/proc/{pid}"):
            # A recycled number: PostgreSQL would take the stranger for its own server and refuse to start.
            for name in ("postmaster.pid", f".s.PGSQL.{PORT}.lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(server.cluster, name))
        guardian = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                become_postmaster(server, lock, guardian)
            except BaseException as error:
                say(f"cannot run {server.postgres}: {error}")
            finally:
                os._exit(127)
        return child
    finally:
        os.close(lock)


def become_postmaster(server: Server, lock: int, guardian: int) -> None:
    os.setsid()  # Ctrl-C at a terminal is for the program, which then stops the server in its own time
    os.chdir(server.cluster)  # as root: the server may not be allowed to come here by its path
    if server.owner is not None:
        uid, gid = server.owner
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != guardian:
            return
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGURG):
        signal.signal(name, signal.SIG_DFL)
    os.set_inheritable(lock, True)
    # On the command line, so that no file can open a TCP port or move the socket. `.` is the cluster:
    # a relative name stays short however long the path is, and needs no right on the parents.
    settings = (
        "listen_addresses=",
        "unix_socket_directories=.",
        "unix_socket_permissions=0700",
        f"port={PORT}",
    )
    arguments = [word for setting in settings for word in ("-c", setting)]
    os.execv(server.postgres, [server.postgres, "-D", server.data_argument, *arguments])  # noqa: S606


def stop(pid: int) -> None:
    for name, patience in PATIENCE:
        os.kill(pid, name)  # our own child, not reaped yet: the number cannot have been given away
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(0.01)
        say(f"PostgreSQL did not stop on {name.name} within {patience:.0f} s")


def guard(server: Server, own_lock: int, wait: Callable[[float], None]) -> int:
    """Hold the server until its last user has gone: 0. A first start that fails is not repeated: 1."""
    pid: int | None = None
    was_ready, failures, next_start = False, 0, 0.0
    while True:
        if pid is not None:
            named, status = postmaster_status(server.cluster)
            if named == pid and status.startswith("ready"):
                was_ready, failures = True, 0
            gone, code = os.waitpid(pid, os.WNOHANG)
            if gone:
                pid = None
                say(f"PostgreSQL ended with {os.waitstatus_to_exitcode(code)}")
                if not was_ready:
                    return 1
                next_start = time.monotonic() + min((2.0**failures - 1.0) / 4, LONGEST_PAUSE_SECONDS)
                failures = min(failures + 1, 16)
        alone, gate = False, None
        try:
            mine = os.path.samestat(os.stat(os.path.join(server.folder, "guardian.lock")), os.fstat(own_lock))
            if mine and not has_users(server.folder):
                gate = take(os.path.join(server.folder, "gate.lock"))
                alone = gate is not None and not has_users(server.folder, forget=True)
        except FileNotFoundError:
            mine = False
        if alone or not mine:  # not mine: the data folder was deleted, perhaps made anew
            if pid is not None:
                stop(pid)
            return 0  # the gate opens, and guardian.lock is free, only as this process ends
        if gate is not None:
            os.close(gate)
        if pid is None and time.monotonic() >= next_start:
            pid = launch(server)
            next_start = time.monotonic() + 0.05
            announce(own_lock, pid or 0)
        wait(POLL_SECONDS if pid is not None and was_ready else 0.05)


def announce(own_lock: int, postmaster: int) -> None:
    """Write `<guardian> <postmaster>` into guardian.lock; true as long as the file is locked."""
    os.pwrite(own_lock, f"{os.getpid():<19} {postmaster:<19}\n".encode(), 0)


def announced(folder: str) -> tuple[int, int]:
    try:
        with open(os.path.join(folder, "guardian.lock"), encoding="ascii") as file:
            guardian, postmaster = file.read().split()
        return int(guardian), int(postmaster)
    except (OSError, ValueError):
        return 0, 0


def wake_only(number: int, frame: object) -> None:
    """A handler, so that the signal is written to the pipe that the loop waits on."""


def main(arguments: list[str]) -> int:
    """Arguments: folder, postgres program, data argument, `uid:gid` or `-`, fd of the held guardian.lock."""
    folder, postgres, data_argument, owner, lock = arguments
    uid, _, gid = owner.partition(":")
    server = Server(folder, postgres, data_argument, (int(uid), int(gid)) if gid else None)
    os.set_inheritable(int(lock), False)
    announce(int(lock), 0)

    # Signals only wake the loop: SIGCHLD, a server ended; SIGURG, a user left. SIGTERM does no more: when
    # the machine shuts down, the users are told as well, and need the server until they have finished.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for name in (signal.SIGCHLD, signal.SIGURG, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, wake_only)

    def wait(seconds: float) -> None:
        if select.select([wake], [], [], seconds)[0]:
            os.read(wake, 4096)

    return guard(server, int(lock), wait)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
