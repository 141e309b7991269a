"""Texts in pieces: the same chunks however they are cut, in memory that does not grow, also from files that change."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from pydoc_data.topics import topics
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragkernel import chunking, outline
from ragkernel.chunking import split
from ragkernel.outline import DECORATORS_CHARS, FRONT_MATTER_CHARS, LINE_CHARS, Outline, headings
from ragkernel.sources import Skipped, SourceChanged, SourceFile, SourceText, find, read, reading

from ..core.support import finish, start_python
from . import large_files
from .test_chunking import LANGUAGES, PIECES, SIZES
from .test_sources import never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALL_LANGUAGES = (*LANGUAGES, "html")

# Lines near and above the limits, and gaps: what a reader that holds only a part of the text could get wrong.
LONG = ["y" * 1500, "=" * 1500, " " * 1200, "-" * 999, "#" * 3000, "\n" * 250, " " * 190, "Title\n====\n", "---\n"]
CUT_TEXTS = st.lists(st.one_of(PIECES, st.sampled_from(LONG)), max_size=40).map("".join)


def cut(text: str, places: random.Random) -> list[str]:
    """`text` in pieces of one to some hundred characters, some of them empty."""
    pieces, at = [], 0
    while at < len(text):
        length = int(places.choice((0, 1, 3, 30, 300)) * places.random()) + places.choice((0, 1))
        pieces.append(text[at : at + length])
        at += length
    return pieces


@given(CUT_TEXTS, SIZES, st.sampled_from(ALL_LANGUAGES), st.sampled_from([1, 10, 1000]), st.randoms())
@example("a\r\n\r\nb\r\n===\r\nc", (1, 0), "text", 1, random.Random(1))
@example("---\na: b\n---\nTitle\n===\n", (2, 1), "markdown", 1, random.Random(2))
@example("x" + " " * 500 + "\n  y" * 30, (3, 1), "python", 1, random.Random(3))
def test_the_chunks_of_pieces_are_those_of_the_text(
    text: str, sizes: tuple[int, int], language: str, block: int, places: random.Random
) -> None:
    """Wherever a text is cut, and however much of it is held, its chunks are the same."""
    size, overlap = sizes
    whole = list(split(text, chunk_size=size, chunk_overlap=overlap, language=language))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunking, "BLOCK_CHARS", block)
        pieces = cut(text, places)
        assert list(split(pieces, chunk_size=size, chunk_overlap=overlap, language=language)) == whole


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ('x." y z', (2, 0)),  # that a sentence ends is seen by characters which the chunk before has
        ("a b" + " " * 300 + "\n  c d", (2, 1)),
        ("a b\r\n\r\nc d e\r\nf", (3, 1)),
        ("ab" * 50 + " c", (2, 1)),
    ],
)
def test_the_chunks_of_single_characters(text: str, sizes: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that comes character by character, and is held no longer than it must be, has the chunks of the whole.

    SQL, because where there are headings an unfinished line is held."""
    size, overlap = sizes
    whole = list(split(text, chunk_size=size, chunk_overlap=overlap, language="sql"))
    monkeypatch.setattr(chunking, "BLOCK_CHARS", 1)
    assert list(split(list(text), chunk_size=size, chunk_overlap=overlap, language="sql")) == whole


