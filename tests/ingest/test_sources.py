"""Finding and reading files: a fixed order, nothing hidden, nothing followed, a reason for all that is left out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ragkernel.errors import ConfigurationError
from ragkernel.sources import Measure, Skipped, SourceFile, SourceText, find, language_of, measure, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def never(status: os.stat_result) -> bool:
    """No file is one that must not be opened."""
    return False


def names(path: Path, globs: Iterable[str] | None = None) -> list[str]:
    return [entry.source_path for entry in find(str(path), globs) if isinstance(entry, SourceFile)]


def skipped(path: Path, globs: Iterable[str] | None = None) -> list[Skipped]:
    return [entry for entry in find(str(path), globs) if isinstance(entry, Skipped)]


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"text of {path}\n")


def test_files_come_in_the_order_of_their_names_folder_by_folder(tmp_path: Path) -> None:
    """A folder's own files come first, then its folders, each sorted by name, whatever order they were made in."""
    write(tmp_path, "z.md", "b/2.md", "b/1.md", "b/a/x.md", "a.txt", "a/z.py", "B.rst")
    assert names(tmp_path) == ["B.rst", "a.txt", "z.md", "a/z.py", "b/1.md", "b/2.md", "b/a/x.md"]


def test_hidden_and_generated_folders_are_left_out(tmp_path: Path) -> None:
    """Names that begin with a dot, __pycache__ and node_modules are no sources."""
    write(tmp_path, ".git/x.md", ".venv/lib/y.py", "__pycache__/z.py", "node_modules/m.js", ".hidden.md", "seen.md")
    assert names(tmp_path) == ["seen.md"]
    assert skipped(tmp_path) == []


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["*.md"], ["A.MD", "a/b.md", "a/c/d.md"]),
        (["a/*.md"], ["a/b.md"]),
        (["a/**/*.md"], ["a/b.md", "a/c/d.md"]),
        (["**/d.md"], ["a/c/d.md"]),
        (["./a/*"], ["a/b.md", "a/e.txt"]),
        (["?.txt"], []),
        (["[ce].txt", "a/[!c].txt"], ["a/e.txt"]),
        (["*"], ["A.MD", "a/b.md", "a/e.txt", "a/c/d.md"]),
    ],
)
def test_patterns(tmp_path: Path, globs: list[str], expected: list[str]) -> None:
    """A pattern without a slash is for names, one with a slash for paths, ** spans folders, case is ignored."""
    write(tmp_path, "A.MD", "a/b.md", "a/c/d.md", "a/e.txt")
    assert names(tmp_path, globs) == (["a/e.txt"] if globs == ["?.txt"] else expected)


@pytest.mark.parametrize("globs", [[], [""], ["*.md", " "], ["[z-a].md"]])
def test_patterns_that_mean_nothing_are_refused(tmp_path: Path, globs: list[str]) -> None:
    """No pattern, an empty one and one that cannot be understood are a ConfigurationError at the call."""
    with pytest.raises(ConfigurationError):
        find(str(tmp_path), globs)


def test_one_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    """A file that is named itself needs to match no default pattern; its path is its name."""
    write(tmp_path, "notes.strange")
    assert names(tmp_path / "notes.strange") == ["notes.strange"]
    assert names(tmp_path / "notes.strange", ["*.md"]) == []


def test_a_path_that_does_not_exist_is_refused_at_the_call(tmp_path: Path) -> None:
    """A missing PATH is a ConfigurationError that names it, not an empty result."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        find(str(tmp_path / "nowhere"))


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A loop of links ends nowhere: links to files that match and to folders are reported, and not followed."""
    write(tmp_path, "a/real.md")
    (tmp_path / "a" / "itself.md").symlink_to("itself.md")
    (tmp_path / "a" / "nowhere.md").symlink_to("nowhere")
    (tmp_path / "a" / "other.bin").symlink_to("real.md")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "link.md").symlink_to("real.md")
    assert names(tmp_path) == ["a/real.md"]
    links = ("a/itself.md", "a/link.md", "a/loop", "a/nowhere.md")
    assert skipped(tmp_path) == [Skipped(path, "symbolic link") for path in links]
    assert names(tmp_path / "a" / "link.md") == ["link.md"]
    (named,) = find(str(tmp_path / "a" / "link.md"))
    assert isinstance(named, SourceFile)
    assert isinstance(read(named, never), SourceText)


