"""What the engine tensorrt_llm_engine takes of a profile, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from builders.decoder.settings.legacy import LegacyOptions
from builders.kit.recipe.profile import KIND, ProfileError
from repository.files.yaml_file import validated

PLACES = {"checkpoint": "path:/weights/llava", "engine": "path:/engines/llava"}


def options(**keys: Any) -> LegacyOptions:
    return validated({**PLACES, **keys}, LegacyOptions, KIND, "p.yaml", {})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"checkpoint": "hub:a/b@" + "0" * 40}, "a path that begins with '/'"),
        ({"engine": "path:engines"}, "a path that begins with '/'"),
        ({"engine": "path:/engines\n/x"}, "a path in one line"),
        ({"dtype": "auto"}, "'float16' or 'bfloat16'"),
        ({"quantisation": "fp8"}, "'none', 'int8' or 'int4'"),
        ({"tensor_parallel": 0}, "at least 1"),
        ({"max_input": 0}, "at least 1"),
        ({"max_step_tokens": 2**31}, "at most 2147483647"),
        ({"images": -1}, "at least 0"),
        ({"images": 17}, "at most 16"),
        ({"image_rows": 0, "images": 1}, "at least 1"),
        ({"image_rows": 64}, "images, with image_rows"),
        ({"kv_cache_fraction": 1}, "less than 1"),
        ({"images": 1, "dtype": "bfloat16"}, "has no BF16"),
        ({"images": 1, "chunked_context": True}, "were never tried"),
        ({"beams": 4}, "beams"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ProfileError) as problem:
        options(**keys)
    (finding,) = problem.value.findings
    assert told in str(finding)
    assert finding.remedy


@pytest.mark.parametrize("lacking", PLACES)
def test_the_places_have_to_be_said(lacking: str) -> None:
    given = {name: value for name, value in PLACES.items() if name != lacking}
    with pytest.raises(ProfileError, match=lacking):
        validated(given, LegacyOptions, KIND, "p.yaml", {})
