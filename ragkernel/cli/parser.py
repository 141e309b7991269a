"""What can be typed: commands, options, and an example of each."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any, NoReturn

from ragkernel.chunking import CHUNK_OVERLAP, CHUNK_SIZE
from ragkernel.knowledge.bases import KEPT
from ragkernel.sources import DEFAULT_GLOBS

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_MAX = 1000


class UsageError(Exception):
    """The command line cannot be understood. message, hint: what is wrong, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _Parser(argparse.ArgumentParser):
    """Raises UsageError instead of printing its usage and leaving; takes no abbreviated options."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see {self.prog} --help")


def _common() -> argparse.ArgumentParser:
    """The options that every command takes, before its name or behind it."""
    # SUPPRESS: a command's parser would otherwise overwrite what stood before the command with its own default.
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = common.add_argument_group("which database, and how to print")
    group.add_argument("--app-db", metavar="FILE", help="the database file (or RAGKERNEL_APP_DB_PATH)")
    group.add_argument(
        "--events-db", metavar="FILE", help="the second file of a pair, with the event tables: means split mode"
    )
    group.add_argument(
        "--config",
        metavar="FILE.toml",
        help="a file with the configuration: the table [ragkernel] if it has one (variables do not count then)",
    )
    group.add_argument("--json", action="store_true", help="print one JSON document")
    return common


def build() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    common = _common()
    parser = _Parser(
        prog="ragkernel",
        description="Knowledge bases, documents and chunks in one SQLite file.",
        epilog="Example:\n  ragkernel ingest docs --kb handbook --app-db app_meta.db\n\n"
        "Exit codes: 0 ok, 1 failed, 2 wrong usage or configuration, 130 interrupted.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    parser.add_argument("--version", action="store_true", help="print the versions of ragkernel, Python and SQLite")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, told: str, example: str, under: Any = commands) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = under.add_parser(
            name,
            help=told[:1].lower() + told[1:].rstrip("."),
            description=told,
            epilog=f"Example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        return added

    _add_tasks(add)
    _add_questions(add)
    _add_bases(add)
    return parser


def _add_tasks(add: Callable[..., argparse.ArgumentParser]) -> None:
    ingest = add(
        "ingest",
        "Bring a knowledge base up to date with a folder of text.",
        "ragkernel ingest docs --kb handbook --glob '*.md' --glob 'api/**/*.py' --app-db app_meta.db",
    )
    known = textwrap.fill(" ".join(DEFAULT_GLOBS), 78, initial_indent="  ", subsequent_indent="  ")
    ingest.epilog = f"{ingest.epilog}\n\nWithout --glob it takes:\n{known}"
    ingest.add_argument("path", metavar="PATH", help="a folder, or one file")
    ingest.add_argument(
        "--kb", type=_text, required=True, metavar="NAME", help="the knowledge base; made if there is none"
    )
    ingest.add_argument(
        "--glob",
        action="append",
        metavar="PATTERN",
        help="files to take, again for more: *.md for names, docs/**/*.md for paths below PATH"
        " (otherwise prose and source code, listed below)",
    )
    size = f"most tokens in a chunk (a new base: {CHUNK_SIZE}; an existing one keeps its own)"
    overlap = (
        f"tokens that a chunk repeats of the one before (a new base: a tenth of its size, {CHUNK_OVERLAP} at most)"
    )
    ingest.add_argument("--chunk-size", type=int, metavar="N", help=size)
    ingest.add_argument("--chunk-overlap", type=int, metavar="N", help=overlap)
    ingest.add_argument(
        "--embedder-model", type=_text, metavar="NAME", help="the embedding model that a new base is for"
    )
    kept = f"how many versions stay, the active one and pinned ones always (otherwise {KEPT})"
    moved = "the base's folder is at PATH now: documents of other places count as its own, and go where it lacks them"
    ingest.add_argument("--moved", action="store_true", help=moved)
    ingest.add_argument("--keep", type=int, default=KEPT, metavar="N", help=kept)

    migrate = add(
        "migrate",
        "Bring the schema up to date, or to another version; make the database if there is none.",
        "ragkernel migrate --dry-run --app-db app_meta.db",
    )
    migrate.add_argument("--dry-run", action="store_true", help="try the steps and undo them")
    migrate.add_argument("--yes", action="store_true", help="go backward, which drops what the later versions brought")
    migrate.add_argument(
        "--to", type=int, metavar="N", help="the version to go to, forward or (with --yes) backward; 0 is empty"
    )

    backup = add(
        "backup",
        "Copy the database, verified, while it may be in use.",
        "ragkernel backup --to /mnt/backups --app-db app_meta.db",
    )
    backup.add_argument("--to", metavar="FOLDER", help="where to (otherwise backup_dir of the configuration)")

    restore = add(
        "restore",
        "Restore a backup, in place (the present rows are backed up first) or to a new file; of a pair both files.",
        "ragkernel restore backups/app_meta_20250915_120000.db --to restored.db --app-db app_meta.db",
    )
    restore.add_argument(
        "backup", metavar="FILE", help="what `ragkernel backup` made; of a pair its manifest, pair_….json"
    )
    restore.add_argument("--to", metavar="PATH", help="a new file (otherwise the rows of the database are replaced)")
    restore.add_argument("--events-to", metavar="PATH", help="the new second file of a pair; needs --to")


def _add_questions(add: Callable[..., argparse.ArgumentParser]) -> None:
    add("info", "What the database holds.", "ragkernel info --app-db app_meta.db")
    add("status", "The state of the schema and of the runs.", "ragkernel status --app-db app_meta.db --json")
    health = add(
        "health",
        "Whether all is well: exit code 0 where the status is ok, 1 where it is degraded or failing, with the reasons.",
        "ragkernel health --app-db app_meta.db",
    )
    health.add_argument("--deep", action="store_true", help="also read every page and check its integrity")
    show = add(
        "show",
        "One knowledge base, document, chunk, pipeline or run.",
        "ragkernel show 01997f3e-5b1c-7c3a-9d62-3f8e1a2b4c5d --app-db app_meta.db",
    )
    show.add_argument("id", type=_text, metavar="ID", help="its id, as the lists print it")

    listing = add("list", "List what the database holds, a page at a time.", "ragkernel list documents --kb handbook")
    kinds = listing.add_subparsers(dest="kind", metavar="WHAT", required=True, parser_class=_Parser)

    def add_kind(name: str, told: str, example: str) -> argparse.ArgumentParser:
        kind = add(name, told, example, kinds)
        kind.add_argument("--limit", type=_limit, default=50, metavar="N", help="rows a page, 1 to 1000 (50)")
        kind.add_argument("--after", metavar="PLACE", help="where to go on: what the page before printed")
        return kind

    kbs = add_kind("kbs", "Knowledge bases, each version a row.", "ragkernel list kbs --status active")
    kbs.add_argument("--status", choices=("active", "inactive", "building", "error"), help="those in this state only")
    of_base = "those of this knowledge base only, by name, NAME@VERSION or id"
    documents = add_kind("documents", "Documents.", "ragkernel list documents --kb handbook --limit 20")
    documents.add_argument("--kb", type=_text, metavar="NAME", help=of_base)
    chunks = add_kind("chunks", "Chunks.", "ragkernel list chunks --document 01997f3e-5b1c-7c3a-9d62-3f8e1a2b4c5d")
    chunks.add_argument("--kb", type=_text, metavar="NAME", help=of_base)
    chunks.add_argument("--document", type=_text, metavar="ID", help="those of this document only")
    runs = add_kind("runs", "Runs of pipelines, the newest first.", "ragkernel list runs --status failed")
    runs.add_argument("--kb", type=_text, metavar="NAME", help=of_base)
    runs.add_argument(
        "--status", choices=("pending", "running", "completed", "failed", "cancelled"), help="in this state"
    )


def _add_bases(add: Callable[..., argparse.ArgumentParser]) -> None:
    group = add("kb", "The versions of knowledge bases, and archives of them.", "ragkernel kb versions handbook")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)

    def add_action(name: str, told: str, example: str) -> argparse.ArgumentParser:
        action = add(name, told, f"ragkernel kb {example} --app-db app_meta.db", actions)
        if name not in ("list", "import"):
            action.add_argument("name", type=_text, metavar="NAME", help="the knowledge base")
        return action

    add_action("list", "Knowledge bases, one a line.", "list")
    add_action("versions", "All versions of a base, the oldest first, pruned ones too.", "versions handbook")
    for name, told in (
        ("activate", "Make another complete version the one that readers use."),
        ("pin", "Keep a version whatever is pruned."),
        ("unpin", "Let a pinned version go: the next prune or ingest may remove its documents."),
    ):
        action = add_action(name, told, f"{name} handbook 3")
        action.add_argument("number", type=int, metavar="VERSION", help="its number, as `kb versions` prints it")
    prune = add_action(
        "prune",
        "Remove the documents of old versions; the active one and pinned ones stay.",
        "prune handbook --keep 1",
    )
    prune.add_argument("--keep", type=int, metavar="N", help="complete versions that stay, the newest ones (2)")
    remove = add_action(
        "remove", "Remove a base with all its versions; its runs and events stay.", "remove handbook --yes"
    )
    remove.add_argument("--yes", action="store_true", help="do it (otherwise it is only said what would be removed)")
    export = add_action(
        "export",
        "Write a version of a base to an archive: a zip with JSON lines, a manifest and checksums.",
        "export handbook handbook.zip",
    )
    export.add_argument("file", metavar="FILE", help="a new file")
    export.add_argument(
        "--version", dest="number", type=int, metavar="N", help="this version (otherwise the active one)"
    )
    imported = add_action(
        "import",
        "Take an archive as the next version of a base; make the database if there is none.",
        "import handbook.zip --name handbook",
    )
    imported.add_argument("file", metavar="FILE", help="what `ragkernel kb export` wrote")
    imported.add_argument("--name", type=_text, metavar="NAME", help="the base (otherwise the archive's own)")


def _text(text: str) -> str:
    """A name or an id: bytes of the command line that are not UTF-8 arrive as lone surrogates, which nothing holds."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise argparse.ArgumentTypeError("the text is not UTF-8")
    return text


def _limit(text: str) -> int:
    """The value of --limit; argparse turns what this raises into its error."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:5]) <= LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {LIMIT_MAX}")
    return int(text)
