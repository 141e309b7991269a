"""The text of an HTML page, read in pieces: headings, paragraphs, lines and preformatted text; no scripts, no styles.

A page comes out as paragraphs with blank lines between them. `h1` to `h6`, and the page's `title` at the very top, are
lines that begin with `# ` to `###### `, which ragkernel.outline recognises; any other line that begins with `#` is
indented by one space. List items, table rows and `br` are lines, table cells are separated by ` | `, white space is one
space, but in `pre` as it is. Dropped are comments, script, style, template, and the head but for its title.

Why not html.parser: it looks at the same text again and again where a construct stays open (100 KB of `<a` take it ten
seconds), and its reading of scripts and comments changes with Python's patch releases, while equal input must give
equal chunks. This reader follows https://html.spec.whatwg.org/multipage/parsing.html as far as text is concerned, takes
time linear in the page, holds a few characters of it, and reads anything: what is never closed reaches to the end.

A page that begins as XML does (`<?xml`), or whose `html` element has an `xmlns`, is read as XHTML: a tag that ends with
`/>` has no content, and a CDATA section is text. Elsewhere the slash means nothing, and such a section is a comment.
"""

from __future__ import annotations

import codecs
import re
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DECLARED_WITHIN = 1024  # bytes from the beginning of a page, in which it may declare its encoding
TITLE_CHARS = 1000

_DECLARED = re.compile(
    rb"""\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*["']([\w.:-]+)|<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)""", re.I
)
# Codecs that are no encodings of files, can give what is no text, or are contradicted by a declaration in ASCII.
_NO_ENCODINGS = re.compile(r"(?:idna|punycode|undefined|(?:raw_)?unicode_escape|utf_?(?:7|16|32).*|mbcs|oem)\Z")
_MEANT_AS_1252 = frozenset({"ascii", "iso8859-1"})  # https://encoding.spec.whatwg.org/#names-and-labels

_NAME_CHARS = 64
_OPENING = re.compile(
    r"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<other>[!?]|/(?=[^a-zA-Z]))"
    rf"|(?P<closing>/?)(?P<name>[a-zA-Z][^\s/>]{{0,{_NAME_CHARS - 1}}}+))"
)
_OPENING_CHARS = len("<![CDATA[")
_COMMENT_END = re.compile(r"--!?>")
_TAG_STOP = re.compile(r"[>=]")
_WHITE = re.compile(r"\s*+")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{0,31});?")
_CUT_REFERENCE = re.compile(r"&[#0-9a-zA-Z]{0,33}\Z")
_LINES_LIKE_HEADINGS = re.compile(r"(?<=\n)#")

_RAW = {name: re.compile(rf"</(?i:{name})(?=[\s/>])") for name in "script style title iframe noembed noframes".split()}
_IN_HEAD = frozenset("html meta link base basefont bgsound noscript template".split()) | set(_RAW)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACE, _LINE, _PARAGRAPH, _CELL = " ", "\n", "\n\n", " | "
_RANKS = {"": 0, _SPACE: 1, _LINE: 2, _PARAGRAPH: 3, _CELL: 4}
_LINES = "address br caption center dd details div dt figcaption footer form header legend li option summary tr"
_PARAGRAPHS = "article aside blockquote body dir dl fieldset figure h1 h2 h3 h4 h5 h6 hr main menu nav ol p pre section"
_BREAKS = dict.fromkeys(_LINES.split(), _LINE) | dict.fromkeys((_PARAGRAPHS + " table ul").split(), _PARAGRAPH)
_IN_HEADINGS = frozenset({"br", "div", "center"})  # a block that does not end a heading which is not closed


def declared_encoding(beginning: bytes) -> str | None:
    """The encoding that a page's first bytes declare, in small letters, `utf-8` for all its spellings; None where
    Python knows none of that name for text."""
    match = _DECLARED.search(beginning[:DECLARED_WITHIN])
    if match is None:
        return None
    name = (match[1] or match[2]).decode("ascii", "replace").lower()
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    is_text = getattr(codec, "_is_text_encoding", True) and codec.incrementaldecoder is not None
    if not is_text or _NO_ENCODINGS.match(codec.name.replace("-", "_")):
        return None
    return "windows-1252" if codec.name in _MEANT_AS_1252 else "utf-8" if codec.name == "utf-8" else name


