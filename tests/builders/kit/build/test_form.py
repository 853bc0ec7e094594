"""What can be known of a checkpoint's form is said by `plan`, all of it at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import save

from builders.kit.build.dry_run import dry_run
from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.sources import resolve
from builders.kit.tasks.cache import Cache

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


def refusals(tmp_path: Path, **families: dict[str, str]) -> dict[str, list[str]]:
    """Component -> what was found."""
    profile = tmp_path / "mine.yaml"
    content = {"triton": "24.10", "families": {k: {"sources": v} for k, v in families.items()}}
    profile.write_text(json.dumps(content))
    with pytest.raises(ProfileError) as caught:
        dry_run(load_profile(profile), tmp_path / "out", cache=Cache(tmp_path / "cache"))
    found: dict[str, list[str]] = {}
    for finding in caught.value.findings:
        found.setdefault(finding.where.removeprefix("source "), []).append(finding.found)
    assert not (tmp_path / "out").exists()
    return found


def test_a_file_of_another_kind_is_refused_for_every_component(tmp_path: Path) -> None:
    components = {
        "ocr": ("detector", "recogniser", "classifier"),
        "asr": ("parakeet", "vad", "language_model", "whisper"),
    }
    found = refusals(
        tmp_path,
        **{name: dict.fromkeys(each, "path:/etc/passwd") for name, each in components.items()},
    )
    assert found.keys() == {f"{name}/{each}" for name, many in components.items() for each in many}
    for name in ("ocr/detector", "ocr/recogniser", "ocr/classifier", "asr/vad"):
        (said,) = found[name]
        assert said.startswith("/etc/passwd: expected an ONNX model, found another file")
    for component, name in (("parakeet", "Parakeet CTC"), ("whisper", "Whisper")):
        (said,) = found[f"asr/{component}"]
        assert f"expected a folder of {name} with config.json, found none. Supported are" in said
    assert found["asr/language_model"][0].startswith("/etc/passwd: expected an n-gram model")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("content", [b"", LFS, b"\x08\x09", b"\xff" * 99, b"\0" * 99])
def test_what_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    found = refusals(tmp_path, ocr={"detector": f"path:{tmp_path / 'x.onnx'}"})
    assert "x.onnx: expected an ONNX model, found another file" in found["ocr/detector"][0]


def test_a_model_of_another_component_is_refused(tmp_path: Path) -> None:
    vad = "package:silero_vad/data/silero_vad_16k_sequence.onnx"
    detector = "package:rapidocr/models/PP-OCRv6_det_small.onnx"
    found = refusals(tmp_path, ocr={"detector": vad, "recogniser": detector}, asr={"vad": detector})
    assert "expected a PP-OCR model with one input and one output" in found["ocr/detector"][0]
    assert "expected the dictionary" in found["ocr/recogniser"][0]
    assert "expected Silero VAD's sequence graph" in found["asr/vad"][0]


def test_every_reason_to_refuse_a_speech_checkpoint_is_told(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(resolve("demo:parakeet").path, tmp_path / "demo"))
    config = json.loads((folder / "config.json").read_bytes())
    config["encoder_config"].update(conv_kernel_size=4, num_key_value_heads=3)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "generation_config.json").write_text('{"word_lead": 7}')
    found = refusals(tmp_path, asr={"parakeet": f"path:{folder}"})
    assert sorted(said.partition("expected ")[2][:18] for said in found["asr/parakeet"]) == [
        "a tokenizer in the",
        "as word_lead secon",
        "settings of a Para",
    ]


def test_a_refusal_is_no_refusal_within_another(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    sources = {"detector": "path:/etc/passwd"}
    content = {"triton": "24.10", "families": {"ocr": {"sources": sources}}}
    profile.write_text(json.dumps(content))
    with pytest.raises(ProfileError) as caught:
        dry_run(load_profile(profile), tmp_path / "out", cache=Cache(tmp_path / "cache"))
    (finding,) = caught.value.findings
    assert str(finding).startswith(
        "error [recipe] source ocr/detector: /etc/passwd: expected an ONNX model, found another "
    )
    assert str(finding).endswith(
        ". Check the source. Or set families.ocr.sources.detector in the profile to another."
    )
    assert str(finding).count("expected") == str(finding).count("found") == 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize("component", ["parakeet", "whisper"])
@pytest.mark.parametrize(
    "kind", ["parakeet_tdt", "parakeet_rnnt", "canary", "wav2vec2", "moonshine"]
)
def test_another_architecture_is_refused_once_with_what_is_served(
    tmp_path: Path, component: str, kind: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    (tmp_path / "model.safetensors").write_bytes(save({}))
    found = refusals(tmp_path, asr={component: f"path:{tmp_path}"})
    (told,) = found[f"asr/{component}"]
    assert f"found '{kind}'. Supported are Parakeet CTC (ParakeetForCTC) as component" in told
    assert "Whisper (WhisperForConditionalGeneration) as component 'whisper'" in told
