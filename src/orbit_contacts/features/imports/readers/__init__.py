"""Files to rows: detect what a file is, then read it as a stream that bad content cannot stop."""

from orbit_contacts.features.imports.readers.detect import FileFormat, detect, detect_file
from orbit_contacts.features.imports.readers.records import Record, open_records
from orbit_contacts.features.imports.readers.rows import Fault, ReadLimits, Row, Table
from orbit_contacts.features.imports.readers.tables import open_rows, sheet_names

__all__ = [
    "Fault",
    "FileFormat",
    "ReadLimits",
    "Record",
    "Row",
    "Table",
    "detect",
    "detect_file",
    "open_records",
    "open_rows",
    "sheet_names",
]
