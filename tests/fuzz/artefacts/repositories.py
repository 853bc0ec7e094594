"""Model repositories: the hostile ones that are known, and others changed by chance."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import mutate
from tests.fuzz.artefacts import odd
from tests.fuzz.artefacts.artefact import ROOT, Artefact
from tests.fuzz.media import images
from tests.hostile.repositories import repositories
from tests.hostile.writing import CONFIG, ENSEMBLE, graph, model, onnx_model, parameter, step

BUILT = ROOT / "model_repository"

WORDS = (
    *("input", "output", "dims", "TYPE_FP32", "TYPE_STRING", "KIND_GPU", "KIND_MODEL", "true"),
    *("{", "}", "[", "]", "[-1]", ":", '"onnxruntime"', '"ensemble"', '"pytorch"', '"tensorrt"'),
    *("sequence_batching { direct { } }", "dynamic_batching { }", "ensemble_scheduling { }"),
    *("version_policy { specific { versions: 9 } }", 'parameters { key: "calls" }', "# no\n"),
    *("optimization { cuda { graphs: true } }", "response_cache { enable: true }", "\\", "\x00"),
    *('default_model_filename: "../secret.txt"', "99999999999999999999", "1e400", "-0x1", '"'),
)
EXTRA = (
    parameter("execution_mode", "{}"),
    parameter("intra_op_thread_count", "{}"),
    parameter("EXECUTION_ENV_PATH", "{}"),
    parameter("calls", "{}"),
    'default_model_filename: "{}"',
    'batch_input {{ kind: BATCH_ELEMENT_COUNT target_name: "{}" source_input: "{}" }}',
    'output {{ name: "{}" data_type: TYPE_FP32 dims: 1 label_filename: "{}" }}',
    'model_warmup {{ name: "{}" batch_size: 1 inputs {{ key: "x" value {{ data_type: TYPE_FP32 '
    'dims: 4 input_data_file: "{}" }} }} }}',
    'ensemble_scheduling {{ step {{ model_name: "{}" model_version: -1 }} }}',
    'optimization {{ execution_accelerators {{ gpu_execution_accelerator {{ name: "tensorrt" '
    'parameters {{ key: "max_workspace_size_bytes" value: "{}" }} }} }} }}',
)


@functools.cache
def built() -> dict[str, str]:
    """The configs of the repository that was built, by model."""
    return {path.parent.name: path.read_text() for path in sorted(BUILT.glob("*/config.pbtxt"))}


def escaped(text: str) -> str:
    """A text between the quotes of protobuf's text."""
    return "".join(
        each if 32 <= ord(each) < 127 and each not in '"\\' else f"\\{byte:03o}"
        for each in text
        for byte in each.encode("utf-8", "surrogatepass")
        if ord(each) < 127 or byte >= 128
    )


def config_text(random: Random, text: str) -> bytes:
    """A config that was changed."""
    way = random.random()
    if way < 0.35:
        text = odd.tokens_changed(random, text, WORDS)
    elif way < 0.6:
        entry = random.choice(EXTRA)
        for _ in range(random.choice((1, 1, 2))):
            text += "\n" + entry.replace("{}", escaped(random.choice((*odd.PATHS, *odd.TEXTS))))
        text = text.replace("{{", "{").replace("}}", "}")
    elif way < 0.7:
        times = random.choice((10, 1000, 50_000))
        text += random.choice(("#", "input { ", "\n", " ", "dims: 1 ", "dims: [", "x ")) * times
    if random.random() < 0.4 or way >= 0.7:
        return mutate.blindly(random, text.encode("utf-8", "surrogatepass"))
    return text.encode("utf-8", "surrogatepass")


def known(random: Random) -> Artefact:
    """One of the hostile repositories that are known; the check knows what to say."""
    hostile = random.choice(list(repositories()))

    def write(folder: Path) -> None:
        (folder / "models").mkdir()
        hostile.make(folder / "models")

    code = 1 if hostile.rules else 0
    command = ("builders", "check", "models", *_release(random))
    return Artefact(hostile.name, write, command, codes=frozenset({code}), made=())


def _release(random: Random) -> tuple[str, ...]:
    return ("--triton", "24.10") if random.random() < 0.5 else ()


def toy(random: Random) -> tuple[str, Callable[[Path], object], bytes]:
    """A small repository of three models, of which one file was changed."""
    name = random.choice(("m/config.pbtxt", "n/config.pbtxt", "e/config.pbtxt"))
    name = random.choice((name, name, name, "m/1/model.py", "n/1/model.onnx"))
    texts = {
        "m/config.pbtxt": CONFIG,
        "n/config.pbtxt": CONFIG.replace("python", "onnxruntime"),
        "e/config.pbtxt": ENSEMBLE
        + f"ensemble_scheduling {{ {step('m', 'x', 't')} {step('n', 't', 'y')} }}",
    }
    if name in texts:
        content = config_text(random, texts[name])
    elif name.endswith(".py"):
        content = mutate.blindly(random, b"class TritonPythonModel:\n    x = 1\n" * 20)
    else:
        content = mutate.blindly(random, graph())

    def write(folder: Path) -> None:
        model(folder, "m")
        onnx_model(folder, name="n", text=texts["n/config.pbtxt"])
        (folder / "e" / "1").mkdir(parents=True)
        (folder / "e" / "config.pbtxt").write_text(texts["e/config.pbtxt"])
        (folder / name).write_bytes(content)

    return f"a toy's {name}", write, content


def demo(random: Random) -> tuple[str, Callable[[Path], object], bytes]:
    """The built repository with a config that was changed."""
    name = random.choice(sorted(built()))
    content = config_text(random, built()[name])

    def write(folder: Path) -> None:
        linked(BUILT, folder)
        config = folder / name / "config.pbtxt"
        config.unlink()
        config.write_bytes(content)

    return f"the built {name}'s config", write, content


def linked(source: Path, target: Path) -> None:
    """A copy of a folder, whose files are the same ones where the disk allows it."""

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copyfile(one, other)

    shutil.copytree(source, target, copy_function=link, dirs_exist_ok=True)


def check(random: Random) -> Artefact:
    """A repository for ``check``."""
    if random.random() < 0.35:
        return known(random)
    what, write, content = random.choice((toy, toy, demo))(random)
    options = random.choice(((), (), ("--strict",), ("--triton", "26.11"), ("--triton", "24.13")))

    def write_all(folder: Path) -> None:
        (folder / "models").mkdir()
        write(folder / "models")

    return Artefact(what, write_all, ("builders", "check", "models", *options), content)


def run(random: Random) -> Artefact:
    """The built repository with a config that was changed, for a pipeline run in process."""
    name = random.choice(("ocr", "ocr", "decode_image", "prepare_page", "detect", "collect"))
    content = config_text(random, built()[name])

    def write(folder: Path) -> None:
        linked(BUILT, folder / "models")
        config = folder / "models" / name / "config.pbtxt"
        config.unlink()
        config.write_bytes(content)
        (folder / "word.png").write_bytes(images.seeds()["rgb.png"])

    command = ("builders", "run", "ocr", "word.png", "--repository", "models")
    what = f"a run with another config of {name}"
    # Its libraries' threads do not go over into a copy of a process.
    return Artefact(what, write, command, content, alone=True)
