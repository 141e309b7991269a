"""The checksum chain of a stream, in the canonical form that is final: what it covers and how, byte for byte.

    payload_digest = SHA-256( salt ‖ len(event_data) ‖ event_data ‖ len(metadata) ‖ metadata )
    checksum       = SHA-256( canonical JSON of [ FORMAT, previous checksum, event_id, event_type, aggregate_type,
                              aggregate_id, sequence_number, timestamp, trace_id, user_id, payload_digest ] )

salt is 16 random bytes; len is 8 bytes, big-endian, all ones for metadata that is NULL; event_data and metadata are the
stored texts in UTF-8; the previous checksum of a stream's first event is 64 zeros; the timestamp is the stored text.
Both results are 64 lower-case hexadecimal digits. Canonical JSON: keys sorted by code point, no white space, UTF-8 with
nothing escaped that need not be.

The payload enters as a salted digest, so that its text can be erased with its salt and the chain still verifies. The
chain is tamper-evident, not tamper-proof: who can rewrite the whole file can also rewrite the chain.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

FORMAT = "ragkernel-event-1"
FIRST = "0" * 64
SALT_BYTES = 16

_NULL_LENGTH = b"\xff" * 8


def canonical_json(value: Any) -> str:
    """The one text of a JSON value. Raises ValueError or TypeError for what JSON cannot hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def new_salt() -> bytes:
    """A fresh salt for one event."""
    return os.urandom(SALT_BYTES)


def payload_digest(salt: bytes, event_data: str, metadata: str | None) -> str:
    """The digest of the stored texts."""
    digest = hashlib.sha256(salt)
    for text in (event_data, metadata):
        if text is None:
            digest.update(_NULL_LENGTH)
        else:
            encoded = text.encode()
            digest.update(len(encoded).to_bytes(8, "big"))
            digest.update(encoded)
    return digest.hexdigest()


def checksum(
    previous: str,
    *,
    event_id: str,
    event_type: str,
    aggregate_type: str,
    aggregate_id: str,
    sequence_number: int,
    timestamp: str,
    trace_id: str | None,
    user_id: str | None,
    digest: str,
) -> str:
    """The checksum of an event that follows the event with the checksum `previous` (FIRST for the first one)."""
    fields = [
        FORMAT,
        previous,
        event_id,
        event_type,
        aggregate_type,
        aggregate_id,
        sequence_number,
        timestamp,
        trace_id,
        user_id,
        digest,
    ]
    return hashlib.sha256(canonical_json(fields).encode()).hexdigest()
