"""Requests that come in sequences: kept apart, ended, forgotten; on Triton and in process."""

from __future__ import annotations

import importlib
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import DynamicBatching, Ensemble, PythonModel, SequenceBatching, Tensor
from builders.kit.graph.bls import bls
from builders.kit.graph.error import GraphError
from repository.arrays import DType
from repository.check.check import check_repository
from repository.config.proto import pb
from repository.config.text import read_config
from repository.copied.sequence_state import Sequences, SequencesFullError, UnknownSequenceError
from repository.release import release
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit import repositories

HERE = Path(__file__).parent / "stages"
RELEASE = release("24.10")
IDLE_SECONDS = 1.0
"""How long a sequence of ``brief`` may be idle; one of ``counter``, as long as a test may take."""

X = Tensor("x", DType.FP32, {"value": -1})
OUTPUTS = (
    Tensor("total", DType.FP32, {"one": 1}),
    Tensor("requests", DType.INT32, {"one": 1}),
    Tensor("told", DType.BYTES, {"one": 1}),
)


def counter(name: str = "counter", **options: Any) -> PythonModel:
    options.setdefault(
        "sequences",
        SequenceBatching(max_candidate_sequences=4, max_sequence_idle_microseconds=300_000_000),
    )
    options.setdefault("inputs", (X,))
    return PythonModel(name=name, outputs=OUTPUTS, stage="toy_counter", **options)


