"""Which PostgreSQL a command works on: the given URL, or the embedded one on the data folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from orbit_contacts.core import migrations
from orbit_contacts.core.database import connect
from orbit_contacts.core.settings import InvalidSetting, Settings, load

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the embedded PostgreSQL. [ORBIT_DATA_DIR]")]


@contextmanager
def postgres(settings: Settings) -> Generator[str]:
    """A DSN for the length of a command; the embedded server runs as long as somebody uses it."""
    if settings.database_url:
        yield settings.database_url
        return
    from orbit_contacts.core.embedded import EmbeddedPostgres

    embedded = EmbeddedPostgres(settings.data_path)
    try:
        yield embedded.start()
    finally:
        embedded.stop()


def settings_with(data_dir: Path | None, **options: object) -> Settings:
    return load(data_dir=str(data_dir) if data_dir else None, **options)


async def require_migrated(dsn: str) -> None:
    """A command that works on the data needs the schema of this version."""
    connection = await connect(dsn)
    try:
        if todo := await migrations.pending(connection):
            raise InvalidSetting(f"the database lacks {len(todo)} migrations; run `orbit migrate` or `orbit up` first")
    finally:
        await connection.close()
