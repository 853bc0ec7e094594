"""The path from a transformers checkpoint to ONNX, on models small enough to make here."""

import json
import pickle
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from builders.kit import onnx as kit
from builders.kit.build.parity import ParityError, compare
from builders.kit.family import Export, Parity
from builders.kit.onnx import torch as onnx_torch
from builders.kit.onnx.session import make_session
from builders.kit.sources import SourceError
from repository.arrays import Arrays
from tests.waiting import until

AUTO_CLASS = "AutoModelForSequenceClassification"
AXES = {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "attention_mask")}


class Logits(torch.nn.Module):
    """The classifier with a plain tensor as its output."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def examples(*shapes: tuple[int, int]) -> list[Arrays]:
    rng = np.random.default_rng(5)
    made: list[Arrays] = []
    for batch, length in shapes:
        mask = np.ones((batch, length), np.int64)
        mask[-1, length // 2 + 1 :] = 0
        made.append({"input_ids": rng.integers(0, 64, (batch, length)), "attention_mask": mask})
    return made


def reference(checkpoint: Path, inputs: Arrays) -> Arrays:
    model = Logits(onnx_torch.load_transformers(checkpoint, AUTO_CLASS))
    with torch.no_grad():
        logits = model(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    return {"logits": logits.numpy()}


def make(checkpoint: Path, out: Path) -> dict[str, object]:
    module = Logits(onnx_torch.load_transformers(checkpoint, AUTO_CLASS))
    inputs = {name: torch.from_numpy(array) for name, array in examples((2, 7))[0].items()}
    kit.save(onnx_torch.export_torch(module, inputs, axes=AXES, outputs=["logits"]), out)
    return {}


CLASSIFIER = Export(
    name="classifier",
    source="bert",
    make=make,
    options={},
    parity=Parity(
        reference=reference,
        inputs=lambda: examples((2, 7), (1, 3), (5, 33)),
        absolute=1e-6,
        relative=1e-5,
    ),
)


@dataclass(frozen=True)
class Made:
    checkpoint: Path
    model: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A tiny BERT classifier of seeded random weights, saved and exported once."""
    folder = tmp_path_factory.mktemp("torch")
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    config.num_labels = 3
    transformers.BertForSequenceClassification(config).save_pretrained(folder / "bert")
    make(folder / "bert", folder / "classifier.onnx")
    return Made(folder / "bert", folder / "classifier.onnx")