@pytest.mark.parametrize("language", ["restructuredtext", "markdown", "python"])
def test_the_chunks_of_real_texts_in_pieces(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prose with headings and source code, cut at random: the chunks of the whole."""
    texts = [Path(str(module.__file__)).read_text() for module in (chunking, outline)] if language == "python" else []
    text = "\n\n".join(texts or [topics[name] for name in sorted(topics)[:12]])
    whole = list(split(text, chunk_size=128, chunk_overlap=16, language=language))
    monkeypatch.setattr(chunking, "BLOCK_CHARS", 500)
    for seed in range(5):
        pieces = cut(text, random.Random(seed))
        assert list(split(pieces, chunk_size=128, chunk_overlap=16, language=language)) == whole


def check_headings(pieces: list[str], language: str) -> None:
    """The headings of pieces are those of the text, and none begins before what was settled when it was given."""
    scanned, found, settled = Outline(language), [], 0
    for number, piece in enumerate(pieces, 1):
        completed = scanned.feed(piece, last=number == len(pieces))
        assert all(heading.start >= settled for heading in completed)
        found += completed
        assert scanned.settled >= settled
        settled = scanned.settled
    assert found == list(headings("".join(pieces), language))


@given(CUT_TEXTS, st.sampled_from(ALL_LANGUAGES), st.randoms())
def test_headings_come_once_they_are_certain(text: str, language: str, places: random.Random) -> None:
    """However a text is cut, its headings are the same, and a heading is known before the text behind it is used."""
    check_headings(cut(text, places), language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("@a\n@b(1)\ndef f(): pass\nx = 1\n@c\nclass D: pass", "python"),
        ("=====\n Top\n=====\n\nSub\n---\ntext", "restructuredtext"),
        ("---\na: b\n---\n\nTop\r\n===\r\n```\n# code\n```\n## Sub ##", "markdown"),
        ("# Top\n # text\n## Sub", "html"),
    ],
)
def test_headings_that_come_character_by_character(text: str, language: str) -> None:
    """The same, cut everywhere."""
    check_headings(list(text), language)


LONG_LINES = [
    ("x" * 20_000 + "\n# After\n", "markdown"),
    ("x" * 20_000 + "\n\nTitle\n=====\n" + "=" * 9000 + "\nNext\n====\n", "restructuredtext"),
    ("# " + "y" * 9000 + "\ntext\n# Next", "html"),
    ("x = " + "1" * 9000 + "\n@a\ndef f(): pass\n", "python"),
    ("---\n" + "x: y\n" * 1500 + "# Inside\n---\n# After\n", "markdown"),
    ("---\n" + "x: y\n" * 2500 + "# Inside\n---\n# After\n", "markdown"),
    ("---\na: b\n" + "z" * 12_000 + "\n# Inside\n---\n# After\n", "markdown"),
]


@pytest.mark.parametrize(("text", "language"), LONG_LINES)
@pytest.mark.parametrize("length", [1, 700, 3999])
def test_what_is_held_of_long_lines_is_bounded(text: str, language: str, length: int) -> None:
    """Long lines and front matter in small pieces have the headings of the whole, and no more than the reach of a
    pattern is held of them."""
    pieces = [text[at : at + length] for at in range(0, len(text), length)]
    check_headings(pieces, language)
    scanned = Outline(language)
    for piece in pieces:
        scanned.feed(piece, last=False)
        assert len(scanned._kept) <= max(2 * outline._REACH_CHARS, FRONT_MATTER_CHARS) + length + 2


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("t" * LINE_CHARS + "\n===\n", "markdown", ["t" * 200]),
        ("t" * (LINE_CHARS + 1) + "\n===\n", "markdown", []),
        ("Title\n" + "=" * (LINE_CHARS + 1) + "\n", "text", []),
        ("---\n" + "x\n" * (FRONT_MATTER_CHARS // 2 - 5) + "---\n# After\n", "markdown", ["After"]),
        ("---\nTitle\n---\n" + "# Far\n", "markdown", ["Far"]),
        ("---\n# Inside\n" + "x\n" * (FRONT_MATTER_CHARS // 2) + "---\n", "markdown", ["Inside"]),
        ("---\n# Inside\n" + "x\n" * (FRONT_MATTER_CHARS // 2 - 20) + "---" + " " * 99 + "x\n", "markdown", ["Inside"]),
    ],
)
def test_no_rule_reaches_further_than_its_limit(text: str, language: str, expected: list[str]) -> None:
    """A longer line is no underlined title and no underline; front matter that is longer is text."""
    assert [heading.title for heading in headings(text, language)] == expected


def test_a_long_run_of_decorators_belongs_in_part_to_its_definition() -> None:
    """A section begins at its first decorator, at most DECORATORS_CHARS above, or a little less."""
    (near,) = headings("@a\n" * 100 + "def f(): pass\n", "python")
    assert near.start == 0
    (far,) = headings("@a\n" * DECORATORS_CHARS + "def f(): pass\n", "python")
    assert 0 < far.end - far.start <= DECORATORS_CHARS + 20


# Files


def source(path: Path) -> SourceFile:
    return SourceFile(path.name, str(path), path.stat().st_size)


@pytest.fixture
def tiny_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, and is read a few bytes at a time."""
    monkeypatch.setattr(reading, "SMALL_FILE_BYTES", -1)
    monkeypatch.setattr(reading, "PIECE_BYTES", 7)


@pytest.mark.usefixtures("tiny_limits")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_large_file_is_read_in_pieces(tmp_path: Path, encoding: str) -> None:
    """A character, a line end and a byte order mark that lie in two pieces are read as in one."""
    text = "ä日本🙂\r\nend of line\r" * 900
    path = tmp_path / "x.txt"
    path.write_bytes(text.encode(encoding))
    found = read(source(path), never)
    assert isinstance(found, SourceText)
    assert (found.large, found.head) == (True, text[: reading.HEAD_CHARS])
    pieces = list(found.pieces())
    assert len(pieces) > 100
    assert "".join(pieces) == text


@pytest.mark.usefixtures("tiny_limits")
@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (b"\xff", "not text: it is not UTF-8"),
        (b"\xe2\x82", "not text: it is not UTF-8"),
        (b"\0", "binary: it holds a NUL byte"),
        (b"\xff and \0", "binary: it holds a NUL byte"),
    ],
)
def test_what_is_wrong_at_the_end_of_a_large_file_is_seen(tmp_path: Path, ending: bytes, reason: str) -> None:
    """A large file that stops being text far from its beginning is skipped with the reason of a small one."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"text " * 2000 + ending)
    assert read(source(path), never) == Skipped("x.txt", reason)


def append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more\n")


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def rewrite(path: Path) -> None:
    """Other bytes of the same number; the time is set because two writes may lie within the clock's resolution."""
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1000))


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.replace(path)


