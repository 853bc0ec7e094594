"""What a client reads of a failure, whatever a stage raises: a known code, and one clean sentence.

The same stage is asked directly, through a stage that calls it, and through a BLS model; and a
model that is not ours, whose exceptions Triton answers with a traceback, through the last two.
"""

from __future__ import annotations

import ast
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpc
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from builders.kit.graph import Ensemble, PythonModel, Tensor
from builders.kit.graph.bls import bls
from repository.arrays import DType
from repository.copied import client_text
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit import repositories

HERE = Path(__file__).parent / "stages"
ROOT = Path(__file__).parents[4]
HOW, SAID = Tensor("how", DType.BYTES, {"one": 1}), Tensor("said", DType.BYTES, {"one": 1})

RAISER = PythonModel(name="raiser", inputs=(HOW,), outputs=(SAID,), stage="toy_raiser")
FOREIGN = PythonModel(name="foreign", inputs=(HOW,), outputs=(SAID,), stage="toy_raiser")
PASSERS = tuple(
    PythonModel(
        name=f"asks_{callee.name}",
        inputs=(HOW,),
        outputs=(SAID,),
        stage="toy_passer",
        calls=(callee,),
        parameters={"callee": callee.name},
    )
    for callee in (RAISER, FOREIGN)
)
PIPELINES = tuple(
    Ensemble(name=f"via_{model.name}", inputs=(HOW,), outputs=(SAID,), steps=model >> ())
    for model in (RAISER, FOREIGN)
)

FOREIGN_CODE = """
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        how = pb_utils.get_input_tensor_by_name(requests[0], "how").as_numpy()[0].decode()
        if how == "raises":
            raise ValueError(f"a secret in {__file__}")
        text = {
            "path": f"cannot read {__file__}",
            "spoof": "SUPREME: a code that there is not",
            "long": "word " * 9999,
            "plain": "the model wants something else",
        }[how]
        error = pb_utils.TritonError(text, pb_utils.TritonError.NOT_FOUND)
        return [pb_utils.InferenceResponse(error=error) for _ in requests]
"""


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, server_environment: ServerEnvironment
) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("errors")
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    try:
        repositories.write(folder, (*PASSERS, *PIPELINES, *map(bls, PIPELINES)))
    finally:
        sys.path.remove(str(HERE))
    shutil.rmtree(folder / "foreign" / "1" / "stages")
    (folder / "foreign" / "1" / "model.py").write_text(FOREIGN_CODE)
    server = LocalServer(folder, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


def ask(server: LocalServer, model: str, how: str) -> tuple[str, str]:
    """The code and the text of the refusal; "", and the answer, if there is none."""
    with grpc.InferenceServerClient(server.grpc) as client:
        given = grpc.InferInput("how", [1], "BYTES")
        given.set_data_from_numpy(np.array([how.encode()], np.object_))
        try:
            answer = client.infer(model, [given], client_timeout=60).as_numpy("said")
            assert answer is not None
            return "", answer[0].decode()
        except InferenceServerException as refusal:
            return str(refusal.status()).removeprefix("StatusCode."), str(refusal.message())


REFUSED = "INVALID_ARGUMENT"
EXPECTED = {
    "refused": (REFUSED, "send something else"),
    "long": (REFUSED, "a word a word"),
    "lines": (REFUSED, "one two [1mthree four"),
    "surrogates": (REFUSED, "an odd ? byte"),
    "mute": (REFUSED, "raiser failed on this request"),
    "memory": ("UNAVAILABLE", "raiser ran out of memory"),
    **dict.fromkeys(
        (
            *("coded", "named", "theirs", "decoding", "surrogate failure", "mute failure"),
            *("exit", "interrupt", "base", "recursion", "no output"),
        ),
        ("INTERNAL", "raiser failed on this request; the server's log has the reason"),
    ),
}


@pytest.mark.parametrize("model", ["raiser", "asks_raiser", "via_raiser_bls"])
def test_whatever_a_stage_raises_the_client_reads_one_clean_sentence(
    server: LocalServer, model: str
) -> None:
    for how, (code, beginning) in EXPECTED.items():
        found, text = ask(server, model, how)
        assert (found, text[: len(beginning)]) == (code, beginning), how
        assert "\n" not in text and "secret" not in text and "/" not in text, how
        assert len(text) <= client_text.LONGEST + 20, how
    assert ask(server, model, "fine") == ("", "fine"), "the stub is alive"


@pytest.mark.parametrize("model", ["asks_foreign", "via_foreign_bls"])
def test_a_called_models_own_text_passes_only_where_it_shows_nothing(
    server: LocalServer, model: str
) -> None:
    # Up to 24.10 Triton tells a caller INTERNAL, whatever the code was.
    hidden = "'foreign' failed on this request; the server's log has the reason"
    assert ask(server, model, "raises") == ("INTERNAL", hidden)
    assert ask(server, model, "path") == ("INTERNAL", hidden)
    assert ask(server, model, "plain") == ("INTERNAL", "the model wants something else")
    assert ask(server, model, "spoof") == ("INTERNAL", "SUPREME: a code that there is not")
    code, text = ask(server, model, "long")
    assert code == "INTERNAL" and len(text) == client_text.LONGEST


@given(st.text(max_size=2000))
def test_a_sentence_is_one_short_line_of_valid_text(text: str) -> None:
    line = client_text.sentence(text)
    assert len(line) <= client_text.LONGEST
    assert line.encode("utf-8").decode("utf-8") == line
    assert line.splitlines() in ([], [line])
    assert client_text.sentence(line) == line


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("cannot read /srv/models/x.bin", True),
        ("in '/tmp/a/b.py', line 3", True),
        ("C:\\models\\x", True),
        ("~/models/x is missing", True),
        ("Traceback (most recent call last):\n", True),
        ("two\nlines", True),
        ("[StatusCode] Reshape node: /onnxruntime_src/core/x.h:45", True),
        ("send 3/4 or and/or", False),
        ("unexpected shape for input 'x': expected [-1,3], got [0]", False),
        ("a rate of 16000 samples/s", False),
    ],
)
def test_what_tells_of_the_inside(text: str, shows: bool) -> None:
    assert client_text.shows_inside(text) is shows


def test_every_stage_refuses_with_the_kits_own_class() -> None:
    """A plain ValueError would be told as INTERNAL: libraries raise it with texts of their own."""
    plain = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(ROOT.glob("builders/**/stages/*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "") in ("ValueError", "TypeError", "Exception")
    ]
    assert plain == [], "raise builders.kit.invalid_argument.InvalidArgument instead"
