"""Kinds of text, by the suffix of a file's name."""

from __future__ import annotations

from pathlib import PurePosixPath

_LANGUAGES: dict[str, str] = {
    "markdown": "md markdown mdx",
    "restructuredtext": "rst",
    "html": "html htm xhtml",
    "text": "txt text adoc org tex",
    "python": "py pyi",
    "c": "c h",
    "c++": "cc cpp cxx hh hpp hxx",
    "c#": "cs",
    "clojure": "clj cljs",
    "dart": "dart",
    "elixir": "ex exs",
    "erlang": "erl hrl",
    "fortran": "f90 f95",
    "go": "go",
    "graphql": "graphql",
    "haskell": "hs",
    "java": "java",
    "javascript": "js jsx mjs",
    "julia": "jl",
    "kotlin": "kt kts",
    "lua": "lua",
    "nim": "nim",
    "objective-c": "m mm",
    "ocaml": "ml mli",
    "perl": "pl pm",
    "php": "php",
    "protobuf": "proto",
    "r": "r",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala",
    "shell": "sh bash zsh",
    "sql": "sql",
    "swift": "swift",
    "toml": "toml",
    "typescript": "ts tsx",
    "yaml": "yaml yml",
    "zig": "zig",
}
_LANGUAGE_OF = {f".{suffix}": language for language, suffixes in _LANGUAGES.items() for suffix in suffixes.split()}

# Prose and source code. Data (XML, JSON, CSV) is left to a pattern of the caller's: most of it is not text that anyone
# looks for.
DEFAULT_GLOBS: tuple[str, ...] = (
    *(f"*{suffix}" for suffix in _LANGUAGE_OF),
    *("README", "LICENSE", "COPYING", "CHANGELOG", "NOTICE", "Makefile", "Dockerfile"),
)


def language_of(source_path: str) -> str:
    """The kind of text by the file's suffix: `markdown`, `python`, …; `text` where it is not known."""
    return _LANGUAGE_OF.get(PurePosixPath(source_path).suffix.lower(), "text")
