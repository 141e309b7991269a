"""HTML as text: what becomes of a page's elements, whatever it is cut into, whatever it is made of."""

from __future__ import annotations

import random
from html import unescape
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragkernel.chunking import split
from ragkernel.markup import TITLE_CHARS, MarkupText, declared_encoding
from ragkernel.outline import headings
from ragkernel.sources import DEFAULT_GLOBS, Skipped, SourceFile, SourceText, read

from .test_sources import never
from .test_streams import cut

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def text_of(pieces: Iterable[str]) -> str:
    page = MarkupText()
    return "".join([page.feed(piece, last=False) for piece in pieces]) + page.feed("", last=True)


def found(path: Path, content: bytes) -> SourceText | Skipped:
    path.write_bytes(content)
    return read(SourceFile(path.name, str(path), len(content)), never)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One\n two<p>three", "One two\n\nthree"),
        ("a<br>b<br/>c<hr>d", "a\nb\nc\n\nd"),
        ("<div>a<div>b</div></div>c", "a\nb\nc"),
        ("<ul><li>a<li>b <b>c</b></ul>d", "a\nb c\n\nd"),
        ("<dl><dt>term<dd>what it is</dl>", "term\nwhat it is"),
        ("<h1>Top</h1>a<h3 id=x>Deep <i>down</i></h3>b", "# Top\n\na\n\n### Deep down\n\nb"),
        ("<h2><div>one<br>line</div></h2>", "## one line"),
        ("<h1>not closed<p>text", "# not closed\n\ntext"),
        ("<h1></h1>a", "a"),
        ("<p># no heading</p><p>x # nor this", " # no heading\n\nx # nor this"),
        ("<pre>\n# a\n  b\n\n\tc</pre>d", " # a\n  b\n\n\tc\n\nd"),
        ("<pre>x\n# y\n#z</pre>", "x\n # y\n #z"),
        ("<pre>a<br># b<b>c</b></pre>", "a\n # bc"),
        ("<table><tr><th>a<th>b<tr><td>1</td><td>2</td></tr></table>c", "a | b\n1 | 2\n\nc"),
        ("<table><tr><td><p>a</p></td><td><p>b</p></td></tr><tr><td>c</table>", "a | b\nc"),
        ("a &amp; b&lt;c &copy &#8364;&#x20AC; &unknown; &", "a & b<c © €€ &unknown; &"),
        ("&#0;&#xD800;&#99999999;", "\ufffd\ufffd\ufffd"),
        ("a&nbsp;b", "a b"),
        ("5 < 6 <7 <> a<b", "5 < 6 <7 <> a"),
        ("a<!-- <p> -- > -->b<!-->c<!--->d<!-- x --!>e", "abcde"),
        ("a<!doctype x>b<?php x ?>c</ x>d</>e<![CDATA[f]]>g", "abcdeg"),
        ("a<script>if (a</b) '</p>'</script >b<style>p</style>c", "abc"),
        ("a<script src='x' />b</script>c", "ac"),
        ("a<SCRIPT>x</sCript\n>b</p", "ab"),
        ("<script>never closed <p>x", ""),
        ("a<template>x<template>y</template>z</template>b", "ab"),
        ("</template><p>a</template></template><template>x</template>b", "ab"),
        ("<a title='x > y' href=\"</p>\">link</a> <img alt = 'a\"b>'>end", "link end"),
        ("<a href=x/>in</a><br class = a>out", "in\nout"),
        ("<title>A &amp;\n B</title><p>x", "# A & B\n\nx"),
        ("<p>x<svg><title>drawing</title></svg>", "x"),
        ("<html><head>\n<title>T</title><meta x><style>s</style>y</head><body>x", "# T\n\nx"),
        ("<head><title>T</title><p>the head's end is left out", "# T\n\nthe head's end is left out"),
        ("<?xml version='1.0'?><script src='x' /><title /><p>x", "x"),
        ("<html lang='en' xmlns='http://www.w3.org/1999/xhtml'><head><title/></head><body><p>x", "x"),
        ("<html\nXMLNS=x><script src='x'/><style/>a<h1/>b<pre/>\n c<template/>d<td/>e", "a\n\nb\n\ncde"),
        ("<html class=xmlns><script/>x", ""),
        ("<svg xmlns='x'><script/>x", ""),
        ("<html notxmlns='x'><script/>x", ""),
        ("<?xml?><p><![CDATA[a > b &amp; <i>]]>]</p><pre><![CDATA[\n# c\n]]]]></pre>", "a > b &amp; <i>]\n\n # c\n]]"),
        ("<?xml?>a<![CDATA[b", "ab"),
        ("a<![CDATA[b > c]]>d<![CDATA]>e", "ade"),
        ("a<b>&#1;</b><pre>&#x1f;\nb&#127;</pre>", "a\n\nb"),
        ("a\r\nb<pre>\r\nc\rd\r\n</pre>", "a b\n\nc\nd\n"),
        ("plain", "plain"),
        ("", ""),
        ("<p> \n </p>", ""),
    ],
)
def test_what_becomes_of_a_page(page: str, text: str) -> None:
    """Blocks are lines and paragraphs, headings are marked, scripts and comments are gone, entities are characters."""
    assert text_of([page]) == text


