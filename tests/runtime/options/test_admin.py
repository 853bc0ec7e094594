"""What a stranger can do to a server: nothing but ask its models."""

from __future__ import annotations

import base64
import http.client
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from tritonclient.grpc import service_pb2, service_pb2_grpc

from repository.places import ROOT
from runtime import processes
from runtime.errors import ServerFailed
from runtime.guard import state
from runtime.machine.environment import ServerEnvironment
from runtime.options import admin
from runtime.server.server import LocalServer
from tests.conftest import Serve
from tests.runtime.fixtures import PythonModel

grpc = pytest.importorskip("grpc")

MODEL = "sleeper"
HTTP_CALLS = [
    ("model-repository", "POST", "/v2/repository/index"),
    ("model-repository", "POST", f"/v2/repository/models/{MODEL}/load"),
    ("model-repository", "POST", f"/v2/repository/models/{MODEL}/unload"),
    *(
        ("shared-memory", method, f"/v2/{kind}sharedmemory{rest}")
        for kind in ("system", "cuda")
        for method, rest in (
            ("GET", "/status"),
            ("GET", "/region/r/status"),
            ("POST", "/region/r/register"),
            ("POST", "/region/r/unregister"),
            ("POST", "/unregister"),
        )
    ),
    ("trace", "GET", "/v2/trace/setting"),
    ("trace", "POST", "/v2/trace/setting"),
    ("trace", "GET", f"/v2/models/{MODEL}/trace/setting"),
    ("trace", "POST", f"/v2/models/{MODEL}/trace/setting"),
    ("logging", "GET", "/v2/logging"),
    ("logging", "POST", "/v2/logging"),
]
GRPC_CALLS = [
    ("model-repository", "RepositoryIndex", {}),
    ("model-repository", "RepositoryModelLoad", {"model_name": MODEL}),
    ("model-repository", "RepositoryModelUnload", {"model_name": MODEL}),
    *(
        ("shared-memory", f"{kind}SharedMemory{act}", {"name": "r"})
        for kind in ("System", "Cuda")
        for act in ("Status", "Register", "Unregister")
    ),
    ("trace", "TraceSetting", {}),
    ("trace", "TraceSetting", {"model_name": MODEL}),
    ("logging", "LogSettings", {}),
]
REFUSAL = "is restricted, expecting header"


@pytest.fixture(scope="module")
def server(
    server_environment: ServerEnvironment,
    python_model: PythonModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("admin")
    python_model(folder, MODEL)
    with LocalServer(folder, environment=server_environment) as started:
        yield started


def over_http(
    server: LocalServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.http, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, b"{}" if method == "POST" and not body else body, named)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def over_grpc(server: LocalServer, call: str, fields: dict[str, str], key: str = "") -> str:
    """One call as any program can make it; the error's text, empty if it was answered."""
    with grpc.insecure_channel(server.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = getattr(service_pb2, f"{call}Request")(**fields)
        metadata = [(admin.GRPC_HEADER, key)] if key else []
        try:
            getattr(stub, call)(request, metadata=metadata, timeout=60)
        except grpc.RpcError as error:
            return str(error.details())
        return ""


@pytest.mark.parametrize(("group", "method", "path"), HTTP_CALLS)
def test_over_http_a_call_that_changes_the_server_asks_for_the_key(
    server: LocalServer, group: str, method: str, path: str
) -> None:
    assert group in admin.GROUPS
    wrong = "0" * len(server.admin_key)
    refused: tuple[dict[str, str], ...] = ({}, {"key": wrong}, {"admin_key": wrong})
    for headers in refused:
        status, text = over_http(server, method, path, None, **headers)
        assert (status, json.loads(text)["error"]) == (403, f"This API {REFUSAL} 'admin-key'")
    status, text = over_http(server, method, path, admin_key=server.admin_key)
    assert status != 403, text
    assert REFUSAL not in text


@pytest.mark.parametrize(("group", "call", "fields"), GRPC_CALLS)
def test_over_grpc_a_call_that_changes_the_server_asks_for_the_key(
    server: LocalServer, group: str, call: str, fields: dict[str, str]
) -> None:
    assert group in admin.GROUPS
    assert REFUSAL in over_grpc(server, call, fields)
    assert REFUSAL in over_grpc(server, call, fields, key="0" * len(server.admin_key))
    assert REFUSAL not in over_grpc(server, call, fields, key=server.admin_key)


def test_no_call_of_the_protocol_is_left_out() -> None:
    """What else there is only asks: a new call of Triton's has to be looked at first."""
    asking = {"ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata"}
    asking |= {"ModelConfig", "ModelInfer", "ModelStreamInfer", "ModelStatistics"}
    known = {name for name in vars(service_pb2_grpc.GRPCInferenceServiceServicer) if name[0] != "_"}
    assert known == asking | {call for _, call, _ in GRPC_CALLS}


def test_a_page_in_a_browser_cannot_run_code(server: LocalServer, tmp_path: Path) -> None:
    """A text/plain POST is sent without asking the server first, whatever page it comes from."""
    proof = tmp_path / "ran"
    model = f"open({str(proof)!r}, 'w')\nclass TritonPythonModel:\n    pass\n"
    config = {
        "backend": "python",
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [1]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [1]}],
    }
    body = json.dumps(
        {
            "parameters": {
                "config": json.dumps(config),
                "file:1/model.py": base64.b64encode(model.encode()).decode(),
            }
        }
    ).encode()
    path = "/v2/repository/models/evil/load"
    sent = {"Content_Type": "text/plain;charset=UTF-8", "Origin": "https://evil.example"}
    assert over_http(server, "POST", path, body, **sent)[0] == 403
    assert not proof.exists()
    assert [each.name for each in server.control.index()] == [MODEL]
    # The very same runs it where the group is open, as the key shows.
    over_http(server, "POST", path, body, admin_key=server.admin_key, **sent)
    assert proof.exists()


