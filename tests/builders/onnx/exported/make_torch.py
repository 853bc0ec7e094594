"""Makes the files of this folder whose names begin with torch or quantised::

python tests/builders/onnx/exported/make_torch.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    quantize_dynamic,
    quantize_static,
)

HERE = Path(__file__).parent


class Encoder(torch.nn.Module):
    """Token ids and their mask to a vector of the text, as sentence encoders give."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(20, 8)
        self.layer = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The mean over the tokens of the mask."""
        hidden = self.layer(self.embedding(input_ids))
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean: torch.Tensor = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        return mean


class Attention(Encoder):
    """An encoder whose layer the older exporter writes for the example's sizes alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Sequential(
            torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        )


class Picture(torch.nn.Module):
    """An image to logits, of any height and width."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
            torch.nn.BatchNorm2d(4),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Linear(4, 5),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits."""
        logits: torch.Tensor = self.body(image)
        return logits


class Joined(torch.nn.Module):
    """Past states and new ones, whose lengths add up in the output."""

    def forward(self, past: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """Both."""
        return torch.cat([past, new], 1) * 2


def main() -> None:
    """Writes them."""
    torch.manual_seed(0)
    encoder, attention, picture = Encoder().eval(), Attention().eval(), Picture().eval()
    ids = torch.randint(0, 20, (2, 6))
    text = (ids, torch.ones_like(ids))
    image = (torch.randn(2, 3, 32, 48),)
    batch = torch.export.Dim("batch", min=1, max=512)
    length = torch.export.Dim("sequence", min=1, max=512)
    past = torch.export.Dim("past", min=1, max=64)
    for name, module in (("encoder", encoder), ("baked", attention)):
        torch.onnx.export(
            module, text, HERE / f"torch_legacy_{name}.onnx", dynamo=False, opset_version=14,
            input_names=["input_ids", "attention_mask"], output_names=["embedding"],
            dynamic_axes={
                "input_ids": {0: "batch", 1: "sequence"},
                "attention_mask": {0: "batch", 1: "sequence"},
                "embedding": {0: "batch"},
            },
        )  # fmt: skip
    torch.onnx.export(
        picture, image, HERE / "torch_legacy_names.onnx", dynamo=False, opset_version=13,
    )  # fmt: skip
    torch.onnx.export(
        picture, image, HERE / "torch_dynamo_picture.onnx", dynamo=True, external_data=False,
        dynamic_shapes=({0: batch, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC},),
    )  # fmt: skip
    torch.onnx.export(
        attention, text, HERE / "torch_dynamo_encoder.onnx", dynamo=True, external_data=False,
        dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
    )  # fmt: skip
    states = (torch.randn(2, 3, 4), torch.randn(2, 5, 4))
    torch.onnx.export(
        Joined(), states, HERE / "torch_dynamo_sum.onnx", dynamo=True, external_data=False,
        dynamic_shapes=({0: batch, 1: past}, {0: batch, 1: length}),
    )  # fmt: skip
    for file in HERE.glob("torch_dynamo_*.onnx"):
        _without_paths(file)
    _quantise(picture, image)


def _without_paths(file: Path) -> None:
    """Leaves out where the code was that each node comes from."""
    model = onnx.load(file)
    for node in model.graph.node:
        del node.metadata_props[:]
    onnx.save(model, file)


class _Images(CalibrationDataReader):
    def __init__(self) -> None:
        self._left = iter([torch.randn(2, 3, 32, 48).numpy() for _ in range(4)])

    def get_next(self) -> dict[str, Any] | None:
        """An image, until there are no more."""
        image = next(self._left, None)
        return None if image is None else {"image": image}


def _quantise(picture: torch.nn.Module, image: tuple[torch.Tensor]) -> None:
    source = HERE / "source.onnx"
    torch.onnx.export(
        picture, image, source, dynamo=False, opset_version=17, input_names=["image"],
        output_names=["logits"], dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )  # fmt: skip
    quantize_static(
        source, HERE / "quantised_qdq.onnx", _Images(), quant_format=QuantFormat.QDQ,
        per_channel=True,
    )  # fmt: skip
    quantize_static(
        source, HERE / "quantised_operators.onnx", _Images(), quant_format=QuantFormat.QOperator
    )
    quantize_dynamic(HERE / "torch_legacy_encoder.onnx", HERE / "quantised_dynamic.onnx")
    source.unlink()


if __name__ == "__main__":
    main()