Send = Callable[..., tuple[float, int, str]]
"""(x, sequence id, start, end) -> total, requests, what the stage was told."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("sequences")
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    idle = round(IDLE_SECONDS * 1e6)
    batching = SequenceBatching(max_candidate_sequences=4, max_sequence_idle_microseconds=idle)
    repositories.write(folder, (counter(), counter("brief", sequences=batching)))
    yield folder
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def server(repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(repository, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


@pytest.fixture(params=["HTTP", "gRPC", "stream", "in process"])
def send(request: pytest.FixtureRequest, server: LocalServer, repository: Path) -> Iterator[Send]:
    if request.param == "in process":
        process = InProcess(repository)

        def run(x: float, sequence: int | str, start: bool = False, end: bool = False) -> Any:
            correlation = sequence.encode() if isinstance(sequence, str) else sequence
            inputs = {
                "x": np.array([x], np.float32),
                "start": np.array([start]),
                "end": np.array([end]),
                "correlation": np.array([correlation]),
            }
            return _plain(process.run("counter", inputs).__getitem__)

        yield run
        return
    library: Any = http if request.param == "HTTP" else grpc
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    address = server.http if request.param == "HTTP" else server.grpc
    with library.InferenceServerClient(address) as client:
        if request.param == "stream":
            client.start_stream(lambda result, error: answers.put((result, error)))

        def ask(x: float, sequence: int | str, start: bool = False, end: bool = False) -> Any:
            given = library.InferInput("x", [1], "FP32")
            given.set_data_from_numpy(np.array([x], np.float32))
            options = {"sequence_id": sequence, "sequence_start": start, "sequence_end": end}
            if request.param != "stream":
                return _plain(client.infer("counter", [given], **options).as_numpy)
            client.async_stream_infer("counter", [given], **options)
            result, error = answers.get(timeout=60)
            if error is not None:
                raise error
            return _plain(result.as_numpy)

        yield ask


def _plain(get: Callable[[str], Any]) -> tuple[float, int, str]:
    return float(get("total")[0]), int(get("requests")[0]), get("told")[0].decode()


def test_two_sequences_at_once_keep_apart_and_end(send: Send) -> None:
    for first, second in ((71, 72), ("left", "right")):
        assert send(1, first, start=True) == (1, 1, f"{first} True False")
        assert send(10, second, start=True) == (10, 1, f"{second} True False")
        assert send(2, first) == (3, 2, f"{first} False False")
        assert send(20, second, end=True) == (30, 2, f"{second} False True")
        with pytest.raises((InferenceServerException, ValueError), match=r"start|START"):
            send(30, second)
        assert send(3, first, end=True) == (6, 3, f"{first} False True")
        assert send(5, first, start=True, end=True) == (5, 1, f"{first} True True")


def test_a_request_that_is_refused_leaves_its_sequence_as_it_was(send: Send) -> None:
    assert send(1, 81, start=True)[:2] == (1, 1)
    with pytest.raises((InferenceServerException, ValueError), match="must not be negative"):
        send(-1, 81)
    assert send(2, 81, end=True)[:2] == (3, 2)


def test_a_sequence_that_was_refused_as_it_began_is_not_known(send: Send) -> None:
    with pytest.raises((InferenceServerException, ValueError), match="must not be negative"):
        send(-1, 83, start=True)
    with pytest.raises((InferenceServerException, ValueError), match=r"83 is not known.*refused"):
        send(1, 83, end=True)
    assert send(1, 83, start=True, end=True)[:2] == (1, 1)


def test_a_sequence_that_was_never_begun_is_refused_in_one_sentence(send: Send) -> None:
    with pytest.raises((InferenceServerException, ValueError)) as refused:
        send(1, 99)
    text = str(refused.value)
    assert "99" in text and "start" in text.lower() and "\n" not in text
    if isinstance(refused.value, InferenceServerException) and refused.value.status():
        assert refused.value.status() in ("400", "StatusCode.INVALID_ARGUMENT")


def test_a_sequence_that_was_idle_for_too_long_is_refused_and_frees_its_place(
    server: LocalServer,
) -> None:
    with grpc.InferenceServerClient(server.grpc) as client:

        def ask(sequence: int, **flags: Any) -> float:
            given = grpc.InferInput("x", [1], "FP32")
            given.set_data_from_numpy(np.array([1], np.float32))
            result = client.infer("brief", [given], sequence_id=sequence, **flags)
            total = result.as_numpy("total")
            assert total is not None
            return float(total[0])

        began = time.monotonic()
        for sequence in range(1, 5):
            ask(sequence, sequence_start=True)
        # All places are taken: the fifth waits until the first has been idle for long enough.
        assert ask(5, sequence_start=True, sequence_end=True) == 1
        assert time.monotonic() - began > 0.9 * IDLE_SECONDS
        with pytest.raises(InferenceServerException, match="START"):
            ask(1)


def test_states_are_bounded_and_forgotten() -> None:
    now = 0.0
    held = Sequences(3, 10.0, gives_way_seconds=0.0, clock=lambda: now)

    def use(correlation: int, *, start: bool = False, end: bool = False) -> dict[str, Any]:
        with held.request({}, start=start, end=end, correlation=correlation) as inputs:
            state = inputs["state"]
            assert isinstance(state, dict)
            return state

    for number in range(100):
        use(number, start=True)["n"] = number
    assert len(held) == 3
    assert use(98) == {"n": 98}
    use(200, start=True)
    with pytest.raises(ValueError, match="sequence 97 is not known"):
        use(97)
    now = 9.0
    assert use(98, start=True) == {}
    now = 12.0
    with pytest.raises(ValueError, match="sequence 99 is not known"):
        use(99)
    assert len(held) == 1
    use(98, end=True)
    assert len(held) == 0


def test_an_idle_sequence_gives_way_and_one_in_use_does_not() -> None:
    now = 0.0
    held = Sequences(2, 60.0, gives_way_seconds=5.0, clock=lambda: now)

    def use(correlation: int, *, start: bool = False, end: bool = False) -> None:
        with held.request({}, start=start, end=end, correlation=correlation):
            pass

    use(1, start=True)
    use(2, start=True)
    now = 4.0
    use(1)
    with pytest.raises(SequencesFullError, match="2 of them; begin again later"):
        use(3, start=True)
    with pytest.raises(UnknownSequenceError, match="3 is not known"):
        use(3)
    use(1, start=True)  # anew, in its own place
    now = 5.5
    use(3, start=True)
    with pytest.raises(UnknownSequenceError, match="sequence 2 is not known"):
        use(2)
    use(1)
    use(1, end=True)
    use(4, start=True)


@pytest.mark.thorough
def test_left_sequences_give_way_on_triton_and_others_are_told_to_wait(
    tmp_path: Path, serve: Callable[..., LocalServer]
) -> None:
    model = counter(
        sequences=SequenceBatching(max_sequence_idle_microseconds=60_000_000),
        parameters={"maximum_sequences": "4"},
    )
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    repositories.write(tmp_path, (model,))
    sys.path.remove(str(HERE))
    server = serve(tmp_path)
    with grpc.InferenceServerClient(server.grpc) as client:

        def ask(sequence: int, **flags: Any) -> float:
            given = grpc.InferInput("x", [1], "FP32")
            given.set_data_from_numpy(np.array([1], np.float32))
            result = client.infer(
                "counter", [given], sequence_id=sequence, client_timeout=60, **flags
            )
            total = result.as_numpy("total")
            assert total is not None
            return float(total[0])

        for sequence in range(1, 5):
            ask(sequence, sequence_start=True)
        deadline = time.monotonic() + 120
        refusals = 0
        for sequence in range(5, 1000):  # each try is another client's
            ask(4)
            try:
                ask(sequence, sequence_start=True)
                break
            except InferenceServerException as refusal:
                assert refusal.status() == "StatusCode.UNAVAILABLE"
                assert "4 of them; begin again later" in str(refusal.message())
                refusals += 1
                assert time.monotonic() < deadline
                time.sleep(0.2)
        assert refusals
        with pytest.raises(InferenceServerException, match="sequence 1 is not known"):
            ask(1)
        assert ask(4) > 2


def test_the_config_reads_back(repository: Path) -> None:
    config = read_config(repository / "counter" / "config.pbtxt")
    assert config == model_config(counter())
    assert not config.HasField("dynamic_batching")
    assert config.sequence_batching.oldest.max_candidate_sequences == 4
    kinds = [entry.control[0].kind for entry in config.sequence_batching.control_input]
    control = pb.ModelSequenceBatching.Control
    assert kinds == [control.CONTROL_SEQUENCE_START, control.CONTROL_SEQUENCE_END]
    assert check_repository(repository, RELEASE) == []


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        (counter(batching=DynamicBatching()), "sequence-batching"),
        (counter(sequences=SequenceBatching(max_candidate_sequences=0)), "sequence-batching"),
        (
            counter(sequences=SequenceBatching(max_sequence_idle_microseconds=0)),
            "sequence-batching",
        ),
        (counter(sequences=SequenceBatching(preferred_sizes=(2,))), "sequence-batching"),
        (counter(inputs=(X, Tensor("state", DType.FP32, {"n": 1}))), "sequence-input"),
        (counter(inputs=(X, Tensor("START", DType.BOOL, {"n": 1}))), "sequence-input"),
        (counter(response_cache=True), "response-cache"),
    ],
)
def test_what_cannot_be_is_found(model: PythonModel, rule: str) -> None:
    assert rule in {finding.rule for finding in check_graph([model], RELEASE)}


def test_a_pipeline_over_sequences_has_no_bls_twin() -> None:
    ensemble = Ensemble(name="e", inputs=(X,), outputs=OUTPUTS, steps=counter() >> ())
    with pytest.raises(GraphError, match=r"sequences.*bls: false"):
        bls(ensemble)
