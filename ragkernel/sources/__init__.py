"""The text files below a folder: found in a fixed order, measured, read; each with a reason when it is left out."""

from __future__ import annotations

from .languages import DEFAULT_GLOBS, language_of
from .reading import SourceChanged, SourceText, read
from .walk import Measure, Skipped, SourceFile, find, measure, printable

__all__ = [
    "DEFAULT_GLOBS",
    "Measure",
    "Skipped",
    "SourceChanged",
    "SourceFile",
    "SourceText",
    "find",
    "language_of",
    "measure",
    "printable",
    "read",
]
