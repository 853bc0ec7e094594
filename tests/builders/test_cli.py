"""The command line as a script sees it: exit codes, sentences, nothing heavy at start."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from builders.cli.app import app
from builders.kit.build.errors import BuildError
from repository.findings import finding_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "clients" / "examples" / "page.png"
BUILT = ROOT / "model_repository"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def sentence(result: Result, code: int) -> str:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


def test_help_has_every_command_with_an_example() -> None:
    for command in ("build", "plan", "parity", "graph", "check", "verify", "sign", "run", "doctor"):
        result = call(command, "--help")
        assert result.exit_code == 0
        assert "Example" in result.output, command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "--profile", "dmo"), "Did you mean 'demo'?"),
        (("build", "--only", "parity ocr/detectr"), "parity ocr/detector"),
        (("plan", "--profile", "nowhere.yaml"), "nowhere.yaml"),
        (("graph", "orc"), "no pipeline 'orc'; there are: asr, "),
        (("check", "/nonexistent"), "is not a folder"),
        (("check", BUILT, "--triton", "24.13"), "24.13"),
        (("verify", "/nonexistent"), "is not a folder"),
        (
            ("parity", "orc", "detector"),
            "one of asr, decoder, embed, ocr, onnx, vision, found 'orc'. Did you mean 'ocr'?",
        ),
        (("parity", "ocr", "detectr"), "with a parity: detector, "),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(map(str, value[:2])),
)
def test_wrong_usage_exits_with_2_and_says_what_there_is(
    arguments: tuple[object, ...], said: str
) -> None:
    assert said in sentence(call(*arguments), 2)


def test_failures_exit_with_1(tmp_path: Path) -> None:
    text = tmp_path / "page.txt"
    text.write_text("no image")
    for arguments in (
        ("run", "ocr", text),
        ("run", "ocr", tmp_path / "missing.png"),
        ("run", "ocr", "/dev/zero"),
        ("run", "orc", PAGE),
        ("verify", tmp_path),
        ("parity", "ocr", "detector", "--source", f"path:{text}"),
    ):
        assert len(sentence(call(*arguments), 1)) > 20, arguments


def test_a_build_that_failed_says_how_to_run_its_task_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> None:
        wrong = finding_of("task", "parity ocr/detector", "it to succeed", "NaN", "Mend it.")
        raise BuildError([wrong], "parity ocr/detector")

    monkeypatch.setattr("builders.kit.build.build.build", build)
    result = call("build", "--quiet", "--out", tmp_path)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "error [task] parity ocr/detector: expected it to succeed, found NaN. Mend it.",
        "Reproduce it with: python -m builders build --profile demo --only 'parity ocr/detector'",
    ]


def test_a_strangers_folder_is_not_built_into(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("the only copy")
    assert "thesis.doc" in sentence(call("build", "--quiet", "--out", tmp_path), 1)
    assert (tmp_path / "thesis.doc").read_text() == "the only copy"


def test_the_check_counts_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "net" / "1").mkdir(parents=True)
    (tmp_path / "net" / "1" / "model.pt").touch()
    (tmp_path / "net" / "config.pbtxt").write_text('backend: "pytorch"')
    said = sentence(call("check", tmp_path), 1)
    assert ": 1 error, 1 warning for Triton 24.10, target default" in said


def test_a_sound_repository_passes_and_a_broken_one_is_told_in_full(tmp_path: Path) -> None:
    assert "0 errors" in sentence(call("check", BUILT), 0)
    assert "as they were built" in sentence(call("verify", BUILT), 0)
    broken = tmp_path / "models"
    shutil.copytree(BUILT, broken)
    config = broken / "ocr" / "config.pbtxt"
    config.write_text(config.read_text().replace('value: "pixels"', 'value: "pixel"', 1))
    (broken / "detect" / "1" / "model.onnx").unlink()
    result = call("check", broken)
    said = sentence(result, 1)
    assert "pixel" in said and "[model-file]" in said
    changed = sentence(call("verify", broken), 1)
    assert "ocr/config.pbtxt" in changed and "detect/1/model.onnx" in changed


def test_check_asks_how_the_server_is_started(tmp_path: Path) -> None:
    """What the kit did not build is taken to be served as Triton starts by itself."""
    (tmp_path / "net" / "1").mkdir(parents=True)
    code = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"
    (tmp_path / "net" / "1" / "model.py").write_text(code)
    assert "1 warning for Triton 24.10, target default" in sentence(call("check", tmp_path), 0)
    told = sentence(call("check", tmp_path, "--target", "strict"), 1)
    assert "[missing-config]" in told and "target strict" in told
    assert "expected one of default, strict" in sentence(
        call("check", tmp_path, "--target", "lax"), 2
    )
    assert "target strict" in sentence(call("check", BUILT), 0)


def test_a_page_is_read_in_process() -> None:
    answer = json.loads(call("run", "ocr", PAGE).stdout)
    assert answer["text"][0] == "The Harbour Gazette"
    assert len(answer["text"]) == len(answer["boxes"]) == len(answer["scores"]) == 17


def test_a_file_is_what_its_family_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("one\n\ntwo\n")
    answer = json.loads(call("run", "text_embed", tmp_path / "texts").stdout)
    assert len(answer["embeddings"]) == 2
    (tmp_path / "texts").write_bytes(b"\xff")
    for file, said in ((tmp_path / "texts", "cannot read"), ("/dev/zero", "expected a file")):
        assert said in sentence(call("run", "text_embed", file), 1)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("platform", "plat", "ocr/config.pbtxt:"),
        ("platform", "\x00", "NUL"),
        ('model_name: "locate"', 'model_name: "nowhere"', "[unknown-model]"),
        ('value: "pixels"', 'value: "pixel"', "error"),
    ],
)
def test_a_pipeline_that_cannot_run_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    shutil.copytree(BUILT, tmp_path / "models")
    config = tmp_path / "models" / "ocr" / "config.pbtxt"
    config.write_text(config.read_text().replace(old, new, 1))
    told = call("run", "ocr", PAGE, "--repository", tmp_path / "models")
    assert said in sentence(told, 1)
    assert told.output.replace("\n", "").isprintable()


def test_the_plan_of_a_built_repository_keeps_everything() -> None:
    lines = sentence(call("plan"), 0)
    assert lines.split()[:3] == ["action", "task", "why"]
    assert "build " not in lines and "keep model ocr" in " ".join(lines.split())


def test_nothing_heavy_is_imported_at_start() -> None:
    code = (
        "import sys; import builders.cli.app, builders.kit.build.build; "
        "import builders.kit.recipe.profile; "
        "print([m for m in ('onnx', 'onnxruntime', 'torch', 'cv2', 'transformers', 'rapidocr', "
        "'tritonclient.grpc') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "[]"
