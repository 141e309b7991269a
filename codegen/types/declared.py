"""Declared types → kinds: which Python type a column gets by the words that the schema says.

SQLite keeps to five affinities (https://www.sqlite.org/datatype3.html#affname), found by parts of words in this order:

| words hold | affinity | kind |
|---|---|---|
| INT | INTEGER | integer; number for FLOATING POINT and its like, plain_scalar for INTERVAL |
| CHAR, CLOB, TEXT | TEXT | text; moment for DATETIME TEXT, TIMESTAMP TEXT; json for JSON TEXT |
| BLOB | BLOB | blob; json for JSON BLOB |
| nothing at all | none | scalar: every value is kept as it is; so is ANY in a STRICT table |
| REAL, FLOA, DOUB | REAL | real |
| anything else | NUMERIC | by the table below |

NUMERIC affinity, and INTEGER where its INT is a part of another word, says little, and changes a text that looks like a
number into one: `1e5` in a column declared STRING comes back as 100000.0. So:

| declared | kind | why |
|---|---|---|
| BOOL… | flag | 0 and 1 |
| DATETIME…, TIMESTAMP… | moment | a text that no number is like. Where numbers are kept: override it |
| DATE…, TIME… | plain_text | text that is refused where it looks like a number |
| JSON…, JSONB | plain_json | JSON that is refused where SQLite would change it |
| GEOMETRY, POINT, MULTIPOLYGON, … | blob | https://www.geopackage.org/spec/#feature_user_tables |
| NUMERIC, DECIMAL, NUMBER, MONEY, BIT, YEAR, … | number | int or float |
| any other word: STRING, UUID, ENUM, ANY, … | plain_scalar | any value, but no text that looks like a number |

Whatever the kind, a stored value of another one is an error when it is read, and an override (`--config`) gives the
column another type.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Words for numbers that name no affinity. "" is a length alone, as in `(10, 2)`.
_NUMBERS = frozenset(
    """NUMERIC DECIMAL DEC NUMBER NUM FIXED MONEY SMALLMONEY CURRENCY BIT YEAR PERCENT LONG SHORT BYTE SERIAL BIGSERIAL
    SMALLSERIAL AUTOINCREMENT""".split()
)
# The geometry types of OGC simple features, which GeoPackage and SpatiaLite keep as BLOBs.
_GEOMETRY = re.compile(
    r"(GEOMETRY|(MULTI)?(POINT|LINESTRING|POLYGON|CURVE|SURFACE)|GEOMETRYCOLLECTION|GEOMCOLLECTION|CURVEPOLYGON"
    r"|CIRCULARSTRING|COMPOUNDCURVE|POLYHEDRALSURFACE|TIN|TRIANGLE|GEOGRAPHY)(ZM?|M)?"
)


@lru_cache(maxsize=1024)
def kind_of(declared: str, *, strict: bool = False) -> str:
    """The kind of a declared type. strict: it stands in a STRICT table."""
    words = declared.upper().strip()
    by = affinity(declared)
    first = re.split(r"[^A-Z0-9_]", words, maxsplit=1)[0]
    if "JSON" in words and by != "REAL":
        return "json" if by in ("TEXT", "BLOB") else "plain_json"
    if words.startswith(("DATETIME", "TIMESTAMP")) and by in ("NUMERIC", "TEXT"):
        return "moment"
    if by == "INTEGER":
        if "FLOATING" in words or "DOUBLE" in words or first == "REAL":
            return "number"
        return "blob" if _GEOMETRY.fullmatch(first) else "plain_scalar" if first == "INTERVAL" else "integer"
    if by == "NUMERIC":
        return _numeric(first, strict=strict)
    return {"TEXT": "text", "BLOB": "blob", "REAL": "real"}.get(by, "scalar")


def _numeric(first: str, *, strict: bool) -> str:
    """The kind of a column of NUMERIC affinity by its first word."""
    if first.startswith("BOOL"):
        return "flag"
    if first.startswith(("DATE", "TIME")):
        return "plain_text"
    if first == "ANY" and strict:
        return "scalar"
    if _GEOMETRY.fullmatch(first):
        return "blob"
    return "number" if first in _NUMBERS else "plain_scalar"


def affinity(declared: str) -> str:
    """SQLite's affinity of a declared type; "" for no type. (ANY has none in a STRICT table.)"""
    words = declared.upper()
    if "INT" in words:
        return "INTEGER"
    if any(word in words for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in words:
        return "BLOB"
    if not words:
        return ""
    if any(word in words for word in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"
