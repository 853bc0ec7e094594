"""``python -m clients infer`` against a real server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from clients.cli.app import app
from repository.families.outside import PACKAGE, forget
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.clients.infer.models import TYPES, write


@pytest.fixture(scope="module")
def server(
    server_environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    repository = tmp_path_factory.mktemp("repository")
    write(repository)
    with LocalServer(repository, environment=server_environment) as started:
        assert not started.failed_models(), started.failed_models()
        yield started


class Ran:
    """What a command did."""

    def __init__(self, server: LocalServer, *arguments: object) -> None:
        words = ["infer", *map(str, arguments), "--url", server.grpc, "--patience=0"]
        result = CliRunner().invoke(app, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def outputs(self) -> dict[str, Any]:
        """Of --json: the values by name."""
        assert self.code == 0, self.err
        return {each["name"]: each["data"] for each in json.loads(self.out)["outputs"]}

    def refused(self, code: int = 2) -> str:
        assert self.code == code and self.out == "", (self.code, self.out, self.err)
        return self.err


def test_values_of_a_batch_are_a_short_table(server: LocalServer, tmp_path: Path) -> None:
    x = np.zeros((32, 4), np.float32)
    x[:, 1] = np.arange(32)
    np.save(tmp_path / "x.npy", x)
    ran = Ran(server, "scorer", "--input", f"x={tmp_path / 'x.npy'}")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[:4] == [
        "scorer, version 1",
        "asked with x  FP32 [32, 4]",
        "",
        "label  INT64 [32, 1]  min 0  mean 0.9688  max 1",
    ]
    assert "logits  FP32 [32, 1000]  min 0  mean 0.0155  max 31" in lines
    assert "  … 26 more rows" in lines
    assert len(lines) < 20 and max(map(len, lines)) <= 80
    assert "--out FILE.npz" in ran.err


def test_a_known_question_gets_the_axis_of_the_batch(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "scoring").mkdir()
    (tmp_path / "scoring" / "family.py").touch()
    (tmp_path / "scoring" / "usage.py").write_text(
        "from repository.usage import Numbers, Question, Usage\n"
        "known = Question(inputs={'x': [0, 2, 0, 0]}, answer={'label': Numbers([1])})\n"
        "USAGE = {'scorer': Usage(words='Score.', question=known)}\n"
    )
    asked = ["ask", "scorer", f"--family=path:{tmp_path / 'scoring'}", "--json"]
    result = CliRunner().invoke(app, [*asked, "--url", server.grpc, "--patience=0"])
    forget(PACKAGE)
    assert result.exit_code == 0, result.stderr
    label, _ = json.loads(result.stdout)["outputs"]
    assert (label["shape"], label["data"]) == ([1, 1], [[1]])


def test_json_has_every_value(server: LocalServer) -> None:
    outputs = Ran(server, "scorer", "-i", "x=[[0, 2, 0, 0], [0, 0, 0, 1.5]]", "--json").outputs
    assert outputs["label"] == [[1], [3]]
    assert np.shape(outputs["logits"]) == (2, 1000) and outputs["logits"][1][3] == 1.5


VALUES: dict[str, Any] = {
    "BOOL": [[True, False]],
    "UINT8": [[0, 255]],
    "INT8": [[-128, 127]],
    "UINT16": [[0, 65535]],
    "INT16": [[-32768, 32767]],
    "INT32": [[-(2**31), 2**31 - 1]],
    "INT64": [[-(2**63), 2**63 - 1]],
    "FP16": [[0.5, 65504.0]],
    "FP32": [[0.25, "NaN", "Infinity", "-Infinity"]],
    "FP64": [[1e300, -0.1]],
    "BYTES": [["Köln", "", "a"]],
}


def test_each_type_comes_back_as_it_was_given(server: LocalServer, tmp_path: Path) -> None:
    given = [f"--input={name}:0={json.dumps(value)}" for name, value in VALUES.items()]
    asked = Ran(server, "echo", *given, "--json", "--out", tmp_path / "out.npz")
    assert asked.outputs == {f"{name}:1": value for name, value in VALUES.items()}
    kept = np.load(tmp_path / "out.npz")
    assert kept["FP16:1"].dtype == np.float16 and kept["INT64:1"].tolist() == VALUES["INT64"]
    assert kept["BYTES:1"].tolist() == [["Köln", "", "a"]]
    # What was written can be asked with again.
    np.savez(tmp_path / "in.npz", **{name.replace(":1", ":0"): kept[name] for name in kept.files})
    again = Ran(server, "echo", "--input", tmp_path / "in.npz", "--json")
    assert again.outputs == asked.outputs


def test_each_type_is_made_at_random_and_the_same_for_a_seed(server: LocalServer) -> None:
    shapes = [f"--shape={name}:0=2,3" for name in TYPES]
    first, second, other = (
        Ran(server, "echo", "--random", *shapes, "--json", "--seed", seed).outputs
        for seed in (1, 1, 2)
    )
    assert first == second != other
    assert all(np.shape(values) == (2, 3) for values in first.values())
    assert {value for row in first["INT64:1"] for value in row} <= {0, 1}


def test_a_file_of_bytes_is_the_elements(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(bytes(range(8)))
    given = [f"--input={name}:0={tmp_path / 'x.bin'}" for name in ("UINT8", "INT16")]
    shapes = ("--shape=UINT8:0=2,4", "--shape=INT16:0=4,1")
    outputs = Ran(server, "echo", "--random", *given, *shapes, "--json").outputs
    assert outputs["UINT8:1"] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert outputs["INT16:1"] == [[256], [770], [1284], [1798]]
    told = Ran(server, "echo", "--random", *given, "--shape=INT16:0=3,1").refused()
    assert "'INT16:0': expected bytes of INT16 in the shape [3, 1], 2 a value, found 8 by" in told
    assert "'UINT8:0': expected a shape with one free size at most, found [-1, -1]." in told


def test_texts_may_be_any_bytes(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\xff\0\1")
    ran = Ran(server, "bytes", f"--input=x={tmp_path / 'x.bin'}", "--out", tmp_path / "out.npz")
    assert ran.out.splitlines()[-1] == "  3 bytes: ff 00 01"
    assert np.load(tmp_path / "out.npz")["y"].tolist() == [b"\xff\0\1"]
    value = [{"b64": "/wAB"}, "a"]
    assert Ran(server, "bytes", f"--input=x={json.dumps(value)}", "--json").outputs == {"y": value}
    ran = Ran(server, "bytes", "--input", r'x=["a\u0000"]', "--out", tmp_path / "other.npz")
    assert ran.code == 1 and "ends in a zero byte" in ran.err


def test_texts_are_read_one_below_the_other(server: LocalServer, tmp_path: Path) -> None:
    values = ["Grüße", "a\nb\x1b[31m", "x" * 200]
    (tmp_path / "x.json").write_text(json.dumps([values]))
    ran = Ran(server, "echo", "--random", f"--input=BYTES:0={tmp_path / 'x.json'}")
    lines = ran.out.splitlines()
    at = lines.index("BYTES:1  BYTES [1, 3]")
    assert lines[at + 1 : at + 3] == ['  [0, 0]  "Grüße"', r'  [0, 1]  "a\nb\u001b[31m"']
    assert lines[at + 3].startswith('  [0, 2]  "xxx') and lines[at + 3].endswith("…")


def test_an_optional_input_may_be_left_out(server: LocalServer) -> None:
    assert Ran(server, "optional", "-i", "x=[1, 2]", "--json").outputs == {"y": [2, 4], "sum": [6]}
    given = ("-i", "x=[1, 2]", "-i", "factor=3", "--json")
    assert Ran(server, "optional", *given).outputs == {"y": [3, 6], "sum": [9]}


def test_a_request_to_a_model_of_sequences_is_one(server: LocalServer) -> None:
    assert Ran(server, "sequence", "-i", "x=0", "--json").outputs == {"ends": [[1, 1]]}


def test_every_mistake_is_told_at_once(server: LocalServer, tmp_path: Path) -> None:
    np.save(tmp_path / "double.npy", np.zeros((1, 1)))
    np.save(tmp_path / "object.npy", np.array([["a"]], object), allow_pickle=True)
    given = {
        "BOOL": "[[1]]",
        "INT8": "[[128]]",
        "UINT8": "[[-1]]",
        "INT32": "[[1.5]]",
        "FP16": "[[70000]]",
        "FP32": tmp_path / "double.npy",
        "FP64": "[[1, 2], [3]]",
        "INT64": "[1]",
        "BYTES": tmp_path / "object.npy",
        "INT16": "nowhere.npy",
        "INT161": "[[1]]",
    }
    told = Ran(
        server, "echo", *(f"--input={name}:0={value}" for name, value in given.items()),
        "--shape=UINT16:0=2", "--shape=nix=2", "nix=3" and "--shape=UINT16:0=2",
    ).refused()  # fmt: skip
    for sentence in (
        "tensor 'BOOL:0': expected true or false, found the number 1.",
        "tensor 'INT8:0': expected integers from -128 to 127, as INT8, found the number 128.",
        "tensor 'UINT8:0': expected integers from 0 to 255, as UINT8, found the number -1.",
        "tensor 'INT32:0': expected integers from -2147483648 to 2147483647, as INT32, found",
        "tensor 'FP16:0': expected numbers that FP16 can hold, found 70000.0.",
        "tensor 'FP32:0': expected FP32 (float32), found an array of float64. Convert it:",
        "tensor 'FP64:0': expected lists of one length at each level, found lengths [1, 2].",
        "tensor 'INT64:0': expected the shape [-1, -1], where -1 is any size, found [1].",
        "tensor 'BYTES:0': expected a .npy file of an array, found Python objects",
        "tensor 'INT16:0': expected JSON or a file, found no file 'nowhere.npy'",
        "tensor 'INT161:0': expected an input of the model: BOOL:0, ",
        "Did you mean 'INT16:0'?",
        "tensor 'UINT16:0': expected one shape, found several.",
        "tensor 'UINT16:0': expected a shape like [-1, -1], where -1 is any size, found [2].",
        "tensor 'nix': expected an input of the model",
    ):
        assert sentence in told, told


@pytest.mark.parametrize(
    ("model", "value", "remedy"),
    [
        ("scorer", "[1, 2, 3, 4]", "Add a first axis of size 1"),
        ("echo", "[1, 2]", "Add a first axis of size 1"),
        ("sequence", "[1]", "Add a first axis of size 1"),
        ("scorer", "[[1, 2, 3]]", "Give an array of that shape"),
    ],
)
def test_a_shape_is_mended_by_what_would_fit(
    server: LocalServer, model: str, value: str, remedy: str
) -> None:
    name = "FP32:0" if model == "echo" else "x"
    told = Ran(server, model, "--random", f"--input={name}={value}").refused()
    assert told.count("error") == 1 and remedy in told


def test_without_inputs_it_says_what_is_needed(server: LocalServer) -> None:
    told = Ran(server, "optional").refused()
    assert told == (
        "error [model-input] model 'optional', tensor 'x': expected FP32 [-1], found no value. "
        "Give one, or ask for random values (--input, --random).\n"
    )


@pytest.mark.parametrize("text", ["x", "=3", "x=", "x=[1", "x={}", 'x=["a"]', "x=hello"])
def test_what_is_no_value_is_a_sentence(server: LocalServer, text: str) -> None:
    told = Ran(server, "optional", "-i", text).refused()
    assert (
        told.startswith("error [model-input] model 'optional', tensor '")
        and "Traceback" not in told
    )


def test_a_model_that_is_not_there(server: LocalServer) -> None:
    told = Ran(server, "score", "-i", "x=1").refused(1)
    assert told.startswith("error: Request for unknown model: 'score' is not found")
    told = Ran(server, "scorer", "--random", "--model-version", "7").refused(1)
    assert "version 7" in told and told.count("\n") == 1


def test_the_pieces_of_an_answer_are_joined(server: LocalServer) -> None:
    assert Ran(server, "decoupled", "-i", "x=5", "--json").outputs == {"y": [5.0, 6.0, 7.0]}


def test_what_the_server_refuses_is_its_sentence(server: LocalServer) -> None:
    told = Ran(server, "scorer", "--random", "--shape", "x=65,4").refused(1)
    assert "batch-size must be <= 64" in told and told.count("\n") == 1


def test_no_server() -> None:
    result = CliRunner().invoke(app, ["infer", "x", "--url", "127.0.0.1:9", "--patience=0"])
    assert result.exit_code == 1
    assert (
        result.stderr
        == "error: no server answers at 127.0.0.1:9; start one with `python -m runtime serve`\n"
    )


def test_an_npz_that_is_none(server: LocalServer, tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04 cut", np.random.default_rng(0).bytes(100)):
        (tmp_path / "x.npz").write_bytes(content)
        assert (
            "expected a .npz file of arrays"
            in Ran(server, "scorer", "-i", tmp_path / "x.npz").refused()
        )
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((1, 4), np.float32), z=np.zeros(1))
    (tmp_path / "x.npz").write_bytes(buffer.getvalue())
    assert (
        "tensor 'z': expected an input of the model: x"
        in Ran(server, "scorer", "-i", tmp_path / "x.npz").refused()
    )