def test_a_measure_is_that_of_the_walk(tmp_path: Path) -> None:
    """The measure counts what find gives, left out or not, and the bytes of what is to be read."""
    write(tmp_path, "a.md", "b/c.md", "d.bin")
    (tmp_path / "link.md").symlink_to("a.md")
    sizes = [entry.size_bytes for entry in find(str(tmp_path)) if isinstance(entry, SourceFile)]
    assert sizes == [len("text of a.md\n"), len("text of b/c.md\n")]
    assert measure(str(tmp_path)) == Measure(3, sum(sizes))
    assert measure(str(tmp_path), ["*.bin"]) == Measure(1, len("text of d.bin\n"))


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    """A FIFO, on which opening would wait for ever, is reported."""
    os.mkfifo(tmp_path / "pipe.txt")
    assert skipped(tmp_path) == [Skipped("pipe.txt", "not a regular file")]


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "other"])
def test_a_file_that_is_swapped_before_it_is_opened(tmp_path: Path, kind: str) -> None:
    """What takes a file's name after it was looked at is not waited for, not followed, and not taken for the file."""
    path, looks = tmp_path / "x.md", list[int]()
    path.write_text("text\n")

    def swap(facts: os.stat_result) -> bool:
        looks.append(facts.st_ino)
        if len(looks) == 1:
            path.unlink()
            if kind == "pipe":
                os.mkfifo(path)
            elif kind == "folder":
                path.mkdir()
            elif kind == "link":
                path.symlink_to(tmp_path / "secret")
            else:
                (tmp_path / "secret").rename(path)
        return False

    (tmp_path / "secret").write_text("secret\n")
    result = read(SourceFile("x.md", str(path), 0), swap)
    if kind == "other":
        assert isinstance(result, SourceText)
        assert ("".join(result.pieces()), len(looks)) == ("secret\n", 2)
    else:
        reasons = {"pipe": "not a regular file", "folder": "is a directory", "link": "symbolic link"}
        assert result == Skipped("x.md", reasons[kind])
        assert len(looks) == (2 if kind == "pipe" else 1)  # neither a folder nor what a link leads to was opened


def test_names_that_are_not_utf8_are_reported(tmp_path: Path) -> None:
    """A name that no text can hold is reported in a printable form, a file's and a folder's."""
    os.mkdir(os.fsencode(tmp_path) + b"/d\xff")
    with open(os.fsencode(tmp_path) + b"/\xff.md", "wb"):
        pass
    assert skipped(tmp_path) == [
        Skipped("d\\xff", "folder: its name is not UTF-8"),
        Skipped("\\xff.md", "its name is not UTF-8"),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"plain \xc3\xa4", "plain ä"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("wide ä".encode("utf-16"), "wide ä"),
        (b"\xfe\xff\x00h\x00i", "hi"),
        (b"one\r\ntwo\rthree", "one\r\ntwo\rthree"),
        (b"", ""),
        (b"a\0b", "binary: it holds a NUL byte"),
        ("a\0b".encode("utf-16"), "binary: it holds a NUL character"),
        (b"latin \xe4", "not text: it is not UTF-8"),
        (b"\xed\xa0\x80", "not text: it is not UTF-8"),
        (b"\xff\xfe\x00\xd8", "not text: it is not UTF-16"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, expected: str) -> None:
    """UTF-8 and marked UTF-16 are text, unchanged but for the mark; everything else is skipped with its reason."""
    (tmp_path / "x.txt").write_bytes(content)
    result = read(SourceFile("x.txt", str(tmp_path / "x.txt"), 0), never)
    if isinstance(result, SourceText):
        assert ("".join(result.pieces()), result.size_bytes) == (expected, len(content))
    else:
        assert result == Skipped("x.txt", expected)


def test_what_cannot_be_read_is_skipped_with_the_reason(ordinary_user: Path) -> None:
    """A file that vanished, a file and a folder that may not be read are reasons, not exceptions."""
    folder = ordinary_user
    assert read(SourceFile("gone", str(folder / "gone"), 0), never) == Skipped("gone", "vanished")
    write(folder, "secret.md", "closed/x.md")
    (folder / "secret.md").chmod(0)
    (folder / "closed").chmod(0)
    assert read(SourceFile("secret.md", str(folder / "secret.md"), 0), never) == Skipped(
        "secret.md", "permission denied"
    )
    assert skipped(folder) == [Skipped("closed/", "folder: permission denied")]


def test_languages_are_known_by_suffix() -> None:
    """The kind of text follows from the suffix, case ignored; what is unknown is plain text."""
    assert [language_of(path) for path in ("a/b.MD", "x.rst", "y.pyi", "z.rs", "p.HTM", "README")] == [
        "markdown",
        "restructuredtext",
        "python",
        "rust",
        "html",
        "text",
    ]
