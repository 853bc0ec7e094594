"""Events in bytes, however these are cut, and what an event may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders.decoder.stages.reaching.address import Address, address_of
from builders.decoder.stages.reaching.chunks import Chunk, read_chunk
from builders.decoder.stages.reaching.events import Events
from builders.decoder.stages.reaching.faults import RemoteFault

STREAMS = [
    (b"data: a\n\ndata: b\n\n", ["a", "b"]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
    (b"data: a\r\rdata:b\r\r", ["a", "b"]),
    (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
    (b": comment\nevent: x\nid: 3\nretry: 5\ndata: a\ndata: b\n\n", ["a\nb"]),
    (b"\n\n\nevent: x\n\ndata\n\n", [""]),
    (b"data:  two spaces\n\ndata: not complete\n", [" two spaces"]),
    ("data: \u00e9\u20ac\U0001f600\n\n".encode(), ["\u00e9\u20ac\U0001f600"]),
    (b'data: {"a": "data: b"}\n\n', ['{"a": "data: b"}']),
]


def _read(pieces: list[bytes], longest: int = 1000) -> list[str]:
    events = Events(longest)
    return [each for piece in pieces for each in events.take(piece)]


@pytest.mark.parametrize(("stream", "expected"), STREAMS)
def test_events_are_those_of_the_standard(stream: bytes, expected: list[str]) -> None:
    assert _read([stream]) == expected
    assert _read([stream[at : at + 1] for at in range(len(stream))]) == expected


@given(
    st.lists(st.sampled_from([b"data: ", b"a", b"\r", b"\n", b"\r\n", b":", b"\xc3\xa9"])),
    st.lists(st.integers(0, 40)),
)
@example([b"data: ", b"a", b"\r\n", b"\r\n"], [8])
def test_where_a_stream_is_cut_does_not_matter(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    ends = sorted({min(each, len(stream)) for each in cuts} | {len(stream)})
    pieces = [stream[first:end] for first, end in zip([0, *ends], ends, strict=False)]
    assert _read(pieces) == _read([stream])


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 2000, b"data: " + b"x" * 300 + b"\n"])
def test_what_is_kept_is_bounded(piece: bytes) -> None:
    with pytest.raises(RemoteFault, match="more than 1,000 bytes"):
        _read([piece] * 10)


@given(st.binary())
def test_any_bytes_are_events_or_a_fault(found: bytes) -> None:
    try:
        _read([found])
    except RemoteFault as fault:
        assert str(fault) == "the remote decoder sent what is not valid UTF-8"


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_FIELDS = ("choices", "usage", "error", "object", "delta", "text", "finish_reason", "index")
_NEAR = st.dictionaries(
    st.sampled_from(_FIELDS),
    _JSON | st.lists(st.dictionaries(st.sampled_from(_FIELDS), _JSON), max_size=2),
)


@given(_JSON | _NEAR)
def test_any_json_is_a_chunk_or_a_fault(found: Any) -> None:
    try:
        chunk = read_chunk(json.dumps(found))
    except RemoteFault as fault:
        assert len(str(fault)) < 400
        assert "\n" not in str(fault)
    else:
        assert isinstance(chunk, Chunk)
        assert isinstance(chunk.text, str)
        assert chunk.finish in ("", "stop", "length")


@pytest.mark.parametrize("reason", ["stop", "eos", "tool_calls", "abort"])
def test_other_reasons_are_an_end_of_the_models_choice(reason: str) -> None:
    data = json.dumps({"choices": [{"delta": {}, "finish_reason": reason}]})
    assert read_chunk(data).finish == "stop"


ADDRESSES = {
    "http://decoder/v1": Address("decoder", 80, False, "/v1"),
    "https://api.example.com/v1/": Address("api.example.com", 443, True, "/v1"),
    "http://[::1]:8000": Address("::1", 8000, False, ""),
    "http://decoder-predictor.ns.svc:8080/a/b": Address(
        "decoder-predictor.ns.svc", 8080, False, "/a/b"
    ),
}


@pytest.mark.parametrize(("url", "expected"), ADDRESSES.items())
def test_addresses_are_read_by_their_parts(url: str, expected: Address) -> None:
    assert address_of(url) == expected


def test_the_name_of_a_host_has_its_port_if_that_is_not_the_schemes() -> None:
    names = [address_of(url).name for url in ADDRESSES]
    assert names == ["decoder", "api.example.com", "[::1]:8000", "decoder-predictor.ns.svc:8080"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "decoder",
        "ftp://decoder/v1",
        "http://",
        "http:///v1",
        "http://user:secret@decoder/v1",
        "http://decoder/v1?key=secret",
        "http://decoder/v1#part",
        "http://decoder:0/v1",
        "http://decoder:99999/v1",
        "http://decoder:port/v1",
        "http://de coder/v1",
        "http://decoder/v1\r\nX-Other: header",
        "http://d\u00e9codeur/v1",
        "http://[::1/v1",
        "http://" + "d" * 3000,
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError) as raised:
        address_of(url)
    assert "secret" not in str(raised.value)
