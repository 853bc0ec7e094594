"""Checkpoints' folders and files whose settings, indexes or headers were changed.

A language model of a terabyte is none of them: it may be one, and is read to its end.
"""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import mutate
from tests.fuzz.artefacts import odd
from tests.fuzz.artefacts.artefact import ROOT, Artefact
from tests.fuzz.artefacts.manifests import OTHER_FILES
from tests.fuzz.artefacts.repositories import linked
from tests.hostile.writing import graph

FOLDERS = {
    "parakeet": ROOT / "builders/asr/demo/parakeet",
    "whisper": ROOT / "tests/builders/asr/whisper/tiny",
}
ARPA = b"""\\data\\
ngram 1=3
ngram 2=1

\\1-grams:
-1.0\t<s>\t-0.3
-1.0\t</s>
-1.0\tlight\t-0.3

\\2-grams:
-0.5\t<s> light

\\end\\
"""
INDEX = {
    "metadata": {"total_size": 10},
    "weight_map": {"a": "model.safetensors", "b": "model.safetensors"},
}


@functools.cache
def documents(component: str) -> dict[str, object]:
    """The JSON files of a checkpoint: name -> document."""
    return {
        path.name: json.loads(path.read_bytes())
        for path in sorted(FOLDERS[component].glob("*.json"))
        if path.name not in ("expected.json", "training.json")
    }


def _header(random: Random, content: bytes) -> bytes:
    """Safetensors with another header, most with its right length."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    text = odd.json_text(random, odd.changed(random, header))
    size = len(text) if random.random() < 0.8 else mutate.number(random, 32)
    return struct.pack("<Q", size) + text + content[8 + length :]


def _one(random: Random, component: str) -> tuple[str, bytes | Callable[[Path], object]]:
    """A file of a checkpoint to be another: its name and content, or what puts it there."""
    way = random.random()
    if way < 0.7:
        name = random.choice(sorted(documents(component)))
        document = odd.changed(random, documents(component)[name])
        return name, odd.json_text(random, document)
    if way < 0.8:
        document = odd.changed(random, INDEX)
        return "model.safetensors.index.json", odd.json_text(random, document)
    if way < 0.88:
        content = (FOLDERS[component] / "model.safetensors").read_bytes()
        return "model.safetensors", random.choice((_header, mutate.blindly))(random, content)
    name = random.choice((*documents(component), "model.safetensors", "README.md", "LICENSE"))
    return name, OTHER_FILES[random.choice(sorted(OTHER_FILES))]


def folder(random: Random) -> Artefact:
    """A checkpoint of speech recognition of which a file or two were changed."""
    component = random.choice(sorted(FOLDERS))
    files = dict(_one(random, component) for _ in range(random.choice((1, 1, 1, 2))))
    extra = random.choice(("", "", "", "pickle.bin", "a\nb.json", ".hidden", "x" * 200 + ".json"))

    def write(place: Path) -> None:
        linked(FOLDERS[component], place / "checkpoint")
        for name, content in files.items():
            (place / "checkpoint" / name).unlink(missing_ok=True)
            if isinstance(content, bytes):
                (place / "checkpoint" / name).write_bytes(content)
            else:
                content(place / "checkpoint" / name)
        if extra:
            (place / "checkpoint" / extra).write_bytes(b"\x80\x04.")
        _profile(place, "asr", component, "checkpoint")

    content = next((each for each in files.values() if isinstance(each, bytes)), b"")
    return Artefact(f"{component} with another {', '.join(files)}", write, COMMAND, content)


COMMAND = ("builders", "plan", "--profile", "profile.yaml", "--out", "models")


def _profile(place: Path, family: str, component: str, name: str) -> None:
    text = f'triton: "24.10"\nfamilies: {{{family}: {{sources: {{{component}: "path:{name}"}}}}}}\n'
    (place / "profile.yaml").write_text(text)


def _with_sidecar(random: Random) -> bytes:
    """A graph whose weights are said to lie in a file elsewhere."""
    import onnx

    model = onnx.load_model_from_string(graph())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    location = random.choice(odd.PATHS).encode("utf-8", "replace").decode()
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value=str(random.choice(odd.NUMBERS)))
    return bytes(model.SerializeToString())


def file(random: Random) -> Artefact:
    """A checkpoint of one file: an ONNX graph, or a language model."""
    if random.random() < 0.4:
        family, component, name = "asr", "language_model", random.choice(("l.arpa", "l", "l.bin"))
        content = random.choice(
            (mutate.blindly(random, ARPA), b"mmap lm" + mutate.noise(random, b""))
        )
    else:
        family, component = random.choice(
            (("asr", "vad"), ("ocr", "detector"), ("ocr", "recogniser"), ("ocr", "classifier"))
        )
        name = "m.onnx"
        content = random.choice((_with_sidecar(random), mutate.blindly(random, graph())))
    others = sorted(OTHER_FILES.keys() - ({"a terabyte"} if family == "asr" else set()))
    other = random.choice(others) if random.random() < 0.1 else ""

    def write(place: Path) -> None:
        if other:
            OTHER_FILES[other](place / name)
        else:
            (place / name).write_bytes(content)
        _profile(place, family, component, name)

    what = f"{component} that is {other or 'changed'}"
    return Artefact(what, write, COMMAND, content)


def checkpoint(random: Random) -> Artefact:
    """A checkpoint for ``plan``."""
    return folder(random) if random.random() < 0.7 else file(random)