CHANGES = [append, truncate, rewrite, replace]


def change_while_reading(
    monkeypatch: pytest.MonkeyPatch, path: Path, change: Callable[[Path], None], times: int
) -> None:
    """Make the first `times` readings meet a change after their first block."""
    blocks, left = reading._blocks, times

    def blocks_and_change(stream: object, size: int) -> Iterator[bytes]:
        nonlocal left
        for block in blocks(stream, size):  # type: ignore[arg-type]
            if left > 0:
                left -= 1
                change(path)
            yield block

    monkeypatch.setattr(reading, "_blocks", blocks_and_change)
    monkeypatch.setattr(reading, "PIECE_BYTES", 1000)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [900, 5000])
def test_a_file_that_always_changes_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], size: int
) -> None:
    """A file that every reading finds changed, by one more byte or none, is reported and not stored."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"Word " * (size // 5))
    change_while_reading(monkeypatch, path, change, 10**6)
    assert read(source(path), never) == Skipped("x.txt", "changes while it is read")


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_stops_changing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """A file that changes twice is what it is at the third reading, text and hash alike."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"Word " * 50)
    change_while_reading(monkeypatch, path, change, 2)
    found = read(source(path), never)
    assert isinstance(found, SourceText)
    assert "".join(found.pieces()).encode() == path.read_bytes()
    assert found.size_bytes == path.stat().st_size


