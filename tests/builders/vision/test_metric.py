"""The gate on answers cannot pass where there is nothing to compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.errors import BuildersError
from builders.vision import metric
from builders.vision.metric import answers_kept
from repository.arrays import Arrays

SCENES = Path(metric.__file__).parent / "evaluation"


def test_a_checkpoint_that_answers_nothing_rightly_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(checkpoint: Path, scenes: list[object], *_: object) -> list[str]:
        return ["?"] * len(scenes)

    def seen(request: Arrays) -> Arrays:
        return {"image_embeds": request["image"]}

    monkeypatch.setattr(metric, "_answers", unknown)
    with pytest.raises(BuildersError, match="Name scenes that it was trained for"):
        answers_kept(tmp_path, SCENES, seen)
