"""What a gateway has to do: a pipeline's tensors and steps, as its config.pbtxt has them."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from perf.errors import LegFailed
from repository.copied.flow import Ends, Wiring, waves


@dataclass(frozen=True)
class Tensor:
    """One of the pipeline's own tensors.

    Attributes:
        name: its name.
        datatype: as the V2 protocol writes it, as ``UINT8`` or ``BYTES``.
        shape: -1 where an axis is free; with the batch's axis, if the pipeline has one.
        optional: whether a request may leave it out.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    optional: bool = False


@dataclass(frozen=True)
class Plan:
    """A pipeline.

    Attributes:
        pipeline: its name.
        inputs: its inputs.
        outputs: its outputs.
        steps: its steps, in the order of its config.
        ends: what its config says of its tensors.
        config: the text of its ``ModelConfig`` as the model that a gateway is: without
            ``ensemble_scheduling``, which would send perf_analyzer asking the gateway for the
            statistics of the composing models.
    """

    pipeline: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    steps: tuple[Wiring, ...]
    ends: Ends
    config: str

    @property
    def models(self) -> tuple[str, ...]:
        """The composing models, each once, in running order."""
        return tuple(dict.fromkeys(step.model for wave in self.waves() for step in wave))

    def waves(self) -> list[list[Wiring]]:
        """The steps as :func:`repository.copied.flow.waves` groups them."""
        return waves(self.steps, [tensor.name for tensor in self.inputs])

    def to_json(self) -> str:
        """For :meth:`from_json`, on one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what :meth:`to_json` wrote."""
        fields = json.loads(text)
        for side in ("inputs", "outputs"):
            fields[side] = tuple(
                Tensor(**each | {"shape": tuple(each["shape"])}) for each in fields[side]
            )
        steps = tuple(Wiring(**each) for each in fields["steps"])
        return cls(**fields | {"steps": steps, "ends": Ends(**fields["ends"])})


def read_plan(repository: Path, pipeline: str) -> Plan:
    """The plan of an ensemble of a built repository.

    Raises:
        LegFailed: there is no such model, its config cannot be read, it is not an ensemble, or a
            gateway cannot chain its steps.
    """
    # Gateways read no configs, and KServe's environment has no tritonclient, which this needs.
    from google.protobuf import text_format

    from repository.config.facts import composing, is_decoupled, is_ensemble
    from repository.config.text import ConfigError, read_config
    from repository.config.wiring import ends, wiring

    path = repository / pipeline / "config.pbtxt"
    try:
        config = read_config(path)
    except FileNotFoundError:
        raise LegFailed(f"There is no model '{pipeline}' in {repository}: no {path}.") from None
    except (OSError, ConfigError) as error:
        raise LegFailed(f"The config of '{pipeline}' cannot be read: {error}") from None
    if not is_ensemble(config):
        raise LegFailed(
            f"'{pipeline}' is not an ensemble, so it has no steps to serve apart; name one."
        )
    if is_decoupled(config):
        raise LegFailed(
            f"'{pipeline}' is decoupled, and a gateway answers each request exactly once; "
            "leave the services modes out of its scenario."
        )
    configs = {}
    for name in composing(config):
        # One that cannot be read does not load either, and Triton says why.
        with contextlib.suppress(OSError, ConfigError):
            configs[name] = read_config(repository / name / "config.pbtxt")
    steps, own = tuple(wiring(config, configs)), ends(config)
    inputs, outputs = _tensors(config, config.input), _tensors(config, config.output)
    config.ClearField("ensemble_scheduling")
    config.platform = "gateway"
    text = str(text_format.MessageToString(config, as_utf8=True))
    plan = Plan(pipeline, inputs, outputs, steps, own, text)
    try:
        plan.waves()
    except ValueError as error:
        raise LegFailed(f"The steps of '{pipeline}' cannot be chained: {error}.") from None
    return plan


def _tensors(config: Any, entries: Any) -> tuple[Tensor, ...]:
    from repository.config.proto import pb

    batch = (-1,) if config.max_batch_size > 0 else ()
    return tuple(
        Tensor(
            name=entry.name,
            datatype={"STRING": "BYTES"}.get(
                short := pb.DataType.Name(entry.data_type).removeprefix("TYPE_"), short
            ),
            shape=(*batch, *entry.dims),
            optional=getattr(entry, "optional", False),
        )
        for entry in entries
    )