class MarkupText:
    """Turns a page into text, piece by piece; the text does not depend on where the page is cut.

    xml: whether the page is known to be XHTML, whatever it says of itself.
    """

    def __init__(self, xml: bool = False) -> None:
        self._rest = ""  # what was read and not yet understood
        self._read: Callable[[str, int, bool], int] = self._read_text
        self._name = ""  # of the tag that is being read, or of the element whose raw text is
        self._closing = self._slash = False
        self._before = ""  # the last characters of the tag that is being read, before its next `=` or `>`
        self._quote = ""
        self._title: str | None = None  # as far as it is read
        self._writer = _Writer()
        self._xml = xml
        self._in_head = False
        self._templates = 0

    def feed(self, piece: str, last: bool) -> str:
        """The text that `piece` adds. last: whether the page ends with it."""
        page = self._rest + piece
        end = len(page)
        if page.endswith("\r") and not last:
            end -= 1
        page, self._rest = page[:end].replace("\r\n", "\n").replace("\r", "\n"), page[end:]
        at = 0
        while at < len(page):
            before = (at, self._read)
            at = self._read(page, at, last)
            if (at, self._read) == before:
                break
        self._rest = page[at:] + self._rest
        return self._writer.take()

    # Each reads from page[at] on and returns how far it came: no further where more of the page is needed to go on.

    def _read_text(self, page: str, at: int, last: bool) -> int:
        opening = page.find("<", at)
        if opening == -1:
            cut = None if last else _CUT_REFERENCE.search(page, max(at, len(page) - 34))
            opening = cut.start() if cut else len(page)
        if opening > at:
            self._text(page[at:opening])
            return opening
        if page[at] != "<" or (len(page) - at < _OPENING_CHARS and not last):
            return at
        match = _OPENING.match(page, at)
        if match is None:
            end = at + 1
            while end < len(page) - _OPENING_CHARS and page[end] == page[end + 1] == "<":
                end += 1
            self._text(page[at:end])
            return end
        if match["comment"]:
            self._read = self._read_comment
            return at + 2  # `<!-->` is a whole comment
        if match["cdata"]:
            self._read = self._read_cdata
            return match.end()
        if match["other"]:
            self._xml = self._xml or page.startswith("<?xml", at)
            self._read = self._read_other
            return at + 1
        if match.end() == len(page) and not last and len(match["name"]) < _NAME_CHARS:
            return at
        self._name, self._closing, self._slash = match["name"].lower(), bool(match["closing"]), False
        self._before = ""
        self._read = self._read_tag
        return match.end()

    def _read_comment(self, page: str, at: int, last: bool) -> int:
        match = _COMMENT_END.search(page, at)
        if match is None:
            return len(page) if last else max(at, len(page) - 3)
        self._read = self._read_text
        return match.end()

    def _read_cdata(self, page: str, at: int, last: bool) -> int:
        end = page.find("]]>", at)
        if end == -1:
            stop = len(page) if last else max(at, len(page) - 2)
        else:
            stop = end
            self._read = self._read_text
        if self._xml:
            self._text(page[at:stop], raw=True)
        return stop if end == -1 else end + 3

    def _read_other(self, page: str, at: int, last: bool) -> int:
        end = page.find(">", at)
        if end == -1:
            return len(page)
        self._read = self._read_text
        return end + 1

    def _read_tag(self, page: str, at: int, last: bool) -> int:
        match = _TAG_STOP.search(page, at)
        self._before = (self._before + page[at : match.start() if match else len(page)])[-6:]
        if match is None:
            self._slash = page.endswith("/")
            return len(page)
        if match[0] == "=":
            if self._name == "html" and self._before[:1].isspace() and self._before[1:].lower() == "xmlns":
                self._xml = True
            self._read = self._read_value
            return match.end()
        if match.start() > at:
            self._slash = page[match.start() - 1] == "/"
        self._read = self._read_text
        self._tag(self._name, self._closing, self._slash and self._xml)
        return match.end()

    def _read_value(self, page: str, at: int, last: bool) -> int:
        match = _WHITE.match(page, at)
        begin = match.end() if match else at
        if begin == len(page):
            return begin
        self._slash = False
        self._read = self._read_tag
        if page[begin] in "\"'":
            self._quote = page[begin]
            self._read = self._read_quoted
            begin += 1
        return begin

    def _read_quoted(self, page: str, at: int, last: bool) -> int:
        end = page.find(self._quote, at)
        if end == -1:
            return len(page)
        self._read = self._read_tag
        return end + 1

    def _read_raw(self, page: str, at: int, last: bool) -> int:
        match = _RAW[self._name].search(page, at)
        end = match.start() if match else len(page) if last else max(at, len(page) - len(self._name) - 2)
        if self._title is not None:
            self._title = (self._title + page[at:end])[:TITLE_CHARS]
        if match is None:
            return end
        self._closing = True
        self._read = self._read_tag
        return match.end()

    def _text(self, text: str, raw: bool = False) -> None:
        """Text was read. raw: without character references."""
        if not self._templates and not self._in_head:
            self._writer.text(text if raw else _resolved(text))

    def _tag(self, name: str, closing: bool, empty: bool) -> None:
        """A whole tag was read. empty: it has no content and no closing tag."""
        if name in _RAW:
            if not closing and not empty:
                self._read = self._read_raw
                self._title = "" if name == "title" else None
            elif self._title is not None:
                self._writer.page_title(_resolved(self._title))
                self._title = None
        elif name == "template":
            self._templates = max(0, self._templates + (-1 if closing else 0 if empty else 1))
        elif name == "head":
            self._in_head = not closing and not empty
        elif not self._templates:
            if self._in_head and not closing and name not in _IN_HEAD:
                self._in_head = False  # its closing tag may be left out
            if not self._in_head:
                self._writer.tag(name, closing)
                if empty and name != "br":
                    self._writer.tag(name, closing=True)


