"""What a profile says about the models of the family ``onnx``.

For example::

    families:
      onnx:
        models:
          scorer:
            source: "path:scorer.onnx"
            max_batch_size: 32
            dynamic_batching: {max_queue_delay_microseconds: 500}
            metric: "path:score.py:accuracy"
            bound: 0.9
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from builders.kit.recipe.profile import (
    LARGEST_INTEGER,
    Batching,
    Instances,
    Options,
    Parameters,
    QueueOptions,
    Real,
    refusal,
)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~-]{0,199}")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_listed)]
"""One text stands for a list of it."""


class Int8Options(Options):
    """8-bit weights, and what they must reach; one bound at least.

    Attributes:
        absolute: the largest absolute difference from the source.
        relative: likewise, relative to the output's largest magnitude.
        keep: matrix products whose weights' names begin with one of these stay as they are.
    """

    absolute: Annotated[Real, Field(ge=0)] | None = None
    relative: Annotated[Real, Field(ge=0)] | None = None
    keep: Texts = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_bounded(self) -> Int8Options:
        if self.absolute is None and self.relative is None:
            raise refusal("a bound", "Write relative: or absolute: the largest difference.")
        return self


class OnnxModelOptions(Options):
    """One ONNX file, and how it is served.

    Attributes:
        source: the file's URI; a relative path starts at the profile's folder.
        file: the file's path in a source that is a folder, as ``onnx/model.onnx``; needed where
            there are several.
        max_batch_size: requests are joined up to so many rows; 0 leaves each as it is sent.
        dynamic_batching: how requests are joined; with ``max_batch_size``, they are by default.
        instances: how many copies run.
        queue: the bound on waiting requests.
        parameters: of the onnxruntime backend.
        response_cache: answer equal requests from the server's cache.
        operators: ``path:`` of libraries of custom operators. They are no part of the repository:
            each has to lie at that path, which begins with ``/``, on every machine that serves it.
        optional_inputs: inputs with a default value in the file that requests may give; others
            become constants.
        inputs: ``path:`` of .npz files with the model's inputs by name, to compare the made file
            with the source on; made up from the inputs' shapes where none are given.
        sizes: for made-up inputs, dynamic axis -> the sizes to try; an axis is named as in the
            file, or as ``input.1``.
        largest: dynamic axis -> the largest size that requests have, which ``builders resources``
            sizes a server for; of others, the largest that the file was compared at.
        absolute: the largest absolute difference between the made file and the source.
        relative: likewise, relative to the output's largest magnitude.
        int8: serve it with 8-bit weights, on a CPU.
        simplify: False serves the graph as it is in the file.
        metric: ``path:FILE.py:FUNCTION``, which gets ``run`` and returns the score.
        bound: the worst score that passes.
        better: whether a higher or a lower score is better.
        metric_data: ``path:`` of files and folders that the function reads; all files beside it
            where none are given.
    """

    source: str
    file: str = ""
    max_batch_size: int = Field(default=0, ge=0, le=LARGEST_INTEGER)
    dynamic_batching: Batching = None
    instances: Instances = None
    queue: QueueOptions | None = None
    parameters: Parameters = Field(default_factory=dict)
    response_cache: bool = False
    operators: Texts = Field(default_factory=list)
    optional_inputs: Texts = Field(default_factory=list)
    inputs: Texts = Field(default_factory=list)
    sizes: dict[str, Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3)]] = Field(
        default_factory=dict
    )
    largest: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    absolute: Annotated[Real, Field(ge=0)] | None = None
    relative: Annotated[Real, Field(ge=0)] | None = None
    int8: Int8Options | None = None
    simplify: bool = True
    metric: str | None = None
    bound: Real | None = None
    better: Literal["higher", "lower"] = "higher"
    metric_data: Texts = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_whole(self) -> OnnxModelOptions:
        if self.metric is not None and self.bound is None:
            raise refusal("a bound for the metric", "Write bound: the worst score that passes.")
        if self.metric is None and (self.bound is not None or self.metric_data):
            raise refusal(
                "a metric for the bound", "Write metric: path:FILE.py:FUNCTION, or remove it."
            )
        if self.max_batch_size == 0 and self.dynamic_batching and self.dynamic_batching.enabled:
            raise refusal(
                "max_batch_size, with dynamic_batching",
                "Write max_batch_size: the rows that one execution may have.",
                found="none",
            )
        return self


class OnnxOptions(Options):
    """The keys below ``families.onnx``.

    Attributes:
        models: by the name that the model is served under.
    """

    models: dict[str, OnnxModelOptions] = Field(min_length=1)

    @field_validator("models")
    @classmethod
    def _named(cls, value: dict[str, OnnxModelOptions]) -> dict[str, OnnxModelOptions]:
        for name in value:
            if not _NAME.fullmatch(name):
                raise refusal(
                    "names of models of at most 200 letters, digits and '._~-', not a '.' or '-' "
                    "in front",
                    "Rename it: the name is that of a folder, and stands in URLs.",
                    found=repr(name),
                )
        return value
