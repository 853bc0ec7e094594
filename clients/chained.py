"""A pipeline as a chained client: every step is called over the network, from Python.

This is what a team does without an ensemble, so ensembles are compared with it. It needs nothing
but a server: the steps come from the ensemble's own config.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tritonclient.grpc as grpc
from tritonclient.utils import np_to_triton_dtype

from clients.errors import ClientError
from repository.arrays import Array, Arrays
from repository.config.facts import composing, is_ensemble
from repository.config.wiring import ends, wiring
from repository.copied.flow import Tensors, Wiring, waves


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
        configs = {name: self._client.get_model_config(name).config for name in composing(config)}
        self._ends = ends(config)
        self._waves = waves(wiring(config, configs), [tensor.name for tensor in config.input])
        self._pool = ThreadPoolExecutor(thread_name_prefix="chained")

    def run(self, inputs: Arrays) -> Arrays:
        """One request: inputs by name -> the pipeline's outputs by name.

        Raises:
            tritonclient.utils.InferenceServerException: a step refused or failed.
        """
        tensors: Tensors[Array] = Tensors(self._ends, inputs, np.shape, np.reshape)
        for wave in self._waves:
            given = [tensors.gather(step) for step in wave]
            answers = self._pool.map(self._call, wave, given)
            for step, answer in zip(wave, list(answers), strict=True):
                tensors.scatter(step, answer)
        return tensors.outputs(list(self._ends.outputs))

    def close(self) -> None:
        """Ends the connection."""
        self._pool.shutdown()
        self._client.close()

    def _call(self, step: Wiring, inputs: Arrays) -> Arrays:
        result = self._client.infer(
            step.model,
            [request_input(name, array) for name, array in inputs.items()],
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
