"""What this project uses of ONNX Runtime."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, ClassVar

import numpy as np

__version__: str

class GraphOptimizationLevel:
    @property
    def name(self) -> str: ...
    ORT_DISABLE_ALL: ClassVar[GraphOptimizationLevel]
    ORT_ENABLE_BASIC: ClassVar[GraphOptimizationLevel]
    ORT_ENABLE_EXTENDED: ClassVar[GraphOptimizationLevel]
    ORT_ENABLE_ALL: ClassVar[GraphOptimizationLevel]

class ExecutionMode:
    ORT_SEQUENTIAL: ClassVar[ExecutionMode]
    ORT_PARALLEL: ClassVar[ExecutionMode]

class SessionOptions:
    enable_cpu_mem_arena: bool
    enable_mem_pattern: bool
    execution_mode: ExecutionMode
    graph_optimization_level: GraphOptimizationLevel
    inter_op_num_threads: int
    intra_op_num_threads: int
    log_severity_level: int
    optimized_model_filepath: str
    use_deterministic_compute: bool
    def __init__(self) -> None: ...
    def add_session_config_entry(self, config_key: str, config_value: str) -> None: ...
    def get_session_config_entry(self, config_key: str) -> str: ...
    def register_custom_ops_library(self, library_path: str) -> None: ...

class RunOptions:
    log_severity_level: int
    def __init__(self) -> None: ...
    def add_run_config_entry(self, config_key: str, config_value: str) -> None: ...
    def get_run_config_entry(self, config_key: str) -> str: ...

class NodeArg:
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> list[int | str | None]: ...

class InferenceSession:
    def __init__(
        self,
        path_or_bytes: str | bytes | PathLike[str],
        sess_options: SessionOptions | None = None,
        providers: Sequence[str | tuple[str, Mapping[str, object]]] | None = None,
        provider_options: Sequence[Mapping[str, object]] | None = None,
    ) -> None: ...
    def get_inputs(self) -> list[NodeArg]: ...
    def get_outputs(self) -> list[NodeArg]: ...
    def get_overridable_initializers(self) -> list[NodeArg]: ...
    def get_providers(self) -> list[str]: ...
    # Arrays, but for outputs that are sequences or maps.
    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, np.ndarray],
        run_options: RunOptions | None = None,
    ) -> list[Any]: ...

def get_available_providers() -> list[str]: ...