def test_a_file_that_another_process_appends_to(tmp_path: Path) -> None:
    """Read beside a process that writes without a pause, a file is skipped, or is whole up to some moment."""
    path = tmp_path / "x.log"
    path.write_bytes(b"line\n" * 100_000)
    script = """
        import os, sys, select
        with open(sys.argv[1], "ab", buffering=0) as stream:
            print("ready", flush=True)
            while not select.select([sys.stdin], [], [], 0)[0] and stream.tell() < 2**27:
                stream.write(b"line\\n")
    """
    process = start_python(script, str(path))
    assert process.stdout is not None
    process.stdout.readline()
    outcomes = [read(source(path), never) for _ in range(20)]
    finish(process, "end\n")
    for found in outcomes:
        if isinstance(found, SourceText):
            text = "".join(found.pieces())
            assert text == "line\n" * (found.size_bytes // 5)
        else:
            assert found == Skipped("x.log", "changes while it is read")


@pytest.mark.usefixtures("tiny_limits")
@pytest.mark.parametrize("change", [append, truncate, rewrite])
@pytest.mark.parametrize("keep_time", [False, True])
def test_a_large_file_that_changes_before_its_second_reading(
    tmp_path: Path, change: Callable[[Path], None], keep_time: bool
) -> None:
    """The second reading ends with SourceChanged where its bytes are others, also where the time says nothing."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"Word " * 2000)
    found = read(source(path), never)
    assert isinstance(found, SourceText)
    change(path)
    if keep_time:
        os.utime(path, ns=(0, found.mtime_ns))
    with pytest.raises(SourceChanged) as caught:
        list(found.pieces())
    assert caught.value.skipped == Skipped("x.txt", "changes while it is read")


@pytest.mark.usefixtures("tiny_limits")
def test_a_large_file_that_grows_as_fast_as_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading ends, although the end of the file moves on."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"Word " * 2000)
    found = read(source(path), never)
    assert isinstance(found, SourceText)

    def grow(path: Path) -> None:
        with path.open("ab") as stream:
            stream.write(b"more " * 300)

    change_while_reading(monkeypatch, path, grow, 1000)
    pieces: list[str] = []
    with pytest.raises(SourceChanged):
        for piece in found.pieces():
            pieces.append(piece)  # noqa: PERF402 - those before the error count
    assert sum(map(len, pieces)) <= found.size_bytes


def test_a_file_that_was_only_touched_has_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading asks for the same bytes, not for the same time."""
    monkeypatch.setattr(reading, "SMALL_FILE_BYTES", -1)
    path = tmp_path / "x.txt"
    path.write_bytes(b"Word")
    found = read(source(path), never)
    assert isinstance(found, SourceText)
    os.utime(path, ns=(0, 0))
    assert "".join(found.pieces()) == "Word"


@pytest.mark.usefixtures("tiny_limits")
def test_a_large_file_that_is_gone_at_its_second_reading(tmp_path: Path) -> None:
    """A file that vanished, became a link or a live database, or no text, is SourceChanged with its reason."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"Word " * 2000)
    live: list[bool] = []
    found = read(source(path), lambda facts: bool(live))
    assert isinstance(found, SourceText)
    reasons = []

    def read_again() -> None:
        with pytest.raises(SourceChanged) as caught:
            list(found.pieces())
        reasons.append(caught.value.skipped.reason)

    path.write_bytes(b"\xff" * found.size_bytes)
    os.utime(path, ns=(0, found.mtime_ns))
    read_again()
    path.unlink()
    read_again()
    path.symlink_to("elsewhere")
    read_again()
    live.append(True)
    read_again()
    assert reasons == ["changes while it is read", "vanished", "symbolic link", "an open database"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's count of the memory in use")
def test_memory_is_flat_whatever_the_size_and_the_shape() -> None:
    """Lines, one line, white space and one word without an end, 40 MB in all, pass through a few MB of memory.

    `python -m tests.ingest.large_files` does the same with 500 MB each."""
    script = """
        import runpy, sys
        sys.exit(runpy.run_path(sys.argv[1])["main"](10, 16.0))
    """
    assert finish(start_python(script, large_files.__file__)).count(" MB in ") == len(large_files.SHAPES)


def test_the_walk_looks_at_a_folder_when_it_comes_to_it(tmp_path: Path) -> None:
    """No folder is listed ahead: one that goes away before its turn is reported, one that fills up is read whole."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "1.md").write_text("one")
    found = find(str(tmp_path))
    first = next(found)
    (tmp_path / "b").rmdir()
    for number in range(2000):
        (tmp_path / "c" / f"{number:04}.md").touch()
    rest = list(found)
    assert isinstance(first, SourceFile)
    assert rest[0] == Skipped("b/", "folder: vanished")
    assert [entry.source_path for entry in rest[1:] if isinstance(entry, SourceFile)] == [
        f"c/{number:04}.md" for number in range(2000)
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_a_tree_of_everything_that_is_wrong_is_walked_to_its_end(ordinary_user: Path) -> None:
    """Loops, closed folders, odd names, pipes and vanished files are reported one by one, and the rest is read."""
    root = ordinary_user
    (root / "a").mkdir()
    (root / "a" / "up").symlink_to("..", target_is_directory=True)
    (root / "closed").mkdir()
    (root / "good.md").write_text("good")
    os.mkfifo(root / "pipe.md")
    with open(os.fsencode(root) + b"/\xff.md", "wb"):
        pass
    (root / "closed").chmod(0)
    entries = list(find(str(root)))
    skipped = {entry.path: entry.reason for entry in entries if isinstance(entry, Skipped)}
    assert skipped == {
        "a/up": "symbolic link",
        "closed/": "folder: permission denied",
        "pipe.md": "not a regular file",
        "\\xff.md": "its name is not UTF-8",
    }
    (good,) = (entry for entry in entries if isinstance(entry, SourceFile))
    assert isinstance(read(good, never), SourceText)
    (root / "good.md").unlink()
    assert read(good, never) == Skipped("good.md", "vanished")
