"""What a served model takes and gives, as its server says."""

from __future__ import annotations

from dataclasses import dataclass

from tritonclient.grpc import model_config_pb2, service_pb2

from clients.connection.errors import RequestError
from repository.arrays import DType
from repository.config.facts import is_decoupled, is_sequence
from repository.usage.tensors import ServedTensor


@dataclass(frozen=True)
class ServedModel:
    """A model that a server serves.

    Attributes:
        name: its name.
        version: the version that was asked for; empty leaves the choice to the server.
        inputs: what it takes.
        outputs: what it gives.
        sequence: whether its requests belong to sequences.
        decoupled: whether it answers in pieces, any number of them.
    """

    name: str
    version: str
    inputs: tuple[ServedTensor, ...]
    outputs: tuple[ServedTensor, ...]
    sequence: bool = False
    decoupled: bool = False


def served_model(
    version: str,
    metadata: service_pb2.ModelMetadataResponse,
    config: model_config_pb2.ModelConfig,
) -> ServedModel:
    """A model, from the two answers in which a server describes it.

    Raises:
        RequestError: it has a data type that is not known.
    """
    optional = {each.name for each in config.input if each.optional}
    batches = config.max_batch_size > 0
    return ServedModel(
        metadata.name,
        version,
        tuple(_tensor(each, batches, each.name in optional) for each in metadata.inputs),
        tuple(_tensor(each, batches) for each in metadata.outputs),
        is_sequence(config),
        is_decoupled(config),
    )


def _tensor(
    told: service_pb2.ModelMetadataResponse.TensorMetadata, batches: bool, optional: bool = False
) -> ServedTensor:
    try:
        dtype = DType(told.datatype)
    except ValueError:
        raise RequestError(
            "UNIMPLEMENTED",
            f"tensor '{told.name}' has the data type '{told.datatype}', which is not known here; "
            f"known are {', '.join(DType)}",
        ) from None
    return ServedTensor(told.name, dtype, tuple(told.shape), optional, batches)