PARTS = st.sampled_from(
    "< <!-- --> --!> <p> </p> &amp; &am p; &# 12345678901; <script> </script> </scr ipt> <title> </title> <h1> </h1>"
    " <pre> </pre> # #x a word <a\tb=' '> \" > = / <td> <tr> </td> <br/> <template> </template> <head> </head> <body>"
    " <?xml\t?> é \xa0 <![CDATA[ ]]> ]] <html\txmlns= <script/> <pre/> <h1/> <li> &#1; &#xfffe; &#x1f &#127;".split(" ")
)
PAGES = st.lists(st.one_of(PARTS, st.sampled_from(["\n", " ", "\r\n", "\r"])), max_size=40).map("".join)


@given(PAGES, st.randoms())
@example("<pre>a\r\nb\r", random.Random(1))
@example("<?xml?>a<![CDATA[b]] > c]]>d<html\txmlns=x><script/>e", random.Random(1))
@example("<html a='b' xmlns=x>a<![CDATA[<b>]]>c<pre><![CDATA[\n]]>d", random.Random(1))
@example("a<!-- x -->b<!-- y --!>c", random.Random(1))
@example("a<long-name/><script>b</script>c</title x='>'>d", random.Random(1))
@example("x" * 40 + "&notit;</scrip></script><!-- - -- --->", random.Random(1))
def test_the_text_does_not_depend_on_where_a_page_is_cut(page: str, places: random.Random) -> None:
    """A page in pieces has the text of the whole page, also when it is cut in a tag, a comment or a reference."""
    whole = MarkupText().feed(page, last=True)
    assert text_of(cut(page, places)) == whole
    assert text_of(page) == whole


def test_every_number_is_a_reference() -> None:
    """A reference by any number is read, also where it stands for no character at all, alone between two tags."""
    references = (f"&#{number};" for number in range(0x110000))
    empty = [reference for reference in references if not unescape(reference)]
    assert len(empty) > 60
    for tag in ("b", "p", "pre", "h1", "td"):
        assert MarkupText().feed("".join(f"<{tag}>{one}</{tag}>" for one in empty), last=True).strip(" |\n") == ""


@given(PAGES)
def test_only_headings_look_like_headings(page: str) -> None:
    """The outline finds as many headings as the page has, no line of its text or code among them."""
    without = page.replace("<h1>", "").replace("<title>", "")
    assert list(headings(text_of([without]), "html")) == []


