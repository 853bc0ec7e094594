import abc
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from onnx import ModelProto

class QuantType(Enum):
    QInt8 = 0
    QUInt8 = 1

class QuantFormat(Enum):
    QOperator = 0
    QDQ = 1

class CalibrationDataReader(metaclass=abc.ABCMeta):
    @abc.abstractmethod
    def get_next(self) -> dict[str, Any] | None: ...

def quantize_static(
    model_input: str | Path | ModelProto,
    model_output: str | Path,
    calibration_data_reader: CalibrationDataReader | None = None,
    quant_format: QuantFormat = ...,
    op_types_to_quantize: Sequence[str] | None = None,
    per_channel: bool = False,
    reduce_range: bool = False,
    activation_type: QuantType = ...,
    weight_type: QuantType = ...,
    nodes_to_quantize: Sequence[str] | None = None,
    nodes_to_exclude: Sequence[str] | None = None,
    use_external_data_format: bool = False,
    calibrate_method: Enum = ...,
    calibration_providers: Sequence[str] | None = None,
    extra_options: Mapping[str, object] | None = None,
    calibration_cache_path: str | Path | None = None,
) -> None: ...
def quantize_dynamic(
    model_input: str | Path | ModelProto,
    model_output: str | Path,
    op_types_to_quantize: Sequence[str] | None = None,
    per_channel: bool = False,
    reduce_range: bool = False,
    weight_type: QuantType = ...,
    nodes_to_quantize: Sequence[str] | None = None,
    nodes_to_exclude: Sequence[str] | None = None,
    use_external_data_format: bool = False,
    extra_options: Mapping[str, object] | None = None,
) -> None: ...
