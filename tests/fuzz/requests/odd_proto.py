"""Messages of the inference protocol that are well-formed gRPC, and no requests of these models."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb

from tests.fuzz import mutate
from tests.fuzz.case import LONGEST_SECONDS, Case, Outcome, Part
from tests.fuzz.media import images
from tests.fuzz.target import Target

SERVICE = "/inference.GRPCInferenceService/"

SHAPES: tuple[list[int], ...] = (
    [],
    [0],
    [-1],
    [1, -1],
    [-5],
    [2**20],
    [1, 1, 1],
    [0, 2**20],
    [2**31 - 1, 0],
    [7],
)
TYPES = ("UINT8", "FP32", "BYTES", "", "UINT9", "uint8", "BF16", "x" * 3000, "é")
CONTENTS = (b"", b"\1", b"\5\0\0\0ab", b"\xff\xff\xff\xff", bytes(64), b"\xff" * 300)
OTHERS = ("ServerMetadata", "ModelMetadata", "ModelReady", "ModelConfig", "ModelStatistics")
ODD_NAMES = ("", "nothere", "../ocr", "x" * 5000, "é", "ocr\0", "OCR")


def infer(random: Random) -> Any:
    """A request to infer that is wrong in one way or in several."""
    png = images.seeds()["bit.png"]
    request = pb.ModelInferRequest(model_name="decode_image")
    request.inputs.add(name="image", datatype="UINT8", shape=[len(png)])
    request.raw_input_contents.append(png)
    first = request.inputs[0]

    def shape() -> None:
        del first.shape[:]
        first.shape.extend(random.choice(SHAPES))

    def datatype() -> None:
        first.datatype = random.choice(TYPES)

    def name() -> None:
        first.name = random.choice(("", "pixels", "Image", "x" * 5000, "START", "é"))

    def contents() -> None:
        request.raw_input_contents[0] = random.choice(CONTENTS)

    def typed() -> None:
        kind = random.choice(("int_contents", "fp32_contents", "bytes_contents", "uint_contents"))
        value: Any = b"ab" if kind == "bytes_contents" else 300
        getattr(first.contents, kind).extend([value] * random.choice((1, len(png))))
        if random.random() < 0.7:
            del request.raw_input_contents[:]

    def twice() -> None:
        request.inputs.append(first)
        if random.random() < 0.5:
            request.raw_input_contents.append(png)

    def none() -> None:
        del request.inputs[:]

    def outputs() -> None:
        for output in random.choice((("nothere",), ("pixels", "pixels"), ("",), ("x" * 5000,))):
            request.outputs.add(name=output)

    def model() -> None:
        request.model_name = random.choice(ODD_NAMES)

    def version() -> None:
        request.model_version = random.choice(("0", "-1", "99", "x", "1 ", "9" * 40))

    def parameters() -> None:
        name = random.choice(("timeout", "priority", "sequence_id", "x", "", "triton_x", "é" * 99))
        parameter = request.parameters[name]
        value = random.choice((-1, 2**63 - 1, "x" * 3000, "", True, 1.5))
        if isinstance(value, bool):
            parameter.bool_param = value
        elif isinstance(value, int):
            parameter.int64_param = value
        elif isinstance(value, float):
            parameter.double_param = value
        else:
            parameter.string_param = value

    def strings() -> None:
        request.model_name = "asr"
        del request.inputs[:], request.raw_input_contents[:]
        for name, kind, raw in (
            ("samples", "FP32", bytes(16)),
            ("sample_rate", "INT32", b"\x80\x3e\0\0"),
            ("word_list", "BYTES", random.choice(CONTENTS)),
        ):
            request.inputs.add(name=name, datatype=kind, shape=[4 if name == "samples" else 1])
            request.raw_input_contents.append(raw)

    def regions() -> None:
        first.parameters["shared_memory_region"].string_param = "nothere"
        first.parameters["shared_memory_byte_size"].int64_param = random.choice((-1, 0, 2**62))

    def identity() -> None:
        request.id = random.choice(("x" * 100_000, "\n", "é"))

    ways: tuple[Callable[[], None], ...] = (
        *(shape, datatype, name, contents, typed, twice, none, outputs, model, version),
        *(parameters, strings, regions, identity),
    )
    for change in random.sample(ways, random.choice((1, 1, 2, 3))):
        if request.inputs and request.raw_input_contents:
            first = request.inputs[0]
            change()
    return request


def method_and_message(random: Random) -> tuple[str, bytes]:
    """A method of the service, and the bytes of a message that may be none of its."""
    if random.random() < 0.75:
        method = random.choice(("ModelInfer",) * 4 + ("ModelStreamInfer",))
        content = infer(random).SerializeToString()
    else:
        method = random.choice((*OTHERS, "NoSuchMethod"))
        content = pb.ModelMetadataRequest(
            name=random.choice(ODD_NAMES), version=random.choice(("", "x", "99"))
        ).SerializeToString()
    if random.random() < 0.25:
        content = mutate.blindly(random, content)
    return method, content


def request(random: Random) -> Case:
    """One odd message, over a channel of gRPC's own."""
    method, content = method_and_message(random)

    def send(target: Target) -> list[Outcome]:
        began = time.monotonic()
        with grpc.insecure_channel(target.server.grpc) as channel:
            path, text = SERVICE + method, ""
            stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
                path, request_serializer=None, response_deserializer=None
            )
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                path, request_serializer=None, response_deserializer=None
            )
            try:
                if method == "ModelStreamInfer":
                    for raw in stream(iter([content, content]), timeout=2 * LONGEST_SECONDS):
                        text = pb.ModelStreamInferResponse.FromString(raw).error_message or text
                else:
                    call(content, timeout=2 * LONGEST_SECONDS)
            except grpc.RpcError as refusal:
                code = refusal.code().name
                return [Outcome("refused", code, refusal.details() or "", time.monotonic() - began)]
        kind = "refused" if text else "answered"
        return [Outcome(kind, "in a stream" if text else "", text, time.monotonic() - began)]

    return Case(f"gRPC, {method}", send, content, internal=True)


MESSAGES = Part("messages", 200, request)
