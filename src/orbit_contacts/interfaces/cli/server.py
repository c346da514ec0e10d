"""`orbit up`, `serve`, `worker` and `migrate`."""

import asyncio
import contextlib
import gc
import logging
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import asyncpg
import structlog
import typer
import uvicorn
from rich.console import Console

from orbit_contacts.core import migrations
from orbit_contacts.core.database import connect
from orbit_contacts.core.settings import InvalidSetting, Settings
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.interfaces.cli.postgres import DataDir, postgres, require_migrated, settings_with
from orbit_contacts.interfaces.http_protocol import LeanProtocol

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on. [ORBIT_HOST]")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on. [ORBIT_PORT, 8000]")]

_console = Console(stderr=True, highlight=False)


def up(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start everything: PostgreSQL, migrations, the first key, API, console and worker. Ctrl-C stops it."""
    settings = settings_with(data_dir, host=host, port=port)
    set_up_logs(settings)
    listening = listen(settings)
    with postgres(settings) as dsn:
        key = asyncio.run(_prepare(dsn, settings))
        announce(settings, listening, key)
        run(_serve_with_worker(settings, dsn, listening))


def serve(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Serve the API and the console only; run `orbit worker` beside it."""
    settings = settings_with(data_dir, host=host, port=port)
    set_up_logs(settings)
    listening = listen(settings)
    with postgres(settings) as dsn:
        asyncio.run(require_migrated(dsn))
        if settings.bootstrap_api_key:
            asyncio.run(_bootstrap(dsn, settings))
        run(_serve(settings, dsn, listening))


def worker(
    data_dir: DataDir = None,
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True, help="End when the parent process does.")] = False,
) -> None:
    """Run background jobs and periodic work."""
    settings = settings_with(data_dir)
    set_up_logs(settings)
    with postgres(settings) as dsn:
        asyncio.run(require_migrated(dsn))
        run(_work(settings, dsn, until_stdin_closes))


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's schema up to this version."""
    settings = settings_with(data_dir)
    with postgres(settings) as dsn:
        applied = asyncio.run(_migrate(dsn))
    for migration in applied:
        _console.print(f"applied [bold]{migration.name}[/]")
    if not applied:
        _console.print("The database is up to date.")


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where there is one: it spends less on each request than asyncio's own loop."""
    if sys.platform == "win32":
        asyncio.run(main)
    else:
        import uvloop

        uvloop.run(main)


def set_up_logs(settings: Settings) -> None:
    level = logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None:
        raise InvalidSetting(f"ORBIT_LOG_LEVEL is {settings.log_level!r}; expected debug, info, warning or error")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else starts, so that a taken one is said at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it; head and body of an answer are two writes, and the second must not wait for an ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise InvalidSetting(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
            "choose another port with --port or ORBIT_PORT"
        ) from None
    return listening


async def _migrate(dsn: str) -> list[migrations.Migration]:
    connection = await connect(dsn)
    try:
        return await migrations.migrate(connection)
    finally:
        await connection.close()


async def _prepare(dsn: str, settings: Settings) -> str | None:
    """Migrate and make the first workspace and key; gives the key if it is new."""
    await _migrate(dsn)
    return await _bootstrap(dsn, settings)


async def _bootstrap(dsn: str, settings: Settings) -> str | None:
    connection = await connect(dsn)
    try:
        return await workspaces.bootstrap(connection, settings.bootstrap_api_key)
    finally:
        await connection.close()


def announce(settings: Settings, listening: socket.socket, key: str | None) -> None:
    """Say where everything is, and one line of curl that works when pasted."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    url = settings.public_url.rstrip("/") or f"http://{host}:{port}"
    _console.print(f"\n[bold]Orbit Contacts[/] is starting on [bold]{url}[/]\n")
    _console.print(f"  API       {url}/api/v1/contacts")
    _console.print(f"  Docs      {url}/docs")
    _console.print(f"  Console   {url}/console")
    _console.print(f"  Health    {url}/health\n")
    if key is None:
        create = [sys.argv[0], "keys", "create", "NAME"]
        if settings.data_dir and not settings.database_url:
            create += ["--data-dir", str(settings.data_dir)]
        _console.print("  Your API key was shown at the first start. This makes another:\n")
        _console.print(f"  export ORBIT_API_KEY=$({shlex.join(create)})\n", soft_wrap=True, markup=False)
        shown = "$ORBIT_API_KEY"
    else:
        _console.print(f"  Your API key, shown this once:  [bold green]{key}[/]\n", soft_wrap=True)
        shown = key
    _console.print("  Try it:\n")
    body = '{"phone": "+14155552671", "first_name": "Jane"}'
    curl = f'curl {url}/api/v1/contacts -H "X-API-Key: {shown}"'
    _console.print(f"  {curl} -H 'Content-Type: application/json' -d '{body}'\n", soft_wrap=True)


def server_for(settings: Settings, dsn: str) -> uvicorn.Server:
    from orbit_contacts.interfaces.api import Application

    config = uvicorn.Config(
        Application(settings, dsn),
        http=LeanProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=1 << 16,
    )
    return uvicorn.Server(config)


async def _serve(settings: Settings, dsn: str, listening: socket.socket) -> None:
    # What is loaded now lives as long as the process; collections need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await server_for(settings, dsn).serve(sockets=[listening])


async def _serve_with_worker(settings: Settings, dsn: str, listening: socket.socket) -> None:
    """The server in this process, the worker in one of its own that is started again if it dies."""
    keeper = asyncio.create_task(_keep_worker(dsn, settings))
    try:
        await _serve(settings, dsn, listening)
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper


async def _keep_worker(dsn: str, settings: Settings) -> None:
    environment = os.environ | {"ORBIT_DATABASE_URL": dsn, "ORBIT_LOG_LEVEL": settings.log_level}
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "orbit_contacts",
            "worker",
            "--until-stdin-closes",
            stdin=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 10)
            if process.returncode is None:
                process.kill()
            raise
        structlog.get_logger().warning("the worker ended, starting another", code=process.returncode)
        await asyncio.sleep(1)


async def _work(settings: Settings, dsn: str, until_stdin_closes: bool) -> None:
    from orbit_contacts.interfaces.api import OPERATIONS
    from orbit_contacts.interfaces.worker import Worker

    assert OPERATIONS, "importing the application registers every feature's jobs and hooks"
    working = Worker(settings, dsn)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, working.stop)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, working.stop)
    with contextlib.suppress(asyncpg.InterfaceError):
        await working.run()


def _stop_at_end(stop: Callable[[], None]) -> None:
    """The parent's end of the pipe closed: it is gone, however it ended."""
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop()
