"""The profile chooses who decodes: what it may say of each engine, and what is built of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders.decoder.options import DecoderOptions
from builders.kit.build.build import BuildError, build
from builders.kit.build.dry_run import dry_run
from builders.kit.recipe.profile import KIND, ProfileError, load_profile
from builders.kit.tasks.cache import Cache
from repository.check.check import check_repository
from repository.files.yaml_file import validated
from repository.manifest import verify
from repository.release import release

LLMAPI = {"model": "path:/weights/llama"}
LEGACY = {"checkpoint": "path:/weights/llava", "engine": "path:/engines/llava"}
REMOTE = {"url": "http://decoder/v1", "model": "models"}

PROFILES = {
    "llmapi": 'engine: llmapi, llmapi: {model: "path:/weights/llama"}',
    "tensorrt_llm_engine": 'engine: tensorrt_llm_engine, source: "demo:vision", '
    'tensorrt_llm_engine: {checkpoint: "path:/weights/llava", engine: "path:/engines/llava", '
    "images: 2}",
}


def options(**keys: Any) -> DecoderOptions:
    return validated(keys, DecoderOptions, KIND, "p.yaml", {})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"engine": "vllm"}, "'local', 'remote', 'llmapi' or 'tensorrt_llm_engine'"),
        ({"engine": "llmapi"}, "a key llmapi, which says what that engine needs to know"),
        ({"engine": "remote"}, "a key remote"),
        ({"llmapi": LLMAPI}, "no key llmapi, as engine is local"),
        ({"engine": "llmapi", "llmapi": LLMAPI, "remote": REMOTE}, "no key remote"),
        ({"engine": "llmapi", "llmapi": LLMAPI, "slots": 4}, "options that the engine llmapi has"),
        ({"engine": "llmapi", "llmapi": LLMAPI, "source": "demo:vision"}, "Leave source out"),
        ({"engine": "remote", "remote": REMOTE, "weights": "int4"}, "Leave weights out"),
        (
            {"engine": "tensorrt_llm_engine", "tensorrt_llm_engine": LEGACY},
            "a source, whose tokenizer and template are read here",
        ),
        (
            {
                "engine": "tensorrt_llm_engine",
                "tensorrt_llm_engine": LEGACY,
                "source": "demo:vision",
                "eye": "vision",
            },
            "Leave eye out",
        ),
    ],
)
def test_what_an_engine_does_not_have_is_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ProfileError) as problem:
        options(**keys)
    (finding,) = problem.value.findings
    assert told in str(finding)


def test_the_demo_has_its_eye_where_it_decodes_itself() -> None:
    assert options().eye == "vision"
    assert options(engine="llmapi", llmapi=LLMAPI).eye is None


def profile(folder: Path, text: str) -> Path:
    path = folder / "p.yaml"
    path.write_text(f'triton: "26.07"\ndevice: gpu\nfamilies:\n{text}')
    return path


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("engine", "models"),
    [("llmapi", {"tensorrt_llm"}), ("tensorrt_llm_engine", {"generate", "tensorrt_llm"})],
)
def test_tensorrt_llm_is_built_checked_and_told_as_never_run(
    tmp_path: Path, engine: str, models: set[str]
) -> None:
    asked = load_profile(profile(tmp_path, f"  decoder: {{{PROFILES[engine]}}}\n"))
    out, cache = tmp_path / "repository", Cache(tmp_path / "cache")
    planned = {each.name: each.why for each in dry_run(asked, out, cache=cache).tasks}
    assert "never run here, as only nvcr.io" in planned["model tensorrt_llm"]
    result = build(asked, out, cache=cache)
    assert {each.name for each in out.iterdir() if each.is_dir()} == models
    assert [each.rule for each in result.warnings] == ["never-run"]
    assert check_repository(out, release("26.07")) == []
    assert verify(out) == []
    assert result.manifest.metrics == ()
    assert not build(asked, out, cache=cache).changed


def test_no_image_serves_it_together_with_onnx_models(tmp_path: Path) -> None:
    text = f"  decoder: {{{PROFILES['llmapi']}}}\n  vision:\n"
    with pytest.raises(BuildError) as problem:
        build(load_profile(profile(tmp_path, text)), tmp_path / "out", cache=Cache(tmp_path / "c"))
    assert {each.rule for each in problem.value.findings} == {"image-backend"}
    assert "a profile each" in str(problem.value)


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    text = '  decoder:\n    engine: llmapi\n    llmapi:\n      model: "path:weights"\n'
    asked = load_profile(profile(tmp_path, text))
    with pytest.raises(ProfileError, match=r"p\.yaml, line 7, families\.decoder\.llmapi\.model"):
        dry_run(asked, tmp_path / "out", cache=Cache(tmp_path / "cache"))
