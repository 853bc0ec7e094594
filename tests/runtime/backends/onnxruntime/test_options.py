"""A config's settings, as ONNX Runtime gets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from runtime.backends.onnxruntime.failures import RequestError
from runtime.backends.onnxruntime.providers import ProviderMissing, providers
from runtime.backends.onnxruntime.session import ModelRefused, Session, run_options, session_options
from tests.runtime.backends.onnxruntime.toys import Toys


def parameters(**values: str) -> dict[str, object]:
    return {"parameters": {key: {"string_value": value} for key, value in values.items()}}


def test_left_alone_everything_is_onnx_runtimes_default() -> None:
    made, default = session_options({}), onnxruntime.SessionOptions()
    for name in (
        "graph_optimization_level",
        "intra_op_num_threads",
        "inter_op_num_threads",
        "execution_mode",
        "enable_cpu_mem_arena",
        "enable_mem_pattern",
    ):
        assert getattr(made, name) == getattr(default, name), name


def test_parameters() -> None:
    made = session_options(
        parameters(
            intra_op_thread_count="3",
            inter_op_thread_count="2",
            execution_mode="1",
            enable_mem_arena="off",
            enable_mem_pattern="False",
        )
    )
    assert made.intra_op_num_threads == 3 and made.inter_op_num_threads == 2
    assert made.execution_mode == onnxruntime.ExecutionMode.ORT_PARALLEL
    assert not made.enable_cpu_mem_arena and not made.enable_mem_pattern


def test_parameters_with_dots_in_their_names() -> None:
    allocator = "session.use_device_allocator_for_initializers"
    shrinkage = "memory.enable_memory_arena_shrinkage"
    config = parameters(**{allocator: "1", shrinkage: "cpu:0"})
    assert session_options(config).get_session_config_entry(allocator) == "1"
    assert run_options(config).get_run_config_entry(shrinkage) == "cpu:0"


@pytest.mark.parametrize(
    ("level", "name"),
    [(-1, "BASIC"), (0, "ALL"), (1, "EXTENDED"), (2, "DISABLE_ALL"), (7, "ALL")],
)
def test_graph_level(level: int, name: str) -> None:
    made = session_options({"optimization": {"graph": {"level": level}}})
    assert made.graph_optimization_level.name.endswith(name)


GPU = {
    "optimization": {
        "execution_accelerators": {
            "gpu_execution_accelerator": [
                {
                    "name": "tensorrt",
                    "parameters": {
                        "precision_mode": "FP16",
                        "max_workspace_size_bytes": "1024",
                        "trt_engine_cache_enable": "1",
                    },
                },
                {"name": "cuda", "parameters": {"cudnn_conv_use_max_workspace": "0"}},
            ]
        }
    }
} | parameters(cudnn_conv_algo_search="1", gpu_mem_limit="4096", arena_extend_strategy="1")


def test_a_gpu_without_its_provider_is_a_clear_error() -> None:
    with pytest.raises(ProviderMissing, match=r"CUDAExecutionProvider.*onnxruntime-gpu"):
        providers({}, "GPU", 0)


def test_gpu_providers_and_their_options(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: known)
    assert providers(GPU, "GPU", 1) == [
        (
            "TensorrtExecutionProvider",
            {
                "trt_fp16_enable": "1",
                "trt_max_workspace_size": "1024",
                "trt_engine_cache_enable": "1",
                "device_id": "1",
            },
        ),
        (
            "CUDAExecutionProvider",
            {
                "gpu_mem_limit": "4096",
                "cudnn_conv_algo_search": "HEURISTIC",
                "arena_extend_strategy": "kSameAsRequested",
                "cudnn_conv_use_max_workspace": "0",
                "device_id": "1",
            },
        ),
        "CPUExecutionProvider",
    ]
    assert providers(GPU, "CPU", 0) == ["CPUExecutionProvider"]


def test_openvino_without_its_provider_is_a_clear_error(toys: Toys, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(toys.identity())
    accelerators = {"cpu_execution_accelerator": [{"name": "openvino"}]}
    config = toys.plain(optimization={"execution_accelerators": accelerators})
    with pytest.raises(ModelRefused, match="OpenVINOExecutionProvider"):
        Session(config, tmp_path, "CPU", 0)


def test_a_provider_that_does_not_start_is_not_passed_over(
    toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(toys.identity())
    path = "runtime.backends.onnxruntime.session"
    monkeypatch.setattr(f"{path}.providers", lambda *_: [("CUDAExecutionProvider", {})])
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(ModelRefused, match="CUDAExecutionProvider to start"),
    ):
        Session(toys.plain(), tmp_path, "CPU", 0)


def test_a_failed_run_is_logged_by_the_caller_only(
    toys: Toys, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    shape = {"shape": np.array([-1, 3], np.int64)}
    (tmp_path / "model.onnx").write_bytes(
        toys.onnx({"x": (1, ["n"])}, {"y": (1, ["m", 3])}, nodes, shape)
    )
    config = toys.config({"x": ("FP32", [-1])}, {"y": ("FP32", [-1, 3])})
    session = Session(config, tmp_path, "CPU", 0)
    with pytest.raises(RequestError, match="a Reshape node failed"):
        session.run({"x": np.ones(4, np.float32)}, ["y"])
    assert capfd.readouterr().err == ""


def test_a_session_runs_in_place(toys: Toys, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(toys.identity())
    session = Session(toys.plain(), tmp_path, "CPU", 0)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(session.run({"x": x}, ["y"])["y"], x)