SIZE = 1_000_000
HOSTILE = {
    "less-than": "<" * SIZE,
    "tags that never end": "<a" * (SIZE // 2),
    "comments that never end": "<!--" * (SIZE // 4),
    "dashes": "<!--" + "-" * SIZE,
    "declarations": "<!" * (SIZE // 2),
    "closing tags": "</" * (SIZE // 2),
    "a huge attribute": "<a b='" + "x" * SIZE,
    "many attributes": "<a " + "b=c " * (SIZE // 4),
    "open quotes": "<a " + "='" * (SIZE // 2),
    "a huge name": "<" + "a" * SIZE + ">",
    "a script that never ends": "<script>" + "</scrip" * (SIZE // 7),
    "ampersands": "&" * SIZE,
    "a huge number": "&#" + "1" * SIZE,
    "a huge title": "<title>" + "x " * (SIZE // 2),
    "deep nesting": "<div>" * (SIZE // 5),
    "deep tables": "<table><tr><td>x" * (SIZE // 16),
    "headings that are not closed": "<h1>x" * (SIZE // 5),
    "hashes": "<pre>" + "\n#" * (SIZE // 2),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_take_linear_time_and_no_memory(name: str) -> None:
    """Nothing is raised, no more than a few characters are held back, and the work ends: quadratic work would not."""
    page, reader = HOSTILE[name], MarkupText()
    for begin in range(0, len(page), 4096):
        reader.feed(page[begin : begin + 4096], last=False)
        assert len(reader._rest) < 100
        assert len(reader._title or "") <= TITLE_CHARS
    reader.feed("", last=True)


def test_the_chunks_of_a_page_know_their_headings(tmp_path: Path) -> None:
    """A page's headings are the path of its chunks, and its title is that of the document."""
    page = "<title>Manual</title><h1>Use</h1><p>one two three<h2>Deep</h2><p>four five<pre># six\nseven</pre>"
    source = found(tmp_path / "x.html", page.encode())
    assert isinstance(source, SourceText)
    assert source.language == "html"
    assert next(headings(source.head, "html")).title == "Manual"
    paths = [chunk.headings for chunk in split(source.pieces(), chunk_size=8, chunk_overlap=0, language="html")]
    assert paths == [("Manual",), ("Use", "Deep")]


def test_a_page_whose_name_says_that_it_is_xhtml(tmp_path: Path) -> None:
    """A file `*.xhtml` is XML without saying so, small or large; `*.html` is not."""
    page = b"<html><head><title/></head><p>text"
    for name, text in (("x.xhtml", "text"), ("Y.XHTML", "text"), ("z.html", "")):
        source = found(tmp_path / name, page)
        assert isinstance(source, SourceText)
        assert "".join(source.pieces()) == text


def test_pages_are_among_the_files_that_are_taken() -> None:
    """Without patterns of the caller's, pages are read."""
    assert {"*.html", "*.htm", "*.xhtml"} <= set(DEFAULT_GLOBS)


META = b"<meta charset='%s'>caf%s"


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (META % (b"windows-1252", b"\xe9 \x93"), "windows-1252", "café “"),
        (META % (b"ISO-8859-1", b"\xe9 \x93"), "windows-1252", "café “"),
        (META % (b"UTF8", b"\xc3\xa9"), "utf-8", "café"),
        (META % (b"koi8-r", b"\xd0"), "koi8-r", "cafп"),
        (META % (b"unknown-9", b"\xc3\xa9"), "utf-8", "café"),
        (META % (b"base64", b"\xc3\xa9"), "utf-8", "café"),
        (META % (b"utf-16", b"\xc3\xa9"), "utf-8", "café"),
        (META % (b"unicode_escape", b"\\x41"), "utf-8", "caf\\x41"),
        (b'<?xml version="1.0" encoding="shift_jis"?><p>\x93\xfa', "shift_jis", "日"),
        (b'<meta http-equiv=Content-Type content="text/html; charset=gb2312">\xc4\xe3', "gb2312", "你"),
        (b"\xef\xbb\xbf" + META % (b"koi8-r", b"\xc3\xa9"), "utf-8", "café"),
        ("<meta charset=koi8-r>café".encode("utf-16"), "utf-16", "café"),
        (b" " * 1024 + META % (b"koi8-r", b"\xc3\xa9"), "utf-8", "café"),
    ],
)
def test_the_encoding_that_a_page_declares(tmp_path: Path, content: bytes, encoding: str, text: str) -> None:
    """A declaration near the beginning that Python knows as one of text counts, unless a byte order mark says more."""
    source = found(tmp_path / "x.html", content)
    assert isinstance(source, SourceText)
    assert (source.encoding, "".join(source.pieces())) == (encoding, text)


def test_a_page_that_is_not_what_it_declares_is_skipped(tmp_path: Path) -> None:
    """A wrong declaration is a reason, not wrong text; declarations in files of other kinds mean nothing."""
    assert found(tmp_path / "x.html", META % (b"shift_jis", b"\x81\xff")) == Skipped(
        "x.html", "not text: it is not SHIFT_JIS"
    )
    assert found(tmp_path / "x.md", META % (b"koi8-r", b"\xd0")) == Skipped("x.md", "not text: it is not UTF-8")
    assert found(tmp_path / "y.html", b"<p>a\0b") == Skipped("y.html", "binary: it holds a NUL byte")


@given(st.binary(max_size=200))
def test_any_bytes_may_stand_where_a_page_declares_its_encoding(name: bytes) -> None:
    """Whatever a page declares, it is an encoding that decodes, or none."""
    declared = declared_encoding(b"<meta charset=" + name)
    if declared is not None:
        assert isinstance(b"plain".decode(declared, "replace"), str)
