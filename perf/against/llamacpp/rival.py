"""llama.cpp as a rival: built here for this CPU, with weights from its own converter."""

from __future__ import annotations

import re
import tarfile
import tempfile
from pathlib import Path

from perf.against.bench import THREADS, say
from perf.against.rivals.asked import Rival
from perf.against.rivals.commands import run
from perf.errors import LegFailed
from perf.measure.environment import Environment
from repository.places import made_folder

TITLE = "llama.cpp"

ENVIRONMENT = Environment(
    made_folder(".venv-llamacpp"),
    Path(__file__).with_name("requirements.txt"),
    TITLE,
    takes="ten minutes, as it is compiled",
    variables={"CMAKE_ARGS": "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF", "FORCE_CMAKE": "1"},
    # Its converter reads checkpoints with torch.
    beside=True,
)


def converted(checkpoint: Path, folder: Path, weights: str) -> Path:
    """A checkpoint as a GGUF file, made with llama.cpp's own tools.

    Args:
        checkpoint: in Hugging Face format.
        folder: where it is written, if it is not there yet.
        weights: "fp32" or "int4".

    Raises:
        LegFailed: a tool failed.
    """
    ENVIRONMENT.install(say)
    plain, small = folder / "fp32.gguf", folder / "q4_0.gguf"
    python = str(ENVIRONMENT.python)
    if not plain.is_file():
        converter = str(_source() / "convert_hf_to_gguf.py")
        made = ["--outfile", str(plain), "--outtype", "f32"]
        run("llama.cpp's converter", [python, converter, str(checkpoint), *made])
    if weights == "int4" and not small.is_file():
        module = "perf.against.llamacpp.quantise"
        run("llama.cpp's quantisation", [python, "-m", module, str(plain), str(small)])
    return small if weights == "int4" else plain


def start(model: Path, slots: int, context: int) -> Rival:
    """llama.cpp with a model.

    Args:
        model: a GGUF file.
        slots: prompts at once, at most.
        context: tokens of each.
    """
    settings = {"model": str(model), "slots": slots, "context": context, "threads": THREADS}
    return Rival(TITLE, ENVIRONMENT.python, "perf.against.llamacpp.worker", settings)


def _source() -> Path:
    """llama.cpp's folder in the package's source, which has the converter; no wheel has it.

    Raises:
        LegFailed: it could not be fetched, or has no such folder.
    """
    place = ENVIRONMENT.folder / "source"
    if not place.is_dir():
        (pinned,) = re.findall(r"(?m)^llama_cpp_python==\S+", ENVIRONMENT.requirements.read_text())
        with tempfile.TemporaryDirectory(dir=ENVIRONMENT.folder) as scratch:
            fetch = ["download", "--no-deps", "--no-binary", ":all:", "--dest", scratch, pinned]
            run("pip download", [str(ENVIRONMENT.python), "-m", "pip", *fetch])
            (archive,) = Path(scratch).glob("*.tar.gz")
            with tarfile.open(archive) as packed:
                packed.extractall(f"{scratch}/unpacked", filter="data")
            Path(scratch, "unpacked").rename(place)
    found = next(place.glob("*/vendor/llama.cpp"), None)
    if found is None:
        raise LegFailed(f"{place}: expected llama.cpp's folder in it, found none. Remove it.")
    return found
