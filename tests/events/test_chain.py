"""The canonical form and the checksums: fixed for ever, so pinned byte for byte."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from ragkernel.events import chain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_round_trips(value: object) -> None:
    """The canonical text decodes to an equal value, and is its own canonical text."""
    text = chain.canonical_json(value)
    assert json.loads(text) == value
    assert chain.canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    """Two dictionaries that are equal have one canonical text, whatever the order in which they were filled."""
    assert chain.canonical_json(dict(reversed(value.items()))) == chain.canonical_json(value)


def test_the_canonical_form_is_pinned() -> None:
    """Sorted keys, no white space, nothing escaped that need not be, -0.0 and large integers as they are."""
    value = {"b": [1, 1.0, -0.0, 1e300, None, True], "a": "é\n\u2028", "ä": 12345678901234567890}
    assert chain.canonical_json(value) == (
        '{"a":"é\\n\u2028","b":[1,1.0,-0.0,1e+300,null,true],"ä":12345678901234567890}'
    )


def test_the_payload_digest_is_pinned() -> None:
    """The digest is what the documentation says, spelled out here without the kernel's code."""
    salt = bytes(range(16))
    data, metadata = '{"x":"é"}', "[1]"
    expected = hashlib.sha256(
        salt
        + len(data.encode()).to_bytes(8, "big")
        + data.encode()
        + len(metadata.encode()).to_bytes(8, "big")
        + metadata.encode()
    ).hexdigest()
    assert chain.payload_digest(salt, data, metadata) == expected
    without = hashlib.sha256(salt + (9 + 1).to_bytes(8, "big") + data.encode() + b"\xff" * 8).hexdigest()
    assert chain.payload_digest(salt, data, None) == without


def test_moving_a_byte_between_data_and_metadata_changes_the_digest() -> None:
    """The lengths keep the two texts apart."""
    salt = chain.new_salt()
    assert chain.payload_digest(salt, "12", "3") != chain.payload_digest(salt, "1", "23")
    assert chain.payload_digest(salt, "1", None) != chain.payload_digest(salt, "1", "")


def test_the_checksum_is_pinned() -> None:
    """The checksum of a known event is this very text, today and in every later version."""
    result = chain.checksum(
        chain.FIRST,
        event_id="e",
        event_type="made",
        aggregate_type="thing",
        aggregate_id="1",
        sequence_number=1,
        timestamp="2026-01-02 03:04:05.000006",
        trace_id=None,
        user_id="é",
        digest="d",
    )
    text = f'["ragkernel-event-1","{"0" * 64}","e","made","thing","1",1,"2026-01-02 03:04:05.000006",null,"é","d"]'
    assert result == hashlib.sha256(text.encode()).hexdigest()
    assert result == "9b4b84f2e008cb72427a08896a4f0ab36442008603593a3445430a220f21c98d"


FIELDS = ["event_id", "event_type", "aggregate_type", "aggregate_id", "timestamp", "trace_id", "user_id", "digest"]


def test_every_field_changes_the_checksum() -> None:
    """No field that an event keeps for ever can be changed without another checksum."""
    arguments: dict[str, object] = dict.fromkeys(FIELDS, "x")
    arguments["sequence_number"] = 1
    seen = {chain.checksum(chain.FIRST, **arguments)}  # type: ignore[arg-type]
    for field in FIELDS:
        seen.add(chain.checksum(chain.FIRST, **{**arguments, field: "y"}))  # type: ignore[arg-type]
    seen.add(chain.checksum(chain.FIRST, **{**arguments, "sequence_number": 2}))  # type: ignore[arg-type]
    seen.add(chain.checksum("1" * 64, **arguments))  # type: ignore[arg-type]
    assert len(seen) == len(FIELDS) + 3
