"""Every setting: its environment name, its default and one line of help.

A secret may also be given as a file: `ORBIT_DATABASE_URL_FILE=/run/secrets/url` reads the value from there.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import msgspec
from msgspec import Meta

from orbit_contacts.core.faults import in_words


def default_data_dir() -> Path:
    """The per-user place for the embedded database: the platform's application data folder."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/orbit-contacts")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "orbit-contacts"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "orbit-contacts"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    database_url: Annotated[str, Meta(description="PostgreSQL 16+ to use; empty runs the embedded one.")] = ""
    data_dir: Annotated[str, Meta(description="Folder of the embedded PostgreSQL and of stored files.")] = ""
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 8000
    public_url: Annotated[str, Meta(description="Address under which people reach the server.")] = ""
    docs_url: Annotated[str, Meta(description="Base of `docs_url` links in errors; empty: own guide.")] = ""
    bootstrap_api_key: Annotated[str, Meta(description="First key, instead of a generated one.")] = ""
    pool_size: Annotated[int, Meta(description="Database connections per server process.", ge=2)] = 10
    ad_hoc_pool_size: Annotated[int, Meta(description="Connections for searches and segments.", ge=1)] = 4
    statement_timeout: Annotated[float, Meta(description="Seconds one SQL statement may take.", gt=0)] = 15.0
    max_body_bytes: Annotated[int, Meta(description="Largest JSON body of an ordinary call.", ge=1024)] = 1 << 20
    import_max_rows: Annotated[int, Meta(description="Most rows of an imported file.", ge=1)] = 100_000
    import_max_bytes: Annotated[int, Meta(description="Largest imported file, as it is sent.", ge=1024)] = 25 << 20
    default_page_size: Annotated[int, Meta(description="Rows of a page without `limit`.", ge=1)] = 25
    max_page_size: Annotated[int, Meta(description="Largest `limit`.", ge=1)] = 200
    rate_limits: Annotated[bool, Meta(description="Refuse calls over the limits; headers come always.")] = False
    rate_limit_reads: Annotated[int, Meta(description="Reads per minute, key and operation.", ge=1)] = 120
    rate_limit_writes: Annotated[int, Meta(description="Writes per minute, key and operation.", ge=1)] = 60
    jwt_secret: Annotated[str, Meta(description="HS256 secret of dashboard tokens; empty: none accepted.")] = ""
    jwt_jwks: Annotated[str, Meta(description="JWKS document (JSON) for RS256 dashboard tokens.")] = ""
    trusted_proxies: Annotated[str, Meta(description="Addresses whose X-Forwarded-For counts, comma-separated.")] = ""
    log_level: Annotated[str, Meta(description="debug, info, warning or error.")] = "info"
    log_requests: Annotated[bool, Meta(description="Write one log line per request.")] = True

    @property
    def data_path(self) -> Path:
        return Path(self.data_dir).expanduser() if self.data_dir else default_data_dir()


# The page sizes are named without our prefix by the API's own documentation; both spellings work.
_ALSO = {"default_page_size": "DEFAULT_PAGE_SIZE", "max_page_size": "MAX_PAGE_SIZE"}


class InvalidSetting(Exception):
    """A setting that cannot be used; the message names it, its value and what was expected."""


def load(environment: Mapping[str, str] = os.environ, /, **overrides: object) -> Settings:
    """Settings from the environment; `overrides` (command line options) win unless None."""
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        name = f"ORBIT_{field.name.upper()}"
        text = environment.get(name) or environment.get(_ALSO.get(field.name, name))
        if not text and (path := environment.get(f"{name}_FILE")):
            text = Path(path).read_text().strip()
        if text:
            values[field.name] = text
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        name = place.rstrip("`")
        raise InvalidSetting(f"ORBIT_{name.upper()} is {values.get(name)!r}: {in_words(what, is_text=True)}.") from None
    if settings.default_page_size > settings.max_page_size:
        raise InvalidSetting(
            f"ORBIT_DEFAULT_PAGE_SIZE is {settings.default_page_size}: expected at most ORBIT_MAX_PAGE_SIZE, "
            f"{settings.max_page_size}."
        )
    return settings


def reference() -> list[tuple[str, str, str]]:
    """(variable, default, help) of every setting, for the documentation and `orbit doctor`."""
    hints = get_type_hints(Settings, include_extras=True)
    rows: list[tuple[str, str, str]] = []
    for field in msgspec.structs.fields(Settings):
        meta: Meta = get_args(hints[field.name])[1]
        rows.append((f"ORBIT_{field.name.upper()}", str(field.default), meta.description or ""))
    return rows
