"""Calling a pipeline's steps on their servers: the same work in both gateways.

It is written against the messages of the V2 protocol. tritonclient and kserve each bring their
own generated modules of them, which one process cannot hold together, so it is given one. Tensors
pass through as the bytes that they came in (``raw_input_contents``, ``raw_output_contents``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import grpc

from perf.compare.services.plan import Plan
from perf.errors import PerfError
from repository.copied.flow import Tensors, Wiring

UNLIMITED = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
"""gRPC refuses messages above 4 MiB by default; pages and their tensors are larger."""

_DIRECT = ("grpc.enable_http_proxy", 0)
"""The steps' servers are on this machine, whatever proxy its environment names."""

ANSWER_SECONDS = 2.0
"""How long a server may take to say that it is there."""

_NOT_DONE = ("shared_memory_region", "classification")
"""Parameters of a tensor that change what its bytes are."""


class ChainFailed(PerfError):
    """A request cannot be answered.

    Attributes:
        code: the gRPC code; the step's own, if a step refused.
        sentence: likewise.
    """

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Content:
    """A tensor on its way: its datatype and shape as a message has them, and its bytes."""

    datatype: str
    shape: Any
    raw: bytes


class Chain:
    """Runs the plan, wave by wave, the calls of a wave side by side.

    Args:
        plan: the pipeline.
        addresses: composing model -> ``host:port`` of the gRPC endpoint that serves it.
        messages: the generated module of the V2 messages.
        stub: the generated class that calls the V2 service over a channel.
    """

    def __init__(self, plan: Plan, addresses: Mapping[str, str], messages: Any, stub: Any) -> None:
        self._plan = plan
        self._waves = plan.waves()
        self._addresses = addresses
        self._messages = messages
        self._stub = stub
        self._known = {tensor.name for tensor in plan.inputs}
        self._required = {tensor.name for tensor in plan.inputs if not tensor.optional}
        self._outputs = [tensor.name for tensor in plan.outputs]
        self._servers: dict[str, Any] = {}

    async def infer(self, request: Any) -> Any:
        """Answers a ``ModelInferRequest`` with a ``ModelInferResponse``.

        Raises:
            ChainFailed: the request is not one for this pipeline, or a step refused or failed.
        """
        tensors = Tensors(self._plan.ends, self._inputs(request), _shape, _reshaped)
        wanted = self._wanted(request)
        for wave in self._waves:
            calls = [self._call(step, tensors, request) for step in wave]
            answers = [await calls[0]] if len(calls) == 1 else await asyncio.gather(*calls)
            for step, answer in zip(wave, answers, strict=True):
                tensors.scatter(step, answer)
        response = self._messages.ModelInferResponse(
            id=request.id, model_name=self._plan.pipeline, model_version="1"
        )
        for name, content in tensors.outputs(wanted).items():
            _add(response.outputs, response.raw_output_contents, name, content)
        return response

    def _inputs(self, request: Any) -> dict[str, Content]:
        name = self._plan.pipeline
        if request.model_name != name or request.model_version not in ("", "1"):
            raise ChainFailed(
                grpc.StatusCode.NOT_FOUND,
                f"this gateway serves '{name}' version 1, not '{request.model_name}' "
                f"version {request.model_version or 'any'}",
            )
        if len(request.raw_input_contents) != len(request.inputs):
            raise _refusal(
                f"'{name}' takes its inputs in raw_input_contents: expected "
                f"{len(request.inputs)} of them, found {len(request.raw_input_contents)}"
            )
        _refuse_parameters(request.inputs)
        tensors = {
            entry.name: Content(entry.datatype, entry.shape, raw)
            for entry, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        if unknown := tensors.keys() - self._known:
            raise _refusal(f"'{name}' has no input {sorted(unknown)}; it has {sorted(self._known)}")
        if missing := self._required - tensors.keys():
            raise _refusal(f"'{name}' needs input {sorted(missing)}")
        return tensors

    def _wanted(self, request: Any) -> list[str]:
        if not request.outputs:
            return self._outputs
        _refuse_parameters(request.outputs)
        wanted = [entry.name for entry in request.outputs]
        if unknown := set(wanted) - set(self._outputs):
            raise _refusal(
                f"'{self._plan.pipeline}' has no output {sorted(unknown)}; it has {self._outputs}"
            )
        return wanted

    async def _call(
        self, step: Wiring, tensors: Tensors[Content], request: Any
    ) -> dict[str, Content]:
        message = self._messages.ModelInferRequest(
            id=request.id, model_name=step.model, parameters=request.parameters
        )
        for name, content in tensors.gather(step).items():
            _add(message.inputs, message.raw_input_contents, name, content)
        for name in step.outputs:
            message.outputs.add(name=name)
        stub = self._server(step.model)
        try:
            response = await stub.ModelInfer(message)
        except grpc.aio.AioRpcError as error:
            raise await self._failure(step, error) from None
        answer = dict(_contents(response))
        if missing := step.outputs.keys() - answer.keys():
            raise ChainFailed(
                grpc.StatusCode.INTERNAL,
                f"step '{step.model}' answered without its output {sorted(missing)}",
            )
        return answer

    def _server(self, model: str) -> Any:
        # Made at the first call: a channel belongs to the event loop in which it is made.
        if model not in self._servers:
            channel = grpc.aio.insecure_channel(
                self._addresses[model], options=(*UNLIMITED, _DIRECT)
            )
            self._servers[model] = self._stub(channel)
        return self._servers[model]

    async def _failure(self, step: Wiring, error: grpc.aio.AioRpcError) -> ChainFailed:
        sentence = error.details() or "no reason was given"
        # A server that refuses because it is overloaded says UNAVAILABLE too, and is there.
        if error.code() == grpc.StatusCode.UNAVAILABLE and not await self._answers(step.model):
            sentence = (
                f"the server of step '{step.model}' at {self._addresses[step.model]} does not "
                f"answer: {sentence}"
            )
        return ChainFailed(error.code(), sentence)

    async def _answers(self, model: str) -> bool:
        try:
            await self._server(model).ServerLive(
                self._messages.ServerLiveRequest(), timeout=ANSWER_SECONDS
            )
        except grpc.aio.AioRpcError:
            return False
        return True


def _refusal(sentence: str) -> ChainFailed:
    return ChainFailed(grpc.StatusCode.INVALID_ARGUMENT, sentence)


def _refuse_parameters(entries: Any) -> None:
    for entry in entries:
        for parameter in _NOT_DONE:
            if parameter in entry.parameters:
                raise _refusal(
                    f"a gateway passes tensors on as their bytes, so '{entry.name}' cannot have "
                    f"'{parameter}'"
                )


def _shape(content: Content) -> Sequence[int]:
    return tuple(content.shape)


def _reshaped(content: Content, shape: Sequence[int]) -> Content:
    return replace(content, shape=shape)


def _add(entries: Any, raws: Any, name: str, content: Content) -> None:
    entries.add(name=name, datatype=content.datatype, shape=content.shape)
    raws.append(content.raw)


def _contents(response: Any) -> Iterator[tuple[str, Content]]:
    for entry, raw in zip(response.outputs, response.raw_output_contents, strict=True):
        yield entry.name, Content(entry.datatype, entry.shape, raw)