@pytest.fixture
def checkpoint(made: Made, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    shutil.copytree(made.checkpoint, tmp_path / "bert")
    return tmp_path / "bert"


def test_the_export_agrees_at_shapes_it_never_saw(made: Made) -> None:
    result = compare(CLASSIFIER, made.checkpoint, made.model)
    assert [d.inputs["input_ids"] for d in result.differences] == [(2, 7), (1, 3), (5, 33)]


def test_names_axes_and_versions_are_those_asked_for(made: Made) -> None:
    model = kit.load(made.model)
    values = (*model.graph.input, *model.graph.output)
    found = {
        v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values
    }
    assert found == {
        "input_ids": ["batch", "sequence"],
        "attention_mask": ["batch", "sequence"],
        "logits": ["batch", 3],
    }
    assert (kit.opset(model), model.ir_version) == (20, 10)


def test_weights_are_inside_and_no_path_of_this_machine_is(made: Made) -> None:
    content = made.model.read_bytes()
    assert [path.name for path in made.model.parent.glob("*.data")] == []
    assert not re.search(rb"site-packages|/tests/|\.py\b", content)


@pytest.mark.thorough
def test_a_second_export_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    make(made.checkpoint, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == made.model.read_bytes()


def test_other_weights_are_caught(made: Made, checkpoint: Path) -> None:
    torch.manual_seed(8)
    config = transformers.AutoConfig.from_pretrained(checkpoint)
    transformers.BertForSequenceClassification(config).save_pretrained(checkpoint)
    with pytest.raises(ParityError, match="output 'logits', inputs input_ids"):
        compare(CLASSIFIER, checkpoint, made.model)


class Pooled(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.model(pixel_values, interpolate_pos_encoding=True).pooler_output
        return made


@pytest.mark.thorough
def test_an_export_that_torch_specialised_is_refused() -> None:
    """CLIP skips interpolation at its own image size, and torch keeps that branch, silently."""
    config = transformers.CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    module = Pooled(transformers.CLIPVisionModel(config))
    with pytest.raises(kit.OnnxError, match=r"for a constant.*axis 2.*fixed size 16"):
        onnx_torch.export_torch(
            module,
            {"pixel_values": torch.zeros(2, 3, 16, 16)},
            axes={"pixel_values": {0: "batch", 2: "height", 3: "width"}},
            outputs=["pooled"],
        )


class Mean(torch.nn.Module):
    """Divides by the length that it has been given, as a trace that froze it would."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(dim=1) / self.length


def test_a_number_frozen_at_the_sample_is_caught_by_parity(tmp_path: Path) -> None:
    sample = torch.ones(2, 4)
    model = onnx_torch.export_torch(
        Mean(4), {"x": sample}, axes={"x": {0: "batch", 1: "length"}}, outputs=["mean"]
    )
    kit.save(model, tmp_path / "mean.onnx")
    shapes = ((2, 4), (1, 4), (3, 9))
    frozen = Export(
        name="mean",
        source="none",
        make=make,
        options={},
        parity=Parity(
            reference=lambda _, inputs: {"mean": inputs["x"].mean(axis=1)},
            inputs=lambda: [{"x": np.ones(shape, np.float32)} for shape in shapes],
            absolute=1e-6,
            relative=1e-6,
        ),
    )
    with pytest.raises(ParityError) as caught:
        compare(frozen, tmp_path, tmp_path / "mean.onnx")
    assert str(caught.value).count("allowed") == 1
    assert "x [3, 9]" in str(caught.value)


def test_what_torch_cannot_export_is_a_clear_error() -> None:
    class Branch(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(kit.OnnxError, match="could not export Branch"):
        onnx_torch.export_torch(
            Branch(), {"x": torch.ones(2, 2)}, axes={"x": {0: "n"}}, outputs=["y"]
        )
    with pytest.raises(kit.OnnxError, match="expected axes of inputs x, found z"):
        onnx_torch.export_torch(
            Branch(), {"x": torch.ones(2, 2)}, axes={"z": {0: "n"}}, outputs=["y"]
        )


class Longer(torch.nn.Module):
    """Appends a token to each of a list of caches."""

    def forward(self, token: torch.Tensor, caches: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        return tuple(torch.cat([cache, token + number]) for number, cache in enumerate(caches))


def test_a_list_becomes_an_input_for_each_of_its_tensors(tmp_path: Path) -> None:
    model = onnx_torch.export_torch(
        Longer(),
        {"token": torch.zeros(1, 3), "caches": [torch.zeros(2, 3), torch.zeros(2, 3)]},
        axes={"caches": {0: "past"}},
        outputs=["longer_0", "longer_1"],
    )
    kit.save(model, tmp_path / "model.onnx")
    session = make_session(tmp_path / "model.onnx")
    assert [value.name for value in session.get_inputs()] == ["token", "caches_0", "caches_1"]
    past = np.zeros((0, 3), np.float32)
    given = {"token": np.ones((1, 3), np.float32), "caches_0": past, "caches_1": past}
    assert [each.tolist() for each in session.run(None, given)] == [[[1.0] * 3], [[2.0] * 3]]


class Bomb:
    """Pickled, this creates a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_a_pickle_is_never_read(checkpoint: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (checkpoint / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(trace)))
    onnx_torch.load_transformers(checkpoint, AUTO_CLASS)
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(SourceError, match="found only pickles"):
        onnx_torch.load_transformers(checkpoint, AUTO_CLASS)
    assert not trace.exists()


def test_code_of_the_checkpoint_never_runs(checkpoint: Path, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (checkpoint / "custom.py").write_text(f"open({str(trace)!r}, 'w')")
    config = json.loads((checkpoint / "config.json").read_text())
    config["model_type"] = "custom"
    config["auto_map"] = {"AutoConfig": "custom.Config", AUTO_CLASS: "custom.Model"}
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(SourceError, match="expected a checkpoint that"):
        onnx_torch.load_transformers(checkpoint, AUTO_CLASS)
    assert not trace.exists()


def test_missing_weights_are_refused_not_invented(checkpoint: Path) -> None:
    with pytest.raises(SourceError, match=r"expected all weights.*[0-9]+ missing"):
        onnx_torch.load_transformers(checkpoint, "AutoModelForMaskedLM")


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"\xff" * 64])
def test_broken_safetensors_are_a_clear_error(checkpoint: Path, spoil: Any) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(spoil(weights.read_bytes()))
    with pytest.raises(SourceError, match="expected whole safetensors"):
        onnx_torch.load_transformers(checkpoint, AUTO_CLASS)


def test_a_model_without_attention_is_loaded_as_it_is(tmp_path: Path) -> None:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic"
    )
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path)
    model = onnx_torch.load_transformers(tmp_path, "AutoModelForImageClassification")
    assert model(pixel_values=torch.zeros(1, 3, 32, 32)).logits.shape == (1, 2)


def test_no_reference_runs_while_a_model_is_traced() -> None:
    """transformers would give it the hidden states of the model that is traced."""
    entered: list[bool] = []

    def meanwhile() -> None:
        with onnx_torch.no_export_meanwhile():
            entered.append(True)

    class Traced(torch.nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            other = threading.Thread(target=meanwhile, daemon=True)
            other.start()
            other.join(0.2)
            during.append(list(entered))
            return values + 1

    during: list[list[bool]] = []
    onnx_torch.export_torch(
        Traced(), {"values": torch.zeros(2, 3)}, axes={"values": {0: "batch"}}, outputs=["more"]
    )
    assert during and not any(during)
    until(lambda: len(entered) == len(during))
