"""What a base is built with: sizes, model and rule, and whether a run agrees with what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkernel.chunking import CHUNK_SIZE, RULE, settled_sizes
from ragkernel.errors import ConfigurationError
from ragkernel.knowledge.build import KERNELS_OWN, Settings, build_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ragkernel.generated.models import KnowledgeBase

EMBEDDER_MODEL = "all-MiniLM-L6-v2"


def settle(asked: Mapping[str, Any], present: KnowledgeBase | None) -> Settings:
    """The settings of the version to build.

    asked: chunk_size, chunk_overlap and embedder_model, None where the caller leaves them open. present: the version
    that they must agree with, because chunks of two sizes, or vectors of two models, do not compare; None for a new
    base. Raises ConfigurationError.
    """
    if present is not None:
        _require_same(present, asked)
        kept = present.metadata if isinstance(present.metadata, dict) else {}
        kept = {name: value for name, value in kept.items() if name not in KERNELS_OWN}
        sizes = (present.embedder_model, present.chunk_size, present.chunk_overlap)
        return Settings(*sizes, present.description, {**kept, "chunker": RULE})
    size = CHUNK_SIZE if asked["chunk_size"] is None else asked["chunk_size"]
    size, overlap = settled_sizes(size, asked["chunk_overlap"])
    model = EMBEDDER_MODEL if asked["embedder_model"] is None else asked["embedder_model"]
    return Settings(model, size, overlap, None, {"chunker": RULE})


def resumable(left: KnowledgeBase) -> bool:
    """Whether ingest can go on with a version that is not complete: its own, or one that the application made for it.

    `settle` has refused other sizes by then where that version was the one to agree with.
    """
    build = build_of(left)
    return (build is None or build.get("by") == "ingest") and rule_of(left) == RULE


def _require_same(base: KnowledgeBase, asked: Mapping[str, Any]) -> None:
    for name, value in asked.items():
        has = getattr(base, name)
        if value is not None and value != has:
            raise ConfigurationError(
                f"knowledge base {base.name!r} was built with {name} {has}, not {value}",
                operation="ingest",
                hint="leave the option out, or build a base under another name",
            )


def rule_of(base: KnowledgeBase) -> str:
    """The chunking rule that a version was split by; today's where it does not say."""
    rule = base.metadata.get("chunker") if isinstance(base.metadata, dict) else None
    return rule if isinstance(rule, str) else RULE
