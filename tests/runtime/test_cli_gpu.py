"""``python -m runtime serve`` of a repository that was built for a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import cli
from runtime.machine import needs
from tests.runtime.fixtures import PythonModel
from tests.runtime.test_cli import write_manifest


def test_without_a_gpu_one_sentence_says_where_it_can_be_served(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    python_model: PythonModel,
) -> None:
    repository = tmp_path / "models"
    python_model(repository, "sleeper")
    write_manifest(repository, device="gpu")
    monkeypatch.setattr(needs, "GPU_DEVICES", (tmp_path / "nvidiactl",))
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", str(repository)])
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{repository} was built for a GPU and Triton " in line
    assert "this machine has no NVIDIA GPU: serve it on " in line
    assert "--profile demo" in line
