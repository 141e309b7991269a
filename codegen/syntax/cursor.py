"""A place in a list of tokens, and what a parser asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.tokens import NAME, STRING, WORD, Token
from .nodes import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

# The words that are never names. All others are names where they make no sense as keywords
# (the fallback list in https://www.sqlite.org/src/file/src/parse.y).
RESERVED = frozenset(
    """ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE
    DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN
    LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION
    UNIQUE UPDATE USING VALUES WHEN WHERE""".split()
)
JOIN_WORDS = frozenset("CROSS FULL INNER LEFT NATURAL OUTER RIGHT".split())
_END = Token("end", "", 0, 0, 0)


class SyntaxNotRead(Exception):
    """The parser does not read this statement, though SQLite does. token: where it stopped."""

    def __init__(self, token: Token) -> None:
        super().__init__(f"not read: {token.text or 'the end'}")
        self.token = token


class Cursor:
    """Tokens without comments, and the next of them."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one further ahead; an empty one behind the last."""
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else _END

    def take(self) -> Token:
        token = self.peek()
        self._place += 1
        return token

    def at(self, *words: str) -> bool:
        """Whether these words or operators are next, one after the other."""
        return all(self._is(self.peek(ahead), word) for ahead, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Take these words or operators where they are next."""
        if not self.at(*words):
            return False
        self._place += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Take these words or operators. Raises SyntaxNotRead where others are next."""
        if not self.accept(*words):
            raise SyntaxNotRead(self.peek())

    def choose(self, *words: str) -> str:
        """Take and give the one of these words or operators that is next; "" for none."""
        found = next((word for word in words if self.at(word)), "")
        if found:
            self._place += 1
        return found

    def name(self) -> str:
        """Take a name."""
        token = self.take()
        if not token.is_name or token.is_word(*RESERVED):
            raise SyntaxNotRead(token)
        return token.value

    def at_alias(self) -> bool:
        """Whether a name stands next that can be an alias without AS."""
        token = self.peek()
        if token.kind != WORD:
            return token.kind in (NAME, STRING)
        word = token.text.upper()
        if word == "WINDOW":
            # A keyword only where a window's definition follows.
            return not (self.peek(1).is_name and self.peek(2).is_word("AS"))
        return word not in RESERVED and word not in JOIN_WORDS and word != "INDEXED"

    def alias(self) -> str:
        """Take `AS name` or `name` where one is next; "" for none."""
        if self.accept("AS"):
            return self.take().value
        return self.take().value if self.at_alias() else ""

    def names(self) -> tuple[str, ...]:
        """Take `(name, …)`."""
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return tuple(found)

    def skip_group(self) -> None:
        """Take everything up to the partner of the parenthesis that is next."""
        self.expect("(")
        depth = 1
        while depth:
            token = self.take()
            if token is _END:
                raise SyntaxNotRead(token)
            depth += (token.text == "(") - (token.text == ")")

    @property
    def place(self) -> int:
        return self._place

    def span(self, first: int) -> Span:
        """The text from the token at `first` to the one taken last."""
        return Span(self._tokens[first].start, self._tokens[self._place - 1].end)

    @property
    def finished(self) -> bool:
        return self._place >= len(self._tokens)

    def _is(self, token: Token, word: str) -> bool:
        return token.is_word(word) if token.kind == WORD else token.kind == "operator" and token.text == word
