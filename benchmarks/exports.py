"""Exports of the whole workspace beside one COPY … TO STDOUT: nobody's consent known, then that of a third."""

from collections.abc import AsyncIterator
from time import perf_counter

from benchmarks.results import Results
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import now
from orbit_contacts.core.database import Connection, Database, Unbound
from orbit_contacts.features.contacts.address_hash import hash_key, hash_of_identifier
from orbit_contacts.features.exports import service as exports
from orbit_contacts.features.exports.models import NewExport

TEN = ["id", "email", "phone", "first_name", "last_name", "company", "country_code", "language", "tags", "created_at"]

# Of each third contact: one opted in to e-mail and SMS, the next opted out of e-mail, which suppresses its address.
_STATES = """
INSERT INTO consent_states (workspace_id, cell_id, contact_id, opted_in, opted_out, opted_out_at, state, addresses)
SELECT workspace_id, cell_id, id, CASE WHEN is_out THEN '{sms}'::text[] ELSE '{email,sms}' END,
       CASE WHEN is_out THEN '{email}'::text[] ELSE '{}' END, CASE WHEN is_out THEN created_at END,
       jsonb_build_object('suppressions', '[]'::jsonb, 'last', 1, 'channels', jsonb_build_object(
           'sms', said || '{"status": "opted_in"}',
           'email', said || jsonb_build_object('status', CASE WHEN is_out THEN 'opted_out' ELSE 'opted_in' END))), '{}'
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n, row_number() OVER (ORDER BY id) % 6 = 0 AS is_out,
             jsonb_build_object('source', 'api', 'at', 1, 'record', id) AS said
      FROM contacts WHERE cell_id = $1 AND deleted_at IS NULL) AS numbered
WHERE n % 3 = 0
"""
_SUPPRESSIONS = (
    """
INSERT INTO suppressions (workspace_id, address_hash, scope, id, kind, address, lifted, source, record_id, created_by,
                          created_at)
SELECT i.workspace_id, """
    + hash_of_identifier("$2", "$3")
    + """, 'email', t.contact_id, i.kind, i.value, '{}', 'api', t.contact_id, 'bench', t.opted_out_at
FROM consent_states t JOIN contact_identifiers i USING (cell_id, contact_id)
WHERE t.cell_id = $1 AND t.opted_out_at IS NOT NULL AND i.kind = 'email'
"""
)


async def measure(database: Database, connection: Connection, caller: Caller, results: Results) -> None:
    count, seconds = await _copy(connection, caller)
    raw = count / seconds
    results.add("COPY … TO STDOUT (format csv)", count, seconds)
    for what, new in (
        ("export, CSV, nobody's consent known", NewExport()),
        ("export, CSV, ten columns", NewExport(fields=TEN)),
        ("export, NDJSON, nobody's consent known", NewExport(format="ndjson")),
    ):
        seconds = await _export(database, caller, new)
        results.add(what, count, seconds, share=count / seconds / raw, target="60 %" if new.format == "csv" else "")
    await _let_a_third_consent(database, connection, caller)
    for what, format in (("export, CSV, a third with consent", "csv"), ("export, NDJSON, the same", "ndjson")):
        seconds = await _export(database, caller, NewExport(format=format))
        results.add(what, count, seconds, share=count / seconds / raw, target="60 %" if format == "csv" else "")


async def _copy(connection: Connection, caller: Caller) -> tuple[int, float]:
    """Rows and seconds, the second of two times."""
    seconds, told = 0.0, ""
    for _ in range(2):
        started = perf_counter()
        told = await connection.copy_from_query(
            "SELECT * FROM contacts WHERE cell_id = $1 AND deleted_at IS NULL ORDER BY id",
            caller.cell(0),
            output=_nowhere,
            format="csv",
        )
        seconds = perf_counter() - started
    return int(told.split()[1]), seconds


async def _nowhere(data: bytes) -> None:
    pass


async def _export(database: Database, caller: Caller, new: NewExport) -> float:
    started, size = perf_counter(), 0
    async for piece in _pieces(database, caller, new):
        size += len(piece)
    assert size
    return perf_counter() - started


async def _pieces(database: Database, caller: Caller, new: NewExport) -> AsyncIterator[bytes]:
    async for data in exports.streamed(Unbound(database, caller, now()), new):
        yield data


async def _let_a_third_consent(database: Database, connection: Connection, caller: Caller) -> None:
    async with database.reader(caller) as reader:
        key = hash_key(reader)
    await connection.execute(_STATES, caller.cell(0), timeout=600)
    await connection.execute(_SUPPRESSIONS, caller.cell(0), key.inner, key.outer, timeout=600)
    await connection.execute("VACUUM ANALYZE consent_states, suppressions")
