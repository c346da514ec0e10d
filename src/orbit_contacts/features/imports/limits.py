"""How large a file may be: 25 MB and 100,000 rows (contract, section 30), unless the server's settings allow more."""

from dataclasses import replace

from orbit_contacts.features.imports.readers import ReadLimits

AROUND = 1024 * 1024
"""Bytes that surround the file in a form."""

MAX_BODY = ReadLimits().max_bytes + AROUND

# Of what is sent; set when the application starts.
upload = ReadLimits()

RECEIVED = ReadLimits(max_bytes=1 << 40, max_expanded_bytes=1 << 40, max_rows=1 << 31)
"""Of a file that was within the limits when it was sent, wherever its job runs."""


def allow(max_rows: int, max_bytes: int) -> None:
    """Take files of so many rows and bytes; what they unpack to grows with them."""
    global upload
    usual = ReadLimits()
    expanded = max(usual.max_expanded_bytes, usual.max_expanded_bytes // usual.max_bytes * max_bytes)
    upload = replace(usual, max_rows=max_rows, max_bytes=max_bytes, max_expanded_bytes=expanded)
