"""The model builder of onnxruntime-genai: a checkpoint in, the graph of its decoder out.

It is a script with top-level packages of its own, one of which has the name of ours, and it prints
as it goes. So it runs in another process, which ends with this one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from builders.kit.sources.error import SourceError
from repository.children import ending_with_parent
from repository.findings import printable, shortened

SECONDS = 3 * 3600.0
"""For the largest checkpoints that fit into memory, on a busy machine; small ones take ten."""

GRAPH = "model.onnx"
"""What it writes, with ``model.onnx.data`` beside it."""

_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
}

_TOKENIZER = {
    "version": "1.0",
    "added_tokens": [],
    "model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"},
}
"""It asks for one, of which nothing comes into the graph."""


def build(checkpoint: Path, out: Path, told_as: Path) -> Path:
    """Make the graph of a decoder in FP32, which takes embeddings in place of tokens.

    Args:
        checkpoint: the decoder's folder, of a config.json and safetensors; gets a tokenizer.
        out: a folder that does not exist yet.
        told_as: the checkpoint's name in an error.

    Returns:
        The file that has the graph.

    Raises:
        SourceError: the builder refuses the checkpoint, or takes longer than :data:`SECONDS`.
        ModuleNotFoundError: the extra "torch" is not installed.
    """
    (checkpoint / "tokenizer.json").write_text(json.dumps(_TOKENIZER), "utf-8")
    (checkpoint / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"}), "utf-8"
    )
    scratch = out.with_name(f"{out.name}.scratch")
    scratch.mkdir()
    options = {
        "exclude_embeds": "true",
        "hf_token": "false",
        "hf_remote": "false",
        # Its window-sized caches are for its own runtime; ours keeps all positions of a slot.
        "windowed_kv_cache": "false",
    }
    command = [sys.executable, str(_script())]
    command += ["-i", str(checkpoint), "-o", str(out), "-p", "fp32", "-e", "cpu"]
    command += ["-c", str(scratch), "--extra_options"]
    command += [f"{name}={value}" for name, value in options.items()]
    try:
        done = subprocess.run(
            command,
            cwd=scratch,
            env={**os.environ, **_OFFLINE, "HF_HOME": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            preexec_fn=ending_with_parent(signal.SIGKILL),
        )
    except subprocess.TimeoutExpired:
        raise _refused(told_as, f"nothing after {SECONDS:g} s") from None
    if done.returncode or not (out / GRAPH).is_file():
        raise _refused(told_as, _reason(done.stderr, done.returncode))
    return out / GRAPH


def _script() -> Path:
    spec = importlib.util.find_spec("onnxruntime_genai")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'onnxruntime_genai'", name="onnxruntime_genai")
    return Path(spec.submodule_search_locations[0]) / "models" / "builder.py"


def _reason(printed: bytes, code: int) -> str:
    """The last line of what it printed, which is an exception's, or how it ended."""
    if code < 0:
        return f"its end by signal {-code}"
    lines = [line for line in printed.decode(errors="replace").splitlines() if line.strip()]
    return shortened(printable(lines[-1].strip()), 300) if lines else "no reason"


def _refused(checkpoint: Path, found: str) -> SourceError:
    from importlib.metadata import version

    return SourceError(
        f"{checkpoint}: expected a decoder that the builder of onnxruntime-genai "
        f"{version('onnxruntime-genai')} takes, found: {found}"
    )
