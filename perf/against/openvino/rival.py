"""openvino-genai as a rival, with weights from optimum-intel, the converter that it names."""

from __future__ import annotations

from pathlib import Path

from perf.against.bench import THREADS, say
from perf.against.rivals.asked import Rival
from perf.against.rivals.commands import run
from perf.measure.environment import Environment
from repository.places import made_folder

TITLE = "openvino-genai"

ENVIRONMENT = Environment(
    made_folder(".venv-openvino"),
    Path(__file__).with_name("requirements.txt"),
    TITLE,
    takes="a minute or two",
    beside=True,
)

_FORMS = {
    "fp32": ("--weight-format", "fp32"),
    # Blocks of 128, its default, do not divide the checkpoint's sizes. Symmetric is faster here.
    "int4": ("--weight-format", "int4", "--group-size", "32", "--sym"),
}


def converted(checkpoint: Path, folder: Path, weights: str) -> Path:
    """A checkpoint as OpenVINO's folder.

    Args:
        checkpoint: in Hugging Face format.
        folder: where it is written, if it is not there yet.
        weights: "fp32" or "int4".

    Raises:
        LegFailed: the converter failed.
    """
    ENVIRONMENT.install(say)
    made = folder / f"openvino_{weights}"
    if not (made / "openvino_model.xml").is_file():
        command = ["export", "openvino", "--model", str(checkpoint)]
        command += ["--task", "text-generation-with-past", *_FORMS[weights], str(made)]
        run("optimum-intel", [str(ENVIRONMENT.folder / "bin" / "optimum-cli"), *command])
    return made


def start(model: Path, slots: int) -> Rival:
    """openvino-genai with a model.

    Args:
        model: a folder of :func:`converted`.
        slots: prompts at once, at most.
    """
    settings = {"model": str(model), "slots": slots, "threads": THREADS}
    return Rival(TITLE, ENVIRONMENT.python, "perf.against.openvino.worker", settings)
