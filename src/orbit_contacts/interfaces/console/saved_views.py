"""Addresses of the contact list kept under a name: one's own or everybody's, and the one the list opens with."""

from typing import NamedTuple
from uuid import UUID

from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.database import Reader, Transaction
from orbit_contacts.core.errors import Conflict, InvalidRequest, NotFound

PREFIX = "view"
MAX_VIEWS = 50
MAX_NAME = 60
MAX_ADDRESS = 4_000


class SavedView(NamedTuple):
    """`address` is the query of the list, without its place; `is_mine` tells one's own from everybody's."""

    id: str
    name: str
    address: str
    is_mine: bool
    is_default: bool


async def of_caller(reader: Reader) -> list[SavedView]:
    """The caller's own views and everybody's, oldest first."""
    rows = await reader.fetch_all(
        """
        SELECT v.id, v.name, v.address, v.owner, d.view_id IS NOT NULL AS is_default
        FROM console_views v
        LEFT JOIN console_default_views d ON d.workspace_id = v.workspace_id AND d.view_id = v.id AND d.owner = $2
        WHERE v.workspace_id = $1 AND (v.owner IS NULL OR v.owner = $2)
        ORDER BY v.created_at, v.id
        """,
        reader.caller.workspace_id,
        reader.caller.actor,
    )
    return [
        SavedView(ids.text(PREFIX, row["id"]), row["name"], row["address"], row["owner"] is not None, row["is_default"])
        for row in rows
    ]


async def save(tx: Transaction, name: str, address: str, *, shared: bool) -> UUID:
    """Keep an address. A view everybody sees is a change of the workspace and needs the scope to write."""
    if shared:
        tx.caller.require("contacts:write")
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidRequest(
            "The view needs a name.", field="name", value=name[:100], expected=f"1-{MAX_NAME} characters"
        )
    if len(address) > MAX_ADDRESS:
        raise InvalidRequest(
            "The filters are too long to be kept.", field="address", value=len(address), expected=f"{MAX_ADDRESS}"
        )
    known = await of_caller(tx)
    if len(known) >= MAX_VIEWS:
        raise Conflict("There are too many views.", field="name", value=len(known), expected=f"at most {MAX_VIEWS}")
    if any(view.name.casefold() == name.casefold() for view in known):
        raise Conflict("There is a view of this name.", field="name", value=name, expected="another name")
    id = ids.mint(tx.now)
    await tx.execute(
        """
        INSERT INTO console_views (workspace_id, id, owner, name, address, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        tx.caller.workspace_id,
        id,
        None if shared else tx.caller.actor,
        name,
        address,
        tx.now,
    )
    return id


async def open_with(tx: Transaction, id: UUID | None) -> None:
    """The view that the caller's list opens with; None for all contacts."""
    await tx.execute(
        "DELETE FROM console_default_views WHERE workspace_id = $1 AND owner = $2",
        tx.caller.workspace_id,
        tx.caller.actor,
    )
    if id is not None:
        await _locked(tx, id)
        await tx.execute(
            "INSERT INTO console_default_views (workspace_id, owner, view_id) VALUES ($1, $2, $3)",
            tx.caller.workspace_id,
            tx.caller.actor,
            id,
        )


async def replace(tx: Transaction, id: UUID, address: str) -> None:
    """The view leads to another address from now on."""
    await _changeable(tx, id)
    if len(address) > MAX_ADDRESS:
        raise InvalidRequest(
            "The filters are too long to be kept.", field="address", value=len(address), expected=f"{MAX_ADDRESS}"
        )
    await tx.execute(
        "UPDATE console_views SET address = $3 WHERE workspace_id = $1 AND id = $2",
        tx.caller.workspace_id,
        id,
        address,
    )


async def delete(tx: Transaction, id: UUID) -> None:
    await _changeable(tx, id)
    await tx.execute("DELETE FROM console_views WHERE workspace_id = $1 AND id = $2", tx.caller.workspace_id, id)


async def _changeable(tx: Transaction, id: UUID) -> None:
    if (await _locked(tx, id))["owner"] is None:
        tx.caller.require("contacts:write")


async def _locked(tx: Transaction, id: UUID) -> Record:
    """A view the caller can see; refuses every other."""
    row = await tx.fetch_one(
        """
        SELECT owner FROM console_views
        WHERE workspace_id = $1 AND id = $2 AND (owner IS NULL OR owner = $3) FOR UPDATE
        """,
        tx.caller.workspace_id,
        id,
        tx.caller.actor,
    )
    if row is None:
        raise NotFound("There is no such view.", field="id", value=ids.text(PREFIX, id), expected="a view of yours")
    return row
