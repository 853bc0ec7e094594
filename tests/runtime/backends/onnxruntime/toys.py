"""Tiny ONNX models, their configs, and such a model on a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc
from onnx import NodeProto, TensorProto, helper, numpy_helper
from tritonclient.utils import np_to_triton_dtype

Tensors = Mapping[str, tuple[int, Sequence[int | str | None] | None]]


class Toys:
    """Makes ONNX models and configs."""

    float32 = TensorProto.FLOAT

    @staticmethod
    def onnx(
        inputs: Tensors,
        outputs: Tensors,
        nodes: Sequence[NodeProto] | None = None,
        initializers: Mapping[str, np.ndarray] | None = None,
    ) -> bytes:
        """A serialized model; without nodes each output is its input, in order."""
        pairs = zip(inputs, outputs, strict=False)
        graph = helper.make_graph(
            nodes or [helper.make_node("Identity", [a], [b]) for a, b in pairs],
            "toy",
            [helper.make_tensor_value_info(name, *spec) for name, spec in inputs.items()],
            [helper.make_tensor_value_info(name, *spec) for name, spec in outputs.items()],
            [numpy_helper.from_array(v, name) for name, v in (initializers or {}).items()],
        )
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()

    def identity(
        self, type: int = TensorProto.FLOAT, axes: Sequence[int | str | None] = ("batch", 3)
    ) -> bytes:
        """``x`` -> ``y``."""
        return self.onnx({"x": (type, axes)}, {"y": (type, axes)})

    @staticmethod
    def config(
        inputs: Mapping[str, tuple[str, Sequence[int]]],
        outputs: Mapping[str, tuple[str, Sequence[int]]],
        max_batch_size: int = 0,
        **fields: Any,
    ) -> dict[str, Any]:
        """A config with one CPU instance."""

        def listed(tensors: Mapping[str, tuple[str, Sequence[int]]]) -> list[dict[str, Any]]:
            return [
                {"name": name, "data_type": f"TYPE_{type}", "dims": list(dims)}
                for name, (type, dims) in tensors.items()
            ]

        return {
            "backend": "onnxruntime",
            "max_batch_size": max_batch_size,
            "input": listed(inputs),
            "output": listed(outputs),
            "instance_group": [{"kind": "KIND_CPU", "count": 1}],
        } | fields

    def plain(self, **fields: Any) -> dict[str, Any]:
        """The config of :meth:`identity`, in batches of up to four."""
        return self.config({"x": ("FP32", [3])}, {"y": ("FP32", [3])}, 4) | fields


class Served:
    """A model on a server."""

    def __init__(self, client: triton_grpc.InferenceServerClient, name: str) -> None:
        self.client = client
        self.name = name

    def __call__(
        self,
        inputs: Mapping[str, np.ndarray] | None = None,
        *,
        outputs: Sequence[str] = (),
        **more: np.ndarray,
    ) -> dict[str, np.ndarray]:
        answer = self.client.infer(
            self.name,
            self.tensors({**(inputs or {}), **more}),
            outputs=[triton_grpc.InferRequestedOutput(name) for name in outputs] or None,
            client_timeout=60,
        )
        return self.arrays(answer)

    @staticmethod
    def tensors(inputs: Mapping[str, np.ndarray]) -> list[triton_grpc.InferInput]:
        made = []
        for name, array in inputs.items():
            tensor = triton_grpc.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            made.append(tensor)
        return made

    @staticmethod
    def arrays(answer: triton_grpc.InferResult) -> dict[str, np.ndarray]:
        outputs = answer.get_response().outputs
        outputs = answer.get_response().outputs
        return {each.name: np.asarray(answer.as_numpy(each.name)) for each in outputs}

    def counts(self) -> tuple[int, int]:
        """How many rows were inferred, and in how many runs."""
        statistics = self.client.get_inference_statistics(self.name).model_stats[0]
        return statistics.inference_count, statistics.execution_count


Load = Callable[..., Served]
