"""``python -m builders wrap``: a profile from files, and from folders that families take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from builders.cli.app import app
from builders.kit.build.dry_run import dry_run
from builders.kit.paths import BUILDERS
from builders.kit.recipe.profile import load_profile
from builders.wrap.understood import names_for
from tests.builders.decoder.checkpoints import forms as decoders
from tests.builders.embed.checkpoints import write as write_embedder
from tests.builders.onnx.corpus import BATCH, EXPORTED, REFUSED, SERVED


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrap(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["wrap", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.thorough
def test_the_profile_of_every_kind_is_one_that_can_be_built(folder: Path) -> None:
    (folder / "files").mkdir()
    for kind in SERVED:
        kind.make(folder / f"files/{kind.name}.onnx")
    names = [kind.name for kind in SERVED]
    code, told, _ = wrap(*(f"files/{name}.onnx" for name in names), "--out", "mine.yaml")
    assert code == 0 and told.endswith(
        "Build it with: python -m builders build --profile mine.yaml --out mine_repository\n"
    )
    models = yaml.safe_load(Path("mine.yaml").read_text())["families"]["onnx"]["models"]
    assert list(models) == names
    joined = {kind.name for kind in SERVED if kind.options == BATCH}
    assert joined <= {name for name, each in models.items() if each["max_batch_size"] == 8}
    for name in ("torch_legacy_names", "how_many", "scalar_output", "control_scan", "axes_fixed"):
        assert models[name]["max_batch_size"] == 0
    plan = dry_run(load_profile("mine.yaml"), folder / "out").tasks
    assert {f"export onnx/{name}" for name in names} <= {each.name for each in plan}


def test_the_profile_of_a_file_is_one_that_can_be_built(folder: Path) -> None:
    shutil.copy(EXPORTED / "sklearn_columns.onnx", "scorer.onnx")
    (folder / "profiles").mkdir()
    code, *_ = wrap("scorer.onnx", "--out", "profiles/mine.yaml")
    assert code == 0
    profile = load_profile("profiles/mine.yaml")
    planned = dry_run(profile, folder / "out").tasks
    assert "export onnx/scorer" in {each.name for each in planned}


def test_it_says_what_a_file_is() -> None:
    shutil.copy(EXPORTED / "sklearn_columns.onnx", "scorer.onnx")
    _, told, _ = wrap("scorer.onnx", "--out", "mine.yaml")
    assert told == (
        "scorer.onnx: 1.1 kB, opset 13, IR version 10, written by skl2onnx 1.20.0\n"
        "  input   age            FP32   [?, 1]\n"
        "  input   height         FP32   [?, 1]\n"
        "  input   city           BYTES  [?, 1]\n"
        "  output  label          INT64  [?]\n"
        "  output  probabilities  FP32   [?, 3]\n"
        "  Operators of ai.onnx.ml beside those of ONNX.\n"
        "  Requests can be joined: the first axis of every tensor is the batch.\n"
        "\n"
        "mine.yaml: written\n"
        "Build it with: python -m builders build --profile mine.yaml --out mine_repository\n"
    )


def test_a_script_reads_what_a_file_is(tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    code, said, told = wrap(EXPORTED / "sklearn_columns.onnx", "--out", profile, "--json")
    assert (code, told) == (0, "")
    found = json.loads(said)
    assert found["profile"] == str(profile) and profile.is_file()
    (model,) = found["models"]
    assert list(model) == [
        *("model", "path", "bytes", "opset", "inputs", "outputs", "unbatched"),
    ]
    assert list(model["inputs"][0]) == ["name", "dtype", "axes"]
    assert "families" in json.loads(wrap(EXPORTED / "sklearn_columns.onnx", "--json")[1])["profile"]


def test_standard_output_is_the_profile_alone() -> None:
    shutil.copy(EXPORTED / "torch_legacy_names.onnx", "true.onnx")
    code, told, errors = wrap("true.onnx")
    assert (code, errors) == (0, "")
    assert list(yaml.safe_load(told)["families"]["onnx"]["models"]) == ["true"]
    assert "#   - 'input.1': expected a dynamic first axis" in told


def test_a_file_that_is_named_twice_is_one_model(folder: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(EXPORTED / "sklearn_kmeans.onnx", name)
    code, told, _ = wrap("a.onnx", "b.onnx", "./a.onnx", folder / "b.onnx", "a.onnx")
    assert code == 0
    models = yaml.safe_load(told)["families"]["onnx"]["models"]
    assert {name: each["source"] for name, each in models.items()} == {
        "a": "path:a.onnx",
        "b": "path:b.onnx",
    }
    assert list(models) == ["a", "b"]


@pytest.mark.thorough
def test_the_profile_is_written_even_if_nobody_reads_what_is_printed(folder: Path) -> None:
    source, profile = EXPORTED / "sklearn_kmeans.onnx", folder / "mine.yaml"
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "builders", "wrap", str(source), "--out", str(profile)]
    with os.fdopen(writing) as unread:
        subprocess.run(
            command,
            stdout=unread,
            stderr=subprocess.DEVNULL,
            check=False,
            cwd=BUILDERS.parent,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    assert list(yaml.safe_load(profile.read_text())["families"]["onnx"]["models"])


def test_all_that_is_refused_is_told_at_once_and_nothing_is_written(folder: Path) -> None:
    for kind in REFUSED:
        (folder / kind.name).mkdir()
        kind.make(folder / kind.name / f"{kind.name}.onnx")
    shutil.copy(EXPORTED / "sklearn_kmeans.onnx", "good.onnx")
    # Those that are refused only for what a profile asks of them.
    asked = [kind for kind in REFUSED if kind.name not in ("fixed_batch", "other_rows", "reduced")]
    files = [f"{kind.name}/{kind.name}.onnx" for kind in asked]
    code, told, errors = wrap("good.onnx", *files, "nowhere.onnx", "--out", "mine.yaml")
    assert (code, told) == (1, "") and not Path("mine.yaml").exists()
    for kind in asked:
        assert f"{kind.name}.onnx" in errors, kind.name
        assert all(part in errors for part in kind.refused), kind.name
    assert "error [onnx] nowhere.onnx: expected an ONNX file, found none. Correct the" in errors
    assert "good.onnx" not in errors


def test_a_folder_without_an_onnx_file(folder: Path) -> None:
    (folder / "empty").mkdir()
    code, told, errors = wrap("empty", "--out", "mine.yaml")
    assert (code, told) == (1, "") and not Path("mine.yaml").exists()
    assert errors.startswith("error [checkpoint] empty: expected a checkpoint that a family takes")
    assert errors.endswith(
        ", found no config.json. Give the folder that holds config.json, or name an ONNX file "
        "instead.\n"
    )


def test_a_folder_of_one_onnx_file_is_a_model(folder: Path) -> None:
    (folder / "scorer").mkdir()
    shutil.copy(EXPORTED / "sklearn_columns.onnx", "scorer/model.onnx")
    code, told, _ = wrap("scorer")
    assert code == 0
    models = yaml.safe_load(told)["families"]["onnx"]["models"]
    assert models["scorer"]["source"] == "path:scorer"


def test_a_file_that_is_there_is_not_written_over() -> None:
    shutil.copy(EXPORTED / "sklearn_kmeans.onnx", "scorer.onnx")
    Path("mine.yaml").write_text("mine")
    code, _, errors = wrap("scorer.onnx", "--out", "mine.yaml")
    assert code == 1 and errors.startswith("error: mine.yaml: expected a new file, found one.")
    assert Path("mine.yaml").read_text() == "mine"


def test_custom_operators_need_their_library(folder: Path) -> None:
    kind = next(kind for kind in REFUSED if kind.name == "custom_operators")
    kind.make(folder / "x.onnx")
    code, told, errors = wrap("x.onnx")
    assert (code, told) == (1, "")
    assert "found custom ones: com.acme.Twice, org.other.Thrice. Name the library" in errors
    assert errors.endswith("(--operators).\n")
    (folder / "bad.so").write_bytes(b"\x7fELF")
    for library in ("bad.so", "nowhere.so"):
        code, told, errors = wrap("x.onnx", "--operators", library)
        assert (code, told) == (1, "") and library in errors


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_profile_that_cannot_be_written(how: tuple[str, ...]) -> None:
    shutil.copy(EXPORTED / "sklearn_kmeans.onnx", "scorer.onnx")
    code, _, errors = wrap("scorer.onnx", "--out", "nowhere/mine.yaml", *how)
    assert code == 1 and "cannot write nowhere/mine.yaml: No such file or directory" in errors


def test_something_has_to_be_named() -> None:
    code, _, errors = wrap()
    assert code == 2
    assert errors.startswith("error: expected ONNX files or folders, as `python -m builders wrap ")


def test_names_are_of_files_or_of_their_folders() -> None:
    paths = "scorer.onnx a/scorer.onnx bert/onnx/model.onnx t5/model.onnx x/é-1.onnx x/é-1.onnx"
    assert names_for([Path("/m") / each for each in paths.split()]) == [
        "scorer",
        "a_scorer",
        "bert",
        "t5",
        "_-1",
        "x__-1",
    ]


def config(folder: Path, **content: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def written(*arguments: object) -> dict[str, object]:
    """The families of the profile that is written."""
    code, told, errors = wrap(*arguments)
    assert code == 0, errors
    families = yaml.safe_load(told)["families"]
    assert isinstance(families, dict)
    return families


def test_a_checkpoint_that_a_family_takes_as_a_source(folder: Path) -> None:
    demo = BUILDERS / "asr/demo/parakeet"
    assert written(demo) == {
        "asr": {"sources": {"parakeet": f"path:{os.path.relpath(demo, folder)}"}}
    }
    code, told, _ = wrap(demo, "--out", "mine.yaml")
    assert code == 0 and " ".join(told.split()).startswith(
        f"{demo}: Parakeet CTC (ParakeetForCTC), by the family 'asr' Pipelines: asr, asr_stream. "
    )


@pytest.mark.parametrize("name", ["vision", "vision_text"])
def test_a_checkpoint_that_a_configured_family_takes(folder: Path, name: str) -> None:
    shutil.copytree(BUILDERS / "vision/demo" / name, folder / "eye")
    assert written("eye") == {"vision": {"source": "path:eye"}}
    (folder / "profiles").mkdir()
    code, told, _ = wrap("eye", "--out", "profiles/mine.yaml")
    kind = "LLaVA (LlavaForConditionalGeneration)" if name == "vision" else "SigLIP (SiglipModel)"
    pipelines = "vision" if name == "vision" else "vision, vision_text"
    assert code == 0 and told == (
        f"eye: {kind}, by the family 'vision'\n"
        f"  Pipelines: {pipelines}.\n"
        "\n"
        "profiles/mine.yaml: written\n"
        "Build it with: python -m builders build --profile profiles/mine.yaml "
        "--out profiles/mine_repository\n"
    )
    plan = dry_run(load_profile("profiles/mine.yaml"), folder / "out").tasks
    assert "model vision" in {each.name for each in plan}


def test_a_sentence_embedding_checkpoint(folder: Path) -> None:
    write_embedder(folder / "mine")
    assert written("mine") == {"embed": {"source": "path:mine"}}


def test_a_decoder(folder: Path) -> None:
    decoders.TEXTS["Llama"](folder / "mine")
    assert written("mine") == {"decoder": {"source": "path:mine"}}


def test_files_and_checkpoints_in_one_profile(folder: Path) -> None:
    shutil.copy(EXPORTED / "sklearn_columns.onnx", "scorer.onnx")
    found = json.loads(wrap("scorer.onnx", BUILDERS / "vision/demo/vision_text", "--json")[1])
    families = yaml.safe_load(found["profile"])["families"]
    assert list(families) == ["vision", "onnx"]
    assert [each["model"] for each in found["models"]] == ["scorer"]
    (checkpoint,) = found["checkpoints"]
    assert list(checkpoint) == ["family", "component", "path", "kind", "pipelines"]
    assert checkpoint["pipelines"] == ["vision", "vision_text"]


def test_two_checkpoints_of_one_place() -> None:
    demo = BUILDERS / "vision/demo"
    code, told, errors = wrap(demo / "vision", demo / "vision_text")
    assert (code, told) == (1, "")
    assert "expected one folder for 'source' of the family 'vision'" in errors


def test_a_checkpoint_of_which_files_are_missing(folder: Path) -> None:
    config(folder / "w", model_type="whisper", architectures=["WhisperForConditionalGeneration"])
    config(folder / "v", model_type="clip", architectures=["CLIPModel"])
    code, told, errors = wrap("w", "v", "--out", "mine.yaml")
    assert (code, told) == (1, "") and not Path("mine.yaml").exists()
    assert "error [recipe] w: expected weights (*.safetensors or *.onnx), found " in errors
    assert "error [vision] v: expected weights (*.safetensors or *.onnx), found " in errors


GPT = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}


def test_a_checkpoint_that_none_takes(folder: Path) -> None:
    config(folder / "g", **GPT)
    code, told, errors = wrap("g")
    assert (code, told) == (1, "")
    for part in (
        "error [checkpoint] g: expected a checkpoint that a family takes: ",
        "'asr' (Parakeet CTC (ParakeetForCTC), Whisper (",
        "'embed' (sentence embeddings (BERT, ",
        "'vision' (LLaVA (LlavaForConditionalGeneration), CLIP (CLIPModel)",
        "'decoder' (Llama (LlamaForCausalLM), Mistral (MistralForCausalLM)",
        ", found GPT2LMHeadModel, model_type gpt2. Export it to ONNX",
        "optimum-cli export onnx",
    ):
        assert part in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("idefics2", "Idefics2ForConditionalGeneration", "which packs patches of images"),
        ("llava_llama", "LlavaLlamaForCausalLM", "which has the format of its authors' own code"),
        ("llava", "LlavaForAction", "which has another class than LlavaForConditionalGeneration."),
        ("siglip_text_model", "SiglipTextModel", "which is a text tower: a profile names it"),
        ("llama", "LlamaForAction", "which has another class than LlamaForCausalLM."),
        ("mixtral", "MixtralForCausalLM", "which has experts that onnxruntime-genai's"),
        ("bert", "BertForSequenceClassification", "which has a head of its own, and no modules."),
    ],
)
def test_a_checkpoint_whose_kind_a_family_knows(
    folder: Path, kind: str, name: str, said: str
) -> None:
    config(folder / "x", model_type=kind, architectures=[name])
    code, _, errors = wrap("x")
    assert code == 1 and f"found {name}, model_type {kind}, {said}" in errors


def test_a_checkpoint_with_an_onnx_file(folder: Path) -> None:
    gpt = config(folder / "b", **GPT)
    (gpt / "onnx").mkdir()
    shutil.copy(EXPORTED / "torch_legacy_encoder.onnx", gpt / "onnx/model.onnx")
    code, _, errors = wrap("b")
    assert code == 1 and "`python -m builders wrap b/onnx/model.onnx`" in errors


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "expected JSON"),
        (b"[]", "expected a JSON object"),
        (b"\xff", "expected JSON in UTF-8"),
    ],
)
def test_a_config_that_is_none(folder: Path, content: bytes, said: str) -> None:
    (folder / "config.json").write_bytes(content)
    code, told, errors = wrap(".")
    assert (code, told) == (1, "") and said in errors and "Traceback" not in errors
