"""What a lint rule is, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. summary: what it finds. reason: why that matters. page: where SQLite's documentation says so. remark: it
    tells what may well be meant: shown when asked for, and no failure."""

    name: str
    summary: str
    reason: str
    page: str
    remark: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that a rule found. line, column: where, as in GenerationError. object: what it is about, the word by
    which a comment accepts it: a table, `table.column`, an index, or `module.function` for a plan."""

    file: str
    line: int
    column: int
    rule: str
    object: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.rule}: {self.message}"
        return f"{text} (hint: {self.hint})" if self.hint else text
