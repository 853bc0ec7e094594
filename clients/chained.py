"""A pipeline as a chained client: every step is called over the network, from Python.

This is what a team does without an ensemble, so ensembles are compared with it. It needs nothing
but a server: the steps come from the ensemble's own config.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import tritonclient.grpc as grpc
from tritonclient.utils import np_to_triton_dtype

from clients.errors import ClientError
from repository.arrays import Array, Arrays
from repository.config.facts import is_ensemble
from repository.copied.flow import Wiring, gather, scatter, waves


class Chained:
    """Calls the composing models of an ensemble one by one.

    Args:
        url: ``host:port`` of a Triton's gRPC endpoint.
        pipeline: the ensemble whose steps are called.
        timeout_seconds: the longest that a step may take; None waits without end.

    Raises:
        ClientError: that model is not an ensemble.
        tritonclient.utils.InferenceServerException: no such server or model.
    """

    def __init__(self, url: str, pipeline: str, *, timeout_seconds: float | None = None) -> None:
        self._timeout = timeout_seconds
        self._client = grpc.InferenceServerClient(url)
        config = self._client.get_model_config(pipeline).config
        if not is_ensemble(config):
            raise ClientError(
                f"'{pipeline}': expected an ensemble, whose steps can be chained, found a single "
                "model. Name an ensemble."
            )
        self._outputs = [tensor.name for tensor in config.output]
        self._waves = waves(
            [
                Wiring(step.model_name, dict(step.input_map), dict(step.output_map))
                for step in config.ensemble_scheduling.step
            ],
            [tensor.name for tensor in config.input],
        )
        self._pool = ThreadPoolExecutor(thread_name_prefix="chained")

    def run(self, inputs: Arrays) -> Arrays:
        """One request: inputs by name -> the pipeline's outputs by name.

        Raises:
            tritonclient.utils.InferenceServerException: a step refused or failed.
        """
        tensors: dict[str, Array] = dict(inputs)
        for wave in self._waves:
            answers = self._pool.map(lambda step: self._call(step, tensors), wave)
            for step, answer in zip(wave, list(answers), strict=True):
                scatter(step, answer, tensors)
        return {name: tensors[name] for name in self._outputs}

    def close(self) -> None:
        """Ends the connection."""
        self._pool.shutdown()
        self._client.close()

    def _call(self, step: Wiring, tensors: Arrays) -> Arrays:
        result = self._client.infer(
            step.model,
            [request_input(name, array) for name, array in gather(step, tensors).items()],
            outputs=[grpc.InferRequestedOutput(name) for name in step.outputs],
            client_timeout=self._timeout,
        )
        arrays = {name: result.as_numpy(name) for name in step.outputs}
        return {name: array for name, array in arrays.items() if array is not None}


def request_input(name: str, array: Array) -> grpc.InferInput:
    """An array as tritonclient's gRPC input of that name."""
    tensor = grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    tensor.set_data_from_numpy(array)
    return tensor
