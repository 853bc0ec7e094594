"""Calls to one model, as a load generator makes them: over gRPC or HTTP, with or without shared
memory. What can be prepared once, as perf_analyzer also does, is prepared once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from tritonclient.utils import np_to_triton_dtype

from perf.errors import LegFailed, PerfError
from perf.measure.inputs import Request
from perf.measure.regions import Region, content_of
from perf.measure.transport import Grpc, Http, Transport
from repository.arrays import joined

_ROOM = 2
"""The room for an output in shared memory, as a multiple of the largest that was seen."""

_LEAST_ROOM = 4096
"""Bytes; an output may have been empty when it was seen."""


_RELEASE_SECONDS = 5.0
"""How long a server may use a region after the last answer."""


class Endpoint:
    """One model at one address, and the requests that are sent to it.

    It may be called from several threads at once: gRPC calls share a channel, HTTP calls each
    take a connection. With shared memory the inputs are written once, at the start, and there is a
    region of outputs for each call under way. Their sizes come from a plain answer to each request.
    Connections and regions are kept for later calls.

    Args:
        address: ``host:port``.
        model: its name.
        requests: at least one; call number i sends request i modulo their number. An optional
            input is left out where a request does not have it.
        protocol: how.
        shared_memory: ``system`` works on the server's own machine only.
        timeout_seconds: the longest wait for an answer.
        decoupled: the model answers in pieces: all of them are waited for. That is over gRPC, and
            without shared memory.
    """

    def __init__(
        self,
        address: str,
        model: str,
        requests: Sequence[Request],
        *,
        protocol: Literal["grpc", "http"] = "grpc",
        shared_memory: Literal["none", "system"] = "none",
        timeout_seconds: float = 120.0,
        decoupled: bool = False,
    ) -> None:
        if not requests:
            raise ValueError("an Endpoint needs at least one request")
        self._decoupled = decoupled
        self._model = model
        self._requests = requests
        self._shares = shared_memory == "system"
        self._transport: Transport = (Grpc if protocol == "grpc" else Http)(
            address, timeout_seconds
        )
        self._inputs = [self._tensors(request) for request in requests]
        self._output_sizes: dict[str, int] = {}
        self._regions: list[Region] = []
        self._idle: list[Region] = []

    def __enter__(self) -> Self:
        """Sets up the shared memory, if there is to be any.

        Raises:
            LegFailed: the server did not answer, or refused it.
        """
        try:
            if self._shares:
                self._output_sizes = self._learn_output_sizes()
                self._share_inputs()
        except PerfError as problem:
            self.close()
            raise LegFailed(str(problem)) from problem
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, i: int) -> None:
        """Sends a request and waits for its answer, which is not decoded further.

        Raises:
            PerfError: the server refused it, or did not answer in time, or at all.
        """
        with self._outputs_region() as region:
            self._send(i, region)

    def outputs(self, i: int) -> dict[str, np.ndarray]:
        """Sends a request and returns all of its outputs; pieces are joined along the first axis.

        Raises:
            PerfError: as in a call.
        """
        with self._outputs_region() as region:
            answer = self._send(i, region)
            if self._decoupled:
                pieces = [{name: each.as_numpy(name) for name in _names(each)} for each in answer]
                return dict(joined(pieces))
            if region is None:
                return {name: answer.as_numpy(name) for name in _names(answer)}
            return {name: region.read(name, *_kind(answer, name)) for name in region.places}

    def close(self) -> None:
        """Ends the connections and removes all regions, even if a server still has them."""
        for region in self._regions:
            self._unregister(region)
            region.remove()
        self._regions.clear()
        self._idle.clear()
        self._transport.close()

    def _unregister(self, region: Region) -> None:
        # The server lets go of a region a moment after the answer, and forgets none before. One
        # that has ended has nothing to forget.
        deadline = time.monotonic() + _RELEASE_SECONDS
        while True:
            try:
                return self._transport.unregister(region.name)
            except PerfError as problem:
                if "in use" not in str(problem) or time.monotonic() > deadline:
                    return None
            time.sleep(0.01)

    @contextlib.contextmanager
    def _outputs_region(self) -> Iterator[Region | None]:
        """A region that no other call uses; None without shared memory."""
        if not self._output_sizes:
            yield None
            return
        try:
            region = self._idle.pop()
        except IndexError:
            region = self._new_region(self._output_sizes)
        try:
            yield region
        finally:
            self._idle.append(region)

    def _send(self, i: int, region: Region | None) -> Any:
        inputs = self._inputs[i % len(self._inputs)]
        if self._decoupled:
            return self._transport.stream(self._model, inputs)
        outputs = None  # all of them, in the answer
        if region is not None:
            outputs = []
            for name, place in region.places.items():
                outputs.append(self._transport.library.InferRequestedOutput(name))
                outputs[-1].set_shared_memory(region.name, place.size, place.offset)
        return self._transport.infer(self._model, inputs, outputs)

    def _learn_output_sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for inputs in self._inputs:
            answer = self._transport.infer(self._model, inputs, None)
            for name in _names(answer):
                seen = len(content_of(answer.as_numpy(name)))
                sizes[name] = max(sizes.get(name, _LEAST_ROOM), _ROOM * seen)
        return sizes

    def _share_inputs(self) -> None:
        contents = {
            f"{number} {name}": content_of(array)
            for number, request in enumerate(self._requests)
            for name, array in request.items()
        }
        region = self._new_region({name: len(content) for name, content in contents.items()})
        for name, content in contents.items():
            region.write(name, content)
        self._inputs = [
            self._tensors(request, region, number) for number, request in enumerate(self._requests)
        ]

    def _new_region(self, sizes: Mapping[str, int]) -> Region:
        try:
            region = Region(sizes)
        except OSError as problem:
            raise PerfError(
                f"{self._model}: no room for {sum(sizes.values()) / 2**20:.1f} MiB of shared "
                f"memory ({problem.strerror}); free some in /dev/shm, or make it larger"
            ) from problem
        self._regions.append(region)
        self._transport.register(region.name, region.size)
        return region

    def _tensors(
        self, request: Request, region: Region | None = None, number: int = 0
    ) -> list[Any]:
        """A request's inputs for the library, by value or by their place in a region."""
        tensors = []
        for name, array in request.items():
            tensor = self._transport.library.InferInput(
                name, list(array.shape), np_to_triton_dtype(array.dtype)
            )
            if region is None or not array.size:  # a place of no bytes is none
                tensor.set_data_from_numpy(array)
            else:
                place = region.places[f"{number} {name}"]
                tensor.set_shared_memory(region.name, place.size, place.offset)
            tensors.append(tensor)
        return tensors


def _names(answer: Any) -> list[str]:
    response = answer.get_response()
    if isinstance(response, dict):  # over HTTP
        return [output["name"] for output in response["outputs"]]
    return [output.name for output in response.outputs]


def _kind(answer: Any, name: str) -> tuple[str, list[int]]:
    """An output's datatype and shape."""
    output = answer.get_output(name)
    if isinstance(output, dict):  # over HTTP
        return output["datatype"], output["shape"]
    return output.datatype, list(output.shape)
