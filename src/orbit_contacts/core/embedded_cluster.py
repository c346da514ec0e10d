"""The data folder of the embedded PostgreSQL: made once, sized for the machine at every start.

```
<data folder>/postgres/           0700, of whoever runs the program
├── cluster/                      PGDATA; 0700, of whoever runs the server; the socket lies in it
│   ├── orbit.conf                ours, rewritten at every start: do not edit
│   └── postgresql.local.conf     yours: read last
├── users/                        one locked file for each process that uses the server
├── gate.lock guardian.lock server.lock
└── postgres.log                  the server's and the guardian's
```
When root starts the server, the user it runs as has no right on root's folders above the cluster. It is
started *inside* the cluster and knows it only as `/proc/self/cwd`, a link that needs no right on any parent.

Whoever can open the socket is trusted, without a password: it lies in the cluster, which PostgreSQL insists
is closed (0700) to all but its owner, who could read the data files anyway, and a password file just as well.
TCP is off, and rejected by `pg_hba.conf` besides.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

from orbit_contacts.core.embedded_programs import Owner, PostgresUnavailable, Programs, run_as

SUPERUSER = "postgres"
LOCALES = ("C.UTF-8", "en_US.UTF-8")
"""The second for systems without the first. A plain `C` would blind trigrams to every non-ASCII letter."""

MIB = 1024 * 1024
BUILTIN_LOCALES_SINCE = 17
INCLUDES = """
# Settings of Orbit Contacts, written at every start; yours belong in postgresql.local.conf.
include_if_exists = 'orbit.conf'
include_if_exists = 'postgresql.local.conf'
"""
YOURS = "# Your settings: they are read last. Whatever is written here survives restarts and upgrades.\n"


def data_argument(cluster: Path, owner: Owner | None) -> str:
    """How the server is told its folder, when it is started inside it."""
    if owner is not None and Path("/proc/self/cwd").exists():
        return "/proc/self/cwd"
    return str(cluster)


def cluster_major(cluster: Path) -> int | None:
    """The PostgreSQL major version that made the cluster; None when there is none yet."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PostgresUnavailable(f"{cluster} is not a PostgreSQL data folder that can be read: {error}") from error


def hand_over(cluster: Path, owner: Owner) -> None:
    """Give a cluster that belongs to root, restored from a backup say, to the user that can run it."""
    if cluster.stat().st_uid != 0:
        return
    for folder, folders, files in os.walk(cluster):
        for name in (".", *folders, *files):
            os.chown(Path(folder, name), owner.uid, owner.gid, follow_symlinks=False)


def remove_abandoned(folder: Path) -> None:
    """Remove what is left of clusters whose making was killed."""
    for abandoned in folder.glob("cluster.new-*"):
        shutil.rmtree(abandoned, ignore_errors=True)


def make_cluster(cluster: Path, programs: Programs, owner: Owner | None, gate: int) -> None:
    """Make `cluster`, whole or not at all: it is made beside and renamed.

    `gate`: the open file whose lock keeps others out. `initdb` holds it as well, and so keeps them out until
    it has ended even if this process is killed.
    """
    complaint = ""
    for locale in LOCALES:
        made = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=cluster.parent))
        try:
            if owner is not None:
                os.chown(made, owner.uid, owner.gid)
            result = run_as(owner, initdb_command(made, programs, owner, locale), cwd=made, keep=(gate,))
            if result.returncode == 0:
                with inside(made) as folder:
                    append(folder, "postgresql.conf", INCLUDES)
                    append(folder, "postgresql.local.conf", YOURS, os.O_CREAT | os.O_EXCL)
                made.rename(cluster)
                sync(cluster.parent)
                return
            complaint = (result.stderr or result.stdout).strip()
        except (OSError, subprocess.SubprocessError) as error:
            complaint = str(error)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        if "locale" not in complaint:
            break
    raise PostgresUnavailable(f"A PostgreSQL data folder could not be made in {cluster.parent}: {complaint}")


def initdb_command(made: Path, programs: Programs, owner: Owner | None, locale: str) -> list[str | Path]:
    command: list[str | Path] = [
        programs.folder / "initdb",
        "-D",
        data_argument(made, owner),
        "-U",
        SUPERUSER,
    ]
    command += ["-E", "UTF8", f"--locale={locale}", "--data-checksums"]
    command += ["--auth-local=trust", "--auth-host=reject"]
    if programs.major >= BUILTIN_LOCALES_SINCE:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return command


def write_settings(cluster: Path) -> None:
    """Write `orbit.conf` anew; the person's own file, read after it, has the last word."""
    text = "# Written by Orbit Contacts at every start; yours belong in postgresql.local.conf.\n"
    text += "".join(f"{name} = '{value}'\n" for name, value in settings().items())
    with inside(cluster) as folder:
        with contextlib.suppress(FileNotFoundError):
            os.unlink("orbit.conf.new", dir_fd=folder)
        append(folder, "orbit.conf.new", text, os.O_CREAT | os.O_EXCL)
        os.replace("orbit.conf.new", "orbit.conf", src_dir_fd=folder, dst_dir_fd=folder)


def settings() -> dict[str, str]:
    """Sized from the memory: an eighth is PostgreSQL's own cache, as little as 128 MB, 2 GB at most."""
    memory = memory_bytes()
    return {
        "shared_buffers": megabytes(memory // 8, at_least=128, at_most=2048),
        "effective_cache_size": megabytes(memory // 2, at_least=256, at_most=1024 * 1024),
        "maintenance_work_mem": megabytes(memory // 16, at_least=64, at_most=512),
        "work_mem": "32MB",
        "dynamic_shared_memory_type": shared_memory_type(),
        "max_connections": "100",
        "random_page_cost": "1.1",
        "jit": "off",
        "fsync": "on",
        # The built-in method takes 80 µs of CPU for each page first changed after a checkpoint, half of what a recorded
        # event costs in all; without it the log grows twice as fast, within the same bound.
        "wal_compression": "off",
        "min_wal_size": "128MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "track_io_timing": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
        "cluster_name": "orbit-contacts",
    }


def memory_bytes() -> int:
    """The machine's memory, or the container's limit where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # absent, or "max"
            memory = min(memory, int(Path(limit).read_text()))
    return memory


def megabytes(size: int, *, at_least: int, at_most: int) -> str:
    return f"{min(max(size // MIB, at_least), at_most)}MB"


def shared_memory_type() -> str:
    """Parallel queries share memory through /dev/shm, of which a container has 64 MB: then through files."""
    with contextlib.suppress(OSError):
        state = os.statvfs("/dev/shm")  # noqa: S108 - only measured
        if state.f_blocks * state.f_frsize < 512 * MIB:
            return "mmap"
    return "posix"


@contextlib.contextmanager
def inside(folder: Path) -> Generator[int]:
    """The folder, open, for files named relative to it.

    The cluster belongs to a less privileged user than root: a link that it might put in our way is not
    followed, and the folder cannot be exchanged while we write.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield fd
    finally:
        os.close(fd)


def append(folder: int, name: str, text: str, flags: int = 0) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | flags, 0o600, dir_fd=folder)
    try:
        if os.geteuid() == 0:
            owner = os.fstat(folder)
            os.fchown(fd, owner.st_uid, owner.st_gid)
        os.write(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)


def sync(folder: Path) -> None:
    with inside(folder) as fd:
        os.fsync(fd)