def test_the_key_is_in_no_log_no_answer_and_no_command_line(server: LocalServer) -> None:
    key = server.admin_key
    assert len(key) == 64
    assert key not in "\n".join(server.log_lines)
    for pid in (server.pid, *processes.children(server.pid)):
        assert key not in " ".join(processes.arguments(pid))
    for path in ("/v2", f"/v2/models/{MODEL}/config", "/v2/models/stats", "/v2/logging"):
        assert key not in over_http(server, "GET", path)[1]
        assert key not in over_http(server, "GET", path, admin_key=key)[1]
    assert key not in over_grpc(server, "LogSettings", {})


def test_the_key_is_in_a_file_that_only_its_user_reads_and_in_no_child(server: LocalServer) -> None:
    server.control.load(MODEL)
    stubs = [pid for pid in processes.children(server.pid) if processes.is_running(pid)]
    variables = [Path(f"/proc/{pid}/environ").read_bytes() for pid in stubs]
    assert variables
    assert not any(server.admin_key.encode() in each for each in variables)
    (identity,) = {
        each.partition(b"=")[2].decode()
        for each in variables[0].split(b"\0")
        if each.startswith(state.VARIABLE.encode())
    }
    holding = [
        path
        for path in (state.base_folder() / identity).rglob("*")
        if path.is_file() and server.admin_key.encode() in path.read_bytes()
    ]
    assert [path.name for path in holding] == [admin.HEADER]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
    assert holding[0].stat().st_uid == os.getuid()


UNTRACED = """
import sys
from pathlib import Path
from runtime import processes
from runtime.server import logs
from runtime.server.server import LocalServer
from tests.runtime import forbid

forbid.tracing()
with LocalServer(Path(sys.argv[1]), load=()) as server:
    assert server.admin_key in " ".join(processes.arguments(server.pid))
    server.control.index()
    logs.Printer("warning", print)(server.log_lines[0])
"""


def test_where_the_key_cannot_be_hidden_the_log_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTRACED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "warning: other users of this machine can read the admin key in /proc/" in done.stdout


def test_inference_needs_no_key(server: LocalServer, infer: Callable[..., list[float]]) -> None:
    server.control.load(MODEL)
    assert infer(server.control, MODEL, [0.0, 2.0]) == [0.0, 2.0]
    with grpcclient.InferenceServerClient(server.grpc) as client:
        tensor = grpcclient.InferInput("x", [1], "FP32")
        tensor.set_data_from_numpy(np.zeros(1, np.float32))
        answer = client.infer(MODEL, [tensor]).as_numpy("y")
        assert answer is not None and answer.tolist() == [0.0]


@pytest.mark.parametrize("group", admin.GROUPS)
def test_a_group_that_was_opened_is_open_and_the_others_are_not(group: str) -> None:
    for option in admin.restricted([group]):
        closed = option.partition("=")[2].partition(":")[0].split(",")
        assert closed == [other for other in admin.GROUPS if other != group]


def test_an_open_group_is_open_on_both_protocols(triton: LocalServer) -> None:
    assert over_http(triton, "POST", "/v2/repository/index")[0] == 200
    assert over_grpc(triton, "RepositoryIndex", {}) == ""
    assert over_http(triton, "GET", "/v2/logging")[0] == 403
    assert REFUSAL in over_grpc(triton, "LogSettings", {})


def test_with_all_groups_open_nothing_is_restricted() -> None:
    assert admin.restricted(list(admin.GROUPS)) == []


def test_a_group_that_triton_does_not_have_is_a_sentence() -> None:
    with pytest.raises(ServerFailed, match="There is no group everything to open; there are model"):
        admin.restricted(["everything"])


@pytest.mark.parametrize("option", ["--allow-sagemaker", "--allow-vertex-ai=1"])
def test_services_that_know_no_key_are_refused(option: str) -> None:
    with pytest.raises(ServerFailed, match="listens on every address and asks for no key"):
        admin.checked([option], [])
    assert option in admin.checked([option], list(admin.GROUPS))


def test_restrictions_of_the_users_own_are_taken_where_they_take_nothing_away() -> None:
    own = "--http-restricted-api=statistics,metadata:my-key=1"
    assert own in admin.checked([own], [])
    with pytest.raises(ServerFailed, match="names logging"):
        admin.checked(["--grpc-restricted-protocol=health,logging:my-key=1"], [])
    theirs = "--grpc-restricted-protocol=logging:my-key=1"
    assert theirs in admin.checked([theirs], ["logging"])
    with pytest.raises(ServerFailed, match="after one -- only"):
        admin.checked(["--id=mine", "--"], [])


def test_settings_of_vertex_ai_do_not_reach_the_server(
    server_environment: ServerEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIP_MODE", "PREDICTION")
    assert not any(name.startswith("AIP_") for name in server_environment.variables())


@pytest.mark.slow
def test_a_setting_of_the_environment_opens_no_other_service(
    serve: Serve, tmp_path: Path, python_model: PythonModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vertex AI's service would take the place of HTTP, on every address."""
    python_model(tmp_path / "models", MODEL)
    for name, value in {"MODE": "PREDICTION", "HTTP_PORT": "0", "PREDICT_ROUTE": "/p"}.items():
        monkeypatch.setenv(f"AIP_{name}", value)
    monkeypatch.setenv("AIP_HEALTH_ROUTE", "/h")
    server = serve(tmp_path / "models")
    assert server.control.is_live()
    assert not any("Vertex" in line for line in server.log_lines if "Started" in line)
