"""Images in data URIs."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ApiError
from gateway.fetching.data_uri import image_of, is_data


@given(st.binary(min_size=1), st.sampled_from(["png", "jpeg", "webp", "x-icon", "svg+xml"]))
def test_what_was_put_in_comes_out(content: bytes, kind: str) -> None:
    encoded = base64.b64encode(content).decode()
    for head in (f"data:image/{kind};base64,", f"DATA:IMAGE/{kind};name=a.png;BASE64,"):
        assert is_data(head)
        assert image_of(head + encoded, "here") == content


@pytest.mark.parametrize(
    "uri",
    [
        "data:",
        "data:,",
        "data:image/png,abc",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:;base64,AAAA",
        "data:text/html;base64,AAAA",
        "data:image/png;base64,AAA",
        "data:image/png;base64,AA AA",
        "data:image/png;base64,A\u00e9==",
        "data:image/png;base64,____",
        "data:" + "a" * 10_000 + ";base64,AAAA",
        "data:image/png" + ";a=b" * 10_000 + ";base64,AAAA",
    ],
)
def test_what_is_no_image_is_refused(uri: str) -> None:
    with pytest.raises(ApiError) as raised:
        image_of(uri, "here")
    assert raised.value.status == 400
    assert len(str(raised.value)) < 200


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert image_of(text, "here")
    except ApiError as problem:
        assert problem.param == "here"
