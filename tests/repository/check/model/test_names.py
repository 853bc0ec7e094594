"""Names and paths that Triton passes on, to a shell, to Python, or to those who write URLs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tritonclient.grpc as triton_grpc
from google.protobuf import text_format
from hypothesis import example, given
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from repository.check.check import check_repository
from repository.check.model.names import check_names
from repository.check.model.paths import check_paths
from repository.config.proto import pb
from repository.files.plain import unsafe_characters
from repository.findings import errors
from repository.release import release
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer

RELEASE = release("24.10")

CONFIG = """
backend: "{backend}"
input {{ name: "x" data_type: TYPE_FP32 dims: -1 }}
output {{ name: "y" data_type: TYPE_FP32 dims: -1 }}
instance_group {{ count: 1 kind: KIND_CPU }}
"""

MODEL = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"


def write(repository: Path, name: str, backend: str = "python") -> Path:
    version = repository / name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(CONFIG.format(backend=backend))
    (version / "model.py").write_text(MODEL)
    return version.parent


def config(text: str, name: str = "m") -> pb.ModelConfig:
    made = text_format.Parse(text, pb.ModelConfig())
    made.name = name
    return made


def judged(repository: Path) -> list[tuple[str, str]]:
    """Severity and rule of each finding, but of those on files that the tests leave out."""
    return [
        (each.severity.value, each.rule)
        for each in check_repository(repository, RELEASE)
        if each.rule not in ("onnx-file", "model-file")
    ]


@pytest.mark.parametrize("name", ["my model", "it's", "a&b", "a;b", "a$HOME", "a(b)", "a\nb"])
@pytest.mark.parametrize("backend", ["python", "onnxruntime"])
def test_a_name_that_a_shell_takes_apart(tmp_path: Path, name: str, backend: str) -> None:
    write(tmp_path, name, backend)
    assert ("error", "shell-name") in judged(tmp_path)
    (found,) = [each for each in check_repository(tmp_path, RELEASE) if each.rule == "shell-name"]
    for character in unsafe_characters(name):
        assert ascii(character) in found.found
    assert str(found).isprintable()


def test_what_runs_in_no_stub_may_have_any_name(tmp_path: Path) -> None:
    write(tmp_path, "my model", "tensorrt")
    assert judged(tmp_path) == [("warning", "url-name")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('instance_group { name: "a b" }', "name of instance group 0"),
        ('instance_group { } instance_group { name: "a;b" }', "name of instance group 1"),
        ('default_model_filename: "a b.py"', "model's file name"),
        (
            'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "/srv/a b" } }',
            "parameter EXECUTION_ENV_PATH",
        ),
    ],
)
def test_all_that_a_stubs_command_line_holds(text: str, what: str) -> None:
    (found,) = check_names(config(text), "python")
    assert found.rule == "shell-name" and what in found.expected
    assert list(check_names(config(text), "tensorrt")) == []


def test_an_environment_that_is_unpacked_elsewhere() -> None:
    path = 'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "/srv/a b/env.tar.gz" } }'
    assert list(check_names(config(path), "python")) == []


@given(st.text(min_size=1))
@example("modèle")
def test_a_name_is_refused_exactly_where_a_shell_would_change_it(name: str) -> None:
    found = {each.rule for each in check_names(config("", name), "python")}
    assert ("shell-name" in found) == bool(unsafe_characters(name))
    assert ("ascii-name" in found) == (not name.isascii())


@pytest.mark.parametrize("backend", ["python", "onnxruntime"])
def test_a_name_outside_ascii_is_an_error_that_says_what_to_do(
    tmp_path: Path, backend: str
) -> None:
    write(tmp_path, "modèle", backend)
    assert judged(tmp_path) == [("error", "ascii-name"), ("warning", "url-name")]
    found = next(each for each in check_repository(tmp_path, RELEASE) if each.rule == "ascii-name")
    assert found.found == "'modèle'" and "Rename it, with letters from a to z" in found.remedy
    assert "in a UTF-8 locale too, and the model does not load" in found.remedy


def test_a_name_outside_ascii_that_no_stub_looks_for(tmp_path: Path) -> None:
    write(tmp_path, "modèle", "tensorrt")
    assert judged(tmp_path) == [("warning", "url-name")]
    group = 'instance_group { name: "groupe-é" }'
    path = 'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "/srv/é" } }'
    assert list(check_names(config(group + path), "python")) == []


def named_model(repository: Path) -> None:
    write(repository, "modèle")


def named_file(repository: Path) -> None:
    folder = write(repository, "file")
    (folder / "1" / "model.py").rename(folder / "1" / "modèle.py")
    with (folder / "config.pbtxt").open("a") as text:
        text.write('default_model_filename: "modèle.py"')


def named_stage(repository: Path) -> None:
    folder = write(repository, "stage")
    (folder / "1" / "stages").mkdir()
    (folder / "1" / "stages" / "étape.py").write_text(MODEL)
    load = 'import importlib\nTritonPythonModel = importlib.import_module("stages." + "étape")\n'
    (folder / "1" / "model.py").write_text(f"{load}class TritonPythonModel: execute = 1\n")
    with (folder / "config.pbtxt").open("a") as text:
        text.write('parameters { key: "stage" value { string_value: "étape" } }')


@pytest.mark.parametrize("make", [named_model, named_file, named_stage])
def test_no_server_loads_what_is_not_named_in_ascii(
    triton: LocalServer, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path)
    assert [each for each in judged(tmp_path) if each[1].startswith("ascii-")] == [
        ("error", "ascii-name")
    ]
    (folder,) = tmp_path.iterdir()
    copied = Path(shutil.copytree(folder, triton.repository / folder.name))
    with triton_grpc.InferenceServerClient(triton.grpc) as client:
        try:
            with pytest.raises(InferenceServerException, match=r"UnicodeEncode|ModuleNotFound"):
                client.load_model(folder.name)
        finally:
            shutil.rmtree(copied)


def test_a_group_named_outside_ascii_loads(triton: LocalServer) -> None:
    folder = write(triton.repository, "group")
    text = (folder / "config.pbtxt").read_text()
    (folder / "config.pbtxt").write_text(text.replace("count: 1", 'count: 1 name: "groupe-é"'))
    triton.control.load("group")


def test_a_file_that_a_python_model_cannot_open_is_a_warning(tmp_path: Path) -> None:
    folder = write(tmp_path, "m")
    (folder / "1" / "données").mkdir()
    (folder / "1" / "données" / "table").touch()
    (folder / "1" / "naïve.py").touch()
    (found,) = [each for each in check_repository(tmp_path, RELEASE) if each.rule == "ascii-file"]
    assert (found.severity.value, found.found) == ("warning", "2, as 'données/table'")
    (folder / "config.pbtxt").write_text(CONFIG.format(backend="tensorrt"))
    assert "ascii-file" not in [rule for _, rule in judged(tmp_path)]


@pytest.mark.parametrize("name", ["a-b", "-lead", "a..b", "a~b", ".a"])
def test_odd_names_that_load_are_no_findings(triton: LocalServer, name: str) -> None:
    write(triton.repository, name)
    assert [each for each in judged(triton.repository) if each[1] != "stray-folder"] == []
    triton.control.load(name)


@pytest.mark.parametrize("name", ["a#b", "a%b", "a+b", "a@b", "a!b", "a=b"])
def test_names_that_only_grpc_reaches(triton: LocalServer, name: str) -> None:
    folder = write(triton.repository, name)
    with triton_grpc.InferenceServerClient(triton.grpc) as client:
        client.load_model(name)
        assert client.is_model_ready(name)
    with pytest.raises(CallFailed):
        triton.control.load(name)
    own = [each for each in check_repository(folder.parent, RELEASE) if each.where == name]
    assert [(each.severity.value, each.rule) for each in own] == [("warning", "url-name")]


def test_a_repositorys_path_that_a_shell_takes_apart(tmp_path: Path) -> None:
    repository = tmp_path / "my models"
    write(repository, "m")
    (found,) = errors(check_repository(repository, RELEASE))
    assert (found.rule, found.found) == ("shell-path", "' '")
    safe = tmp_path / "models"
    safe.symlink_to(repository)
    assert errors(check_repository(safe, RELEASE)) == []
    (repository / "m" / "config.pbtxt").write_text(CONFIG.format(backend="tensorrt"))
    assert "shell-path" not in [rule for _, rule in judged(repository)]


def test_a_repositorys_path_outside_ascii(tmp_path: Path) -> None:
    repository = tmp_path / "modèles"
    write(repository, "m")
    (found,) = errors(check_repository(repository, RELEASE))
    assert (found.rule, found.where) == ("ascii-path", str(repository))
    assert found.found == ascii("è")
    assert errors(check_repository(repository, RELEASE, in_place=False)) == []


WARMUP = """
model_warmup {{ name: "w" batch_size: 1 inputs {{ key: "x" value {{
  data_type: TYPE_FP32 dims: 1 input_data_file: "{path}" }} }} }}
"""


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('runtime: "{path}"', "runtime-path"),
        ('default_model_filename: "{path}"', "outside-path"),
        ('cc_model_filenames {{ key: "8.0" value: "{path}" }}', "outside-path"),
        ('output {{ name: "y" label_filename: "{path}" }}', "outside-path"),
        (WARMUP, "outside-path"),
        (
            'sequence_batching {{ state {{ initial_state {{ name: "s" data_file: "{path}" }} }} }}',
            "outside-path",
        ),
    ],
)
def test_paths_that_lead_out(text: str, rule: str) -> None:
    for path in ("../x.so", "/tmp/x.so", "a/../../x", ".."):
        (found,) = check_paths(config(text.format(path=path)))
        assert found.rule == rule and found.found == f"'{path}'"
    for path in ("x.so", "a/b/x.so", "..x", "x.."):
        assert list(check_paths(config(text.format(path=path)))) == []


def test_a_library_of_operators_may_be_absolute() -> None:
    text = 'model_operations {{ op_library_filename: "{path}" }}'
    assert list(check_paths(config(text.format(path="/opt/lib/x.so")))) == []
    (found,) = check_paths(config(text.format(path="../x.so")))
    assert found.rule == "outside-path"
