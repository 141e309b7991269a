"""SQLite's statements as trees: tokens in, nodes out."""

from __future__ import annotations

from .cursor import SyntaxNotRead
from .statements import Statement, parse, parse_view

__all__ = ["Statement", "SyntaxNotRead", "parse", "parse_view"]
