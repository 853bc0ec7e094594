"""What a served model takes and gives, as its server says."""

from __future__ import annotations

from dataclasses import dataclass

from tritonclient.grpc import model_config_pb2, service_pb2

from clients.connection.errors import RequestError
from repository.arrays import DType
from repository.config.facts import is_decoupled, is_sequence


@dataclass(frozen=True)
class ServedTensor:
    """An input or output of a served model.

    Attributes:
        name: its name.
        dtype: its data type.
        shape: its sizes, the batch's axis included; -1 for a size that a request chooses.
        optional: whether a request may leave it out.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


@dataclass(frozen=True)
class ServedModel:
    """A model that a server serves.

    Attributes:
        name: its name.
        version: the version that was asked for; empty leaves the choice to the server.
        inputs: what it takes.
        outputs: what it gives.
        sequence: whether its requests belong to sequences.
    """

    name: str
    version: str
    inputs: tuple[ServedTensor, ...]
    outputs: tuple[ServedTensor, ...]
    sequence: bool = False

    def input(self, name: str) -> ServedTensor | None:
        """The input of that name, if there is one."""
        return next((each for each in self.inputs if each.name == name), None)


def served_model(
    version: str,
    metadata: service_pb2.ModelMetadataResponse,
    config: model_config_pb2.ModelConfig,
) -> ServedModel:
    """A model, from the two answers in which a server describes it.

    Raises:
        RequestError: it may answer a request more than once, or has a data type that is not known.
    """
    if is_decoupled(config):
        raise RequestError(
            "UNIMPLEMENTED",
            f"'{metadata.name}' is decoupled: it may answer a request several times, or never, "
            "and one answer is waited for here; use a client that streams",
        )
    optional = {each.name for each in config.input if each.optional}
    return ServedModel(
        metadata.name,
        version,
        tuple(_tensor(each, each.name in optional) for each in metadata.inputs),
        tuple(_tensor(each, False) for each in metadata.outputs),
        is_sequence(config),
    )


def _tensor(told: service_pb2.ModelMetadataResponse.TensorMetadata, optional: bool) -> ServedTensor:
    try:
        dtype = DType(told.datatype)
    except ValueError:
        raise RequestError(
            "UNIMPLEMENTED",
            f"tensor '{told.name}' has the data type '{told.datatype}', which is not known here; "
            f"known are {', '.join(DType)}",
        ) from None
    return ServedTensor(told.name, dtype, tuple(told.shape), optional)
