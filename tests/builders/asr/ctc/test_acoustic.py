"""What is read in a Parakeet checkpoint's settings before anything is made of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.asr.ctc.acoustic import form
from builders.kit.sources import SourceError, resolve
from tests.builders.asr.whisper.test_checkpoint import anything, edit


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    source = resolve("demo:parakeet").path
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copy(source / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "encoder",
    [
        {},
        {"num_key_value_heads": 1},
        {"subsampling_factor": 4, "subsampling_conv_stride": 2},
        {"conv_kernel_size": 31},
        {"head_dim": 20},
    ],
)
def test_settings_that_are_served_are_read(checkpoint: Path, encoder: dict[str, Any]) -> None:
    edit(checkpoint / "config.json", lambda content: content["encoder_config"].update(encoder))
    assert form(checkpoint).sampling_rate == 16000


def test_all_that_is_not_served_is_told_at_once(checkpoint: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["pad_token_id"] = content["vocab_size"]
        content["encoder_config"].update(
            conv_kernel_size=8,
            num_attention_heads=4,
            num_key_value_heads=3,
            subsampling_conv_stride=3,
            hidden_size=33,
        )

    edit(checkpoint / "config.json", change)
    bins = json.loads((checkpoint / "preprocessor_config.json").read_bytes())["feature_size"]
    edit(
        checkpoint / "preprocessor_config.json",
        lambda content: content.update(sampling_rate=8000, feature_size=bins + 1, hop_length=100.5),
    )
    with pytest.raises(SourceError) as refusal:
        form(checkpoint)
    told = str(refusal.value)
    assert told.startswith(f"{checkpoint}: expected settings of a Parakeet CTC that are served")
    for each in (
        "pad_token_id: ",
        "conv_kernel_size: 8 (expected an odd number)",
        "num_key_value_heads: 3 (expected a divisor of 4, the num_attention_heads)",
        "subsampling_conv_kernel_size: ",
        "hidden_size: 33 (expected an even number)",
        "sampling_rate: 8000 (expected 16000)",
        f"num_mel_bins: {bins} (expected {bins + 1}, the extractor's feature_size)",
        "hop_length: 100.5 (expected a whole number from 1 on)",
    ):
        assert each in told


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_settings_are_read_or_told(checkpoint: Path, data: st.DataObject) -> None:
    file = checkpoint / data.draw(st.sampled_from(["config.json", "preprocessor_config.json"]))
    before = file.read_bytes()
    content = json.loads(before)
    inner = content.get("encoder_config", content)
    where = data.draw(st.sampled_from([content, inner]))
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(anything)
    if data.draw(st.booleans()):
        content = data.draw(anything)
    file.write_text(json.dumps(content))
    try:
        form(checkpoint)
    except SourceError as error:
        assert str(checkpoint) in str(error)
    finally:
        file.write_bytes(before)
