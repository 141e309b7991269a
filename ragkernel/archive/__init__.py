"""A version of a knowledge base as one file that any tool can read, and back.

The archive is a zip with three members:

* `documents.jsonl`: a document a line, in the order of their paths; `document` is its number, from 1 on.
* `chunks.jsonl`: a chunk a line, in the order of documents and, within one, of `chunk_index`; `document` is the number
  of its document.
* `manifest.json`: what the base was built with, how many rows there are, and size and SHA-256 of the other members.

Ids of rows are not in it: an import gives new ones. Texts and numbers stand as they are; `metadata` of documents and
chunks is their JSON text as a JSON string, so that numbers keep their digits; moments are UTC text as in the database.
Not in it either is the folder that a document came from: `root` is left out of a document's metadata, so an archive
names no path of the machine that wrote it, and an imported document is of no folder.

`form` says what a line and the manifest look like and refuses all else; `writing` exports, `reading` verifies a file,
`storing` imports.
"""

from __future__ import annotations

from .storing import Imported, check, import_kb
from .writing import Exported, export_kb

__all__ = ["Exported", "Imported", "check", "export_kb", "import_kb"]
