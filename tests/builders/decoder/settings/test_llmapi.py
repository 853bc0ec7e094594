"""What the engine llmapi takes of a profile, and what it refuses, each in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.settings.llmapi import LlmApiOptions
from builders.kit.recipe.profile import KIND, ProfileError
from repository.files.yaml_file import validated
from repository.files.yaml_text import parse_yaml

HERE = "path:/weights/llama"


def read(text: str) -> LlmApiOptions:
    """The options in a YAML text, read as a profile's are."""
    document = parse_yaml(text.encode(), "profile")
    return validated(document.value, LlmApiOptions, KIND, "p.yaml", document.lines)


def options(**keys: Any) -> LlmApiOptions:
    return validated({"model": HERE, **keys}, LlmApiOptions, KIND, "p.yaml", {})


def test_a_profile_is_read_with_its_numbers() -> None:
    found = read(
        f"model: {HERE}\ntensor_parallel: 2\nkv_cache_fraction: 0.8\nchunked_context: true\n"
    )
    assert (found.tensor_parallel, found.kv_cache_fraction) == (2, 0.8)
    assert found.chunked_context
    assert found.dtype == "auto"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"model": "llama"}, "a path that begins with '/'"),
        ({"model": "llama: 8b"}, "a path that begins with '/'"),
        ({"model": "path:weights/llama"}, "a path that begins with '/'"),
        ({"model": "path:~/llama"}, "a path that begins with '/'"),
        ({"model": "demo:vision"}, "or hub:org/name@commit"),
        ({"model": "package:llama/x"}, "or hub:org/name@commit"),
        ({"model": ""}, "or hub:org/name@commit"),
        ({"model": "hub:meta-llama/Llama-3.1-8B"}, "all 40 digits of the commit"),
        ({"model": "hub:meta-llama/Llama-3.1-8B@main"}, "all 40 digits of the commit"),
        ({"model": "hub:/../x@" + "0" * 40}, "all 40 digits of the commit"),
        ({"model": "path:/weights/a\nmodel: b"}, "a path in one line"),
        ({"model": "path:/weights/a\x00b"}, "a path in one line"),
        ({"model": "path:/weights/a\x1b[2Jb"}, "a path in one line"),
        ({"model": "path:/weights/a\u2028b"}, "a path in one line"),
        ({"model": "path:/weights/a "}, "without a space at its end"),
        ({"model": "path:/" + "a" * 5000}, "at most 4096 characters"),
        ({"tokenizer": "hub:a/b@" + "0" * 40}, "a path that begins with '/'"),
        ({"tensor_parallel": 0}, "at least 1"),
        ({"tensor_parallel": 65}, "at most 64"),
        ({"tensor_parallel": "2"}, "a whole number"),
        ({"tensor_parallel": True}, "a whole number"),
        ({"pipeline_parallel": -1}, "at least 1"),
        ({"kv_cache_fraction": 0}, "more than 0"),
        ({"kv_cache_fraction": 1}, "less than 1"),
        ({"kv_cache_fraction": "nan"}, "not infinite"),
        ({"kv_cache_fraction": "half"}, "a number"),
        ({"kv_cache_dtype": "int8"}, "'auto', 'fp8' or 'nvfp4'"),
        ({"dtype": "float64"}, "'auto', 'float16' or 'bfloat16'"),
        ({"quantisation": "fp8"}, "reads it from the checkpoint"),
        ({"max_sequence": 0}, "at least 1"),
        ({"max_sequence": 2**31}, "at most 2147483647"),
        ({"max_sequence": 8193}, "as a prompt is computed in one step"),
        ({"max_batch": 9000}, "each request of a step has a token in it"),
        ({"max_step_tokens": 0}, "at least 1"),
        ({"chunked_context": "yes"}, "true or false"),
        ({"beam_width": 4}, "beam_width"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ProfileError) as problem:
        options(**keys)
    (finding,) = problem.value.findings
    assert told in str(finding)
    assert "\n" not in str(finding)
    assert finding.remedy


def test_a_long_prompt_may_come_in_pieces() -> None:
    assert options(max_sequence=131_072, chunked_context=True).max_sequence == 131_072


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(ProfileError) as problem:
        options(tensor_parallel=0, kv_cache_fraction=2, dtype="int4")
    assert len(problem.value.findings) == 3


PATHS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60)


@given(PATHS)
def test_any_path_of_one_line_is_taken_as_it_is(name: str) -> None:
    path = f"/weights/{name}".rstrip()
    assert Path(options(model=f"path:{path}").model.removeprefix("path:")) == Path(path)
