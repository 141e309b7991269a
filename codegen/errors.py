"""The one error of the generator: something in the input, with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass


class GenerationError(Exception):
    """The input cannot be turned into code.

    file, line, column: where (1-based; column 0 = the whole line, line 0 = the whole file). message: what is wrong.
    hint: what to do about it. `str()` is one line, `file:line:column: message` and the hint.
    """

    def __init__(self, message: str, *, file: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text} (hint: {self.hint})" if self.hint else text


@dataclass(frozen=True, slots=True)
class Note:
    """What looks doubtful in the input and does not keep code from being made. `--strict` makes it an error.

    file, line, column: where, as in GenerationError. hint: what to do about it. rule: a word for the kind of note, as
    double-quoted, by which a caller picks some. `str()` is one line, `file:line:column: note: message` and the hint.
    """

    message: str
    file: str
    line: int
    column: int = 0
    hint: str = ""
    rule: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: note: {self.message}"
        return f"{text} (hint: {self.hint})" if self.hint else text

    def error(self) -> GenerationError:
        """The same as an error, for `--strict`."""
        return GenerationError(self.message, file=self.file, line=self.line, column=self.column, hint=self.hint)
