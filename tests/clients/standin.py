"""A gRPC server that answers as the pipelines do, in no time, and a relay that cuts it off."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent import futures
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from tests.clients.listeners import Listener, reset


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A gRPC server that answers ``ocr``, ``asr`` and ``asr_stream``, or refuses with a status."""

    def __init__(self) -> None:
        self.asked: list[service_pb2.ModelInferRequest] = []
        self.refuse: tuple[grpc.StatusCode, str] | None = None
        self.sequences: dict[int, int] = {}
        self.pages = 1
        self.broken_page = 0

    def _page(self, request: service_pb2.ModelInferRequest) -> int:
        """The first page that a request asks for."""
        names = [each.name for each in request.inputs]
        if "only_pages" not in names:
            return 1
        content = request.raw_input_contents[names.index("only_pages")]
        return int(np.frombuffer(content, np.int32)[0])

    def ModelInfer(
        self, request: service_pb2.ModelInferRequest, context: grpc.ServicerContext
    ) -> service_pb2.ModelInferResponse:
        self.asked.append(request)
        if self.refuse is not None:
            context.abort(*self.refuse)
        if self.broken_page and self._page(request) == self.broken_page:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "only_pages names a broken one")
        if request.model_name == "ocr":
            page = np.array([self._page(request)], np.int32)
            text = np.array([b"read"], object)
            count = np.array([self.pages], np.int32)
            return answer(text=text, boxes=BOX, scores=SCORE, page_numbers=page, page_count=count)
        nothing = {
            "segment_text": np.array([], object),
            "words": np.array([], object),
            "scores": SCORE[:0],
            "word_scores": SCORE[:0],
            "segments": np.zeros((0, 2), np.float32),
            "word_times": np.zeros((0, 2), np.float32),
        }
        if request.model_name == "asr":
            return answer(**nothing)
        heard = self._heard(request.parameters, context)
        return answer(partial=np.array([heard], object), partial_start=SCORE, **nothing)

    def _heard(self, part: Any, context: grpc.ServicerContext) -> bytes:
        """How many pieces of its sequence a request is, as Triton tells sequences apart."""
        sequence = part["sequence_id"].int64_param
        if part["sequence_start"].bool_param:
            self.sequences[sequence] = 0
        if sequence not in self.sequences:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"inference request for sequence {sequence} to model 'asr_stream' must specify "
                "the START flag on the first request of the sequence",
            )
        self.sequences[sequence] += 1
        return f"piece {self.sequences[sequence]}".encode()


BOX = np.zeros((1, 4, 2), np.float32)
SCORE = np.array([0.5], np.float32)


def answer(**outputs: np.ndarray) -> service_pb2.ModelInferResponse:
    made = service_pb2.ModelInferResponse(model_name="m", model_version="1")
    for name, array in outputs.items():
        is_text = array.dtype == object
        made.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        if is_text:
            content = serialize_byte_tensor(array).item() if array.size else b""
        else:
            content = array.tobytes()
        made.raw_output_contents.append(content)
    return made


class Served:
    """The server, listening or not."""

    def __init__(self, port: int) -> None:
        self.servicer = Server()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self.servicer, self._server)
        assert self._server.add_insecure_port(f"127.0.0.1:{port}") == port
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()


class Relay:
    """Passes a port's connections on to another, until it is told to cut them all."""

    def __init__(self, to: int, port: int = 0) -> None:
        self._to = to
        self._both: list[socket.socket] = []
        self._listener = Listener(self._pass, port)
        self.address = self._listener.address

    def _pass(self, _: Listener, here: socket.socket) -> None:
        there = socket.create_connection(("127.0.0.1", self._to))
        self._both += [here, there]
        threading.Thread(target=_pump, args=(there, here), daemon=True).start()
        _pump(here, there)

    def cut(self) -> None:
        for each in self._both:
            # A thread that reads it would keep it open.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            reset(each)
        self._both.clear()

    def close(self) -> None:
        self.cut()
        self._listener.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass


def is_raw(sentence: str) -> bool:
    """Whether it holds something of gRPC's own texts."""
    raw = ("UNKNOWN", "ipv4:", "ipv6:", "recvmsg", "StatusCode", "last error", "Deadline Exceeded")
    return any(each in sentence for each in raw) or "\n" in sentence