def _resolved(text: str) -> str:
    """`text` with its character references resolved. Their length is bounded, because `unescape` fails on numbers of
    thousands of digits."""
    return _REFERENCE.sub(lambda match: unescape(match[0]), text) if "&" in text else text


class _Writer:
    """Lays out a page's text: what separates two words is written when the second one comes."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._separator = ""
        self._begun = False  # whether anything was written
        self._at_line = True  # whether the next character begins a line, whatever the separator
        self._heading = 0  # the level of the open heading
        self._heading_begun = False
        self._pre = 0  # how many are open
        self._pre_begins = False
        self._row_begun = self._cell_filled = False

    def take(self) -> str:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return "".join(parts)

    def page_title(self, title: str) -> None:
        """The title of the page, which counts only before all else."""
        words = title.split()
        if words and not self._begun:
            self._write("# " + " ".join(words), raw=True)
            self._separator = _PARAGRAPH

    def text(self, text: str) -> None:
        """Text of the page, with its white space; none where a reference stands for no character."""
        if not text:
            return
        if self._pre and not self._heading:
            if self._pre_begins:
                self._pre_begins = False
                text = text.removeprefix("\n")
            if text:
                self._write(_LINES_LIKE_HEADINGS.sub(" #", text))
                self._at_line = text.endswith("\n")
            return
        words = text.split()
        if text[0].isspace():
            self._separate(_SPACE)
        if words:
            self._write(" ".join(words))
            if text[-1].isspace():
                self._separate(_SPACE)

    def tag(self, name: str, closing: bool) -> None:
        """A tag between two texts."""
        self._pre_begins = False
        level = _HEADINGS.get(name, 0)
        if level or (name in _BREAKS and name not in _IN_HEADINGS):
            self._heading, self._heading_begun = 0 if closing else level, False
        if self._heading and not level:
            self._separate(_SPACE if name in _BREAKS else "")
        elif name == "br" and self._pre:
            self._write("\n")
            self._at_line = True
        elif name in ("td", "th"):
            self._cell(closing)
        elif name == "tr":
            self._row_begun = False
            if self._separator == _CELL:
                self._separator = ""
            self._separate(_LINE)
        else:
            self._separate(_BREAKS.get(name, ""))
        if name == "pre":
            self._pre = max(0, self._pre + (-1 if closing else 1))
            self._pre_begins = not closing

    def _cell(self, closing: bool) -> None:
        """Between two cells of a row stands one separator, whatever paragraphs they hold."""
        if closing:
            if self._cell_filled:
                self._separator = _SPACE
            self._cell_filled = False
            return
        if self._row_begun:
            self._separator = _CELL
        self._row_begun = True
        self._cell_filled = False

    def _separate(self, separator: str) -> None:
        if _RANKS[separator] > _RANKS[self._separator]:
            self._separator = separator

    def _write(self, text: str, raw: bool = False) -> None:
        separator, self._separator = self._separator if self._begun else "", ""
        at_line = self._at_line or separator in (_LINE, _PARAGRAPH)
        prefix = ""
        if self._heading and not self._heading_begun:
            self._heading_begun = True
            prefix = "#" * self._heading + " "
        elif at_line and text.startswith("#") and not raw:
            prefix = " "
        self._parts += (separator, prefix, text)
        self._begun = self._cell_filled = True
        self._at_line = False
