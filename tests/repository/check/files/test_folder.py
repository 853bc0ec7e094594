# ruff: noqa: E501 -- one line a case
"""Folders and files: what the check says of a repository on disk, and what Triton does with it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repository.check.check import check_repository
from repository.check.files.completed import Target
from repository.check.rules import RULES, Triton
from repository.findings import Finding, errors
from repository.release import release
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from tests.builders.kit.repositories import refusal

RELEASE = release("24.10")
NAME = "chk_files"
NUMBERS = itertools.count()

MODEL = """
class TritonPythonModel:
    def execute(self, requests):
        return []
"""

CONFIG = """
backend: "python"
max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: -1 }
output { name: "y" data_type: TYPE_FP32 dims: -1 }
"""

NO_BACKEND = CONFIG.replace('backend: "python"', "")

Change = Callable[[Path], object]


def sound(folder: Path) -> Path:
    """A model folder without a mistake."""
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.py").write_text(MODEL)
    (folder / "config.pbtxt").write_text(CONFIG)
    return folder


def config(text: str) -> Change:
    content = text.encode(errors="surrogateescape")
    return lambda folder: (folder / "config.pbtxt").write_bytes(content)


def more(text: str) -> Change:
    return config(CONFIG + text)


def appended(content: bytes) -> Change:
    return lambda folder: (folder / "config.pbtxt").write_bytes(CONFIG.encode() + content)


def all_of(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for each in changes:
            each(folder)

    return change


def folders(*names: str) -> Change:
    return all_of(*(lambda folder, name=name: (folder / name).mkdir() for name in names))


def code(text: str) -> Change:
    return lambda folder: (folder / "1" / "model.py").write_text(text)


def rename(old: str, new: str) -> Change:
    return lambda folder: (folder / old).rename(folder / new)


STAGE = (
    'import importlib\nclass TritonPythonModel:\n    s = importlib.import_module("stages." + "x")\n'
    "    def execute(self, requests):\n        return []\n"
)


def staged(folder: Path) -> None:
    code(STAGE)(folder)
    more('parameters { key: "stage" value { string_value: "x" } }')(folder)


def emptied(folder: Path) -> None:
    (folder / "config.pbtxt").unlink()
    shutil.rmtree(folder / "1")


def warmed(folder: Path) -> None:
    more(
        'model_warmup { name: "w" batch_size: 1 inputs { key: "x" value {'
        ' data_type: TYPE_FP32 dims: 2 input_data_file: "absent" } } }'
    )(folder)


STATE = (
    'sequence_batching { state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 2'
    ' initial_state { name: "s" %s } } }'
)

# What is done to a sound folder -> the rules of all findings.
CASES: list[tuple[str, Change, set[str]]] = [
    ("sound", lambda folder: None, set()),
    ("syntax", config("backend: python"), {"config-syntax"}),
    ("two schedulers", more("dynamic_batching {} sequence_batching {}"), {"config-syntax"}),
    ("not text", lambda folder: (folder / "config.pbtxt").write_bytes(b"\xff"), {"config-syntax"}),
    ("not UTF-8 in a comment", appended(b"# gr\xf6\xdfe"), {"config-encoding"}),
    ("not UTF-8 in quotes", appended(b'parameters { key: "k" value { string_value: "# \xf6" } }'), {"config-encoding"}),
    ("not UTF-8 by an escape", appended(b"parameters { key: 'k' value { string_value: '\\366\\xdf' } }"), {"config-encoding"}),
    ("not UTF-8 in a tensor's name", config(CONFIG.replace('"x"', '"\udcf6"')), {"config-encoding"}),
    ("not UTF-8 in what a stub gets", appended(b'instance_group { name: "\xf6" }'), {"config-encoding", "ascii-name"}),
    ("not UTF-8 elsewhere", appended(b"gr\xf6: 3"), {"config-syntax"}),
    ("UTF-8 elsewhere", more("gr\xf6: 3"), {"config-syntax"}),
    ("a blank that is none", more("\xa0"), {"config-syntax"}),
    ("a NUL in a comment", more("# \0"), {"config-syntax"}),
    ("a byte order mark", config("\ufeff" + CONFIG), {"config-syntax"}),
    ("UTF-16", lambda folder: (folder / "config.pbtxt").write_bytes(CONFIG.encode("utf-16")), {"config-syntax"}),
    ("an escape that is none", more(r'parameters { key: "\q" }'), {"config-syntax"}),
    ("UTF-8", more('# \xf6\nparameters { key: "\xf6" value { string_value: "\\303\\266 \\u00f6" } }'), set()),
    ("carriage returns", config(CONFIG.replace("\n", "\r")), set()),
    ("unknown field", more("instance_groups { }"), {"unknown-field"}),
    ("later field", more("model_metrics { }"), {"unknown-field"}),
    ("name", more('name: "other"'), {"model-name"}),
    ("own name", lambda folder: more(f'name: "{folder.name}"')(folder), set()),
    ("no config", lambda folder: (folder / "config.pbtxt").unlink(), {"missing-config"}),
    ("stray", emptied, {"stray-folder"}),
    ("no version", lambda folder: shutil.rmtree(folder / "1"), {"no-version"}),
    ("leading zero", rename("1", "01"), {"no-version", "stray-version"}),
    ("version 0", rename("1", "0"), set()),
    ("assets", lambda folder: (folder / "assets").mkdir(), {"stray-version"}),
    ("an older copy of the version", folders("1_old"), {"stray-version"}),
    ("a copy of an older version", all_of(rename("1", "2"), folders("1.bak")), {"stray-version"}),
    ("a copy that the policy leaves out", all_of(more("version_policy { specific { versions: [1] } }"), folders("2_backup")), {"stray-version"}),
    ("a negative number beside", folders("-3"), {"stray-version"}),
    ("a number of nineteen digits", rename("1", "1234567890123456789"), set()),
    ("blanks before a number", folders(" 1"), {"stray-version"}),
    ("a hidden folder", folders(".ipynb_checkpoints"), {"stray-version"}),
    ("no backend", config(NO_BACKEND), set()),
    ("no backend, another folder first", all_of(config(NO_BACKEND), folders(".git")), {"backend", "stray-version"}),
    ("no backend, its folder first", all_of(config(NO_BACKEND), lambda folder: shutil.copytree(folder / "1", folder / "0_old")), {"stray-version"}),
    ("no backend, a file's name", config(NO_BACKEND + 'default_model_filename: "model.py"'), set()),
    ("no backend, another file's name", all_of(rename("1/model.py", "1/run.py"), config(NO_BACKEND + 'default_model_filename: "run.py"')), {"backend"}),
    ("warm-up without a size", all_of(warmed, lambda folder: config((folder / "config.pbtxt").read_text().replace("batch_size: 1", ""))(folder)), {"skipped-warmup"}),
    ("warmup", lambda folder: (folder / "warmup").mkdir(), set()),
    ("warm-up file", warmed, {"warmup"}),
    ("labels", more('output { name: "z" data_type: TYPE_INT8 dims: 1 label_filename: "l" }'), {"label-file"}),
    ("python syntax", code("def f(:"), {"python-model"}),
    ("null byte", code("x = 1\0"), {"python-model"}),
    ("no class", code("class Model:\n    pass\n"), {"python-model"}),
    ("a constant", code("TritonPythonModel = 3\n"), {"python-model"}),
    ("no execute", code("class TritonPythonModel:\n    pass\n"), {"no-execute"}),
    ("execute from elsewhere", code("class A:\n    def execute(self, r):\n        return []\n\nclass TritonPythonModel(A):\n    pass\n"), set()),
    ("execute by its name", code("class TritonPythonModel:\n    execute = lambda self, r: []\n"), set()),
    ("link to nothing", lambda folder: (folder / "gone").symlink_to("nowhere"), {"broken-link"}),
    ("link to nothing in a version", lambda folder: (folder / "1" / "gone").symlink_to("nowhere"), set()),
    ("environment that is none", lambda folder: (folder / "e.tar.gz").write_bytes(b"no") and more('parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/e.tar.gz" } }')(folder), {"execution-environment"}),
    ("environment without its script", lambda folder: (folder / "1" / "e").mkdir() or more('parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/1/e" } }')(folder), {"execution-environment"}),
    ("warm-up file too short", lambda folder: warmed(folder) or (folder / "warmup").mkdir() or (folder / "warmup" / "absent").write_bytes(b"1234567"), {"warmup"}),
    ("first state of another type", more(STATE % "data_type: TYPE_INT8 dims: 2 zero_data: true"), {"initial-state"}),
    ("first state of another size", more(STATE % "data_type: TYPE_FP32 dims: 3 zero_data: true"), {"initial-state"}),
    ("first state of nothing", more(STATE % "data_type: TYPE_FP32 dims: 2"), {"initial-state"}),
    ("first state without a file", more(STATE % 'data_type: TYPE_FP32 dims: 2 data_file: "absent"'), {"initial-state"}),
    ("first state", more(STATE % "data_type: TYPE_FP32 dims: 2 zero_data: true"), set()),
    ("no stage", staged, {"python-model"}),
    ("no plan", config(CONFIG.replace("python", "tensorrt")), {"model-file"}),
    ("environment", more('parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/../e" } }'), {"execution-environment"}),
    ("environment beside", more('parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY1" } }'), {"execution-environment"}),
]  # fmt: skip

# What no shared server should be asked to load: it would wait for ever, or end.
BREAKING: list[tuple[str, Change, set[str]]] = [
    ("no model.py", lambda folder: (folder / "1" / "model.py").unlink(), {"python-file"}),
    ("number first", lambda folder: (folder / "2abc").mkdir(), {"version-name"}),
    (
        "number first, all versions",
        all_of(more("version_policy { all {} }"), folders("-2")),
        {"version-name"},
    ),
    (
        "number first, chosen",
        all_of(more("version_policy { specific { versions: [2] } }"), folders("2_x")),
        {"version-name"},
    ),
    ("negative", rename("1", "-1"), {"version-name"}),
    (
        "a stub that is none",
        lambda folder: (folder / "triton_python_backend_stub").write_bytes(b""),
        {"stub-file"},
    ),
    ("too large", lambda folder: (folder / ("9" * 20)).mkdir(), {"version-name"}),
]


@pytest.fixture
def folder(triton: LocalServer) -> Iterator[Path]:
    """A model of a name of its own, which stays loaded: Triton takes a second to unload one, and
    can end if another is loaded in that moment."""
    path = sound(triton.repository / f"{NAME}_{next(NUMBERS)}")
    yield path
    shutil.rmtree(path)


def own(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.where.startswith(NAME)]


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("change", "expected"), [pytest.param(*c[1:], id=c[0]) for c in CASES])
def test_folder_is_judged_as_triton_judges(
    triton: LocalServer, folder: Path, change: Change, expected: set[str]
) -> None:
    change(folder)
    found = own(check_repository(triton.repository, RELEASE))
    assert {finding.rule for finding in found} == expected
    refused = any(RULES[finding.rule].triton is Triton.REFUSES for finding in found)
    said = refusal(triton, folder.name)
    assert bool(said) is refused, said


@pytest.mark.parametrize(("change", "expected"), [pytest.param(*c[1:], id=c[0]) for c in BREAKING])
def test_what_breaks_the_server_is_named(
    tmp_path: Path, change: Change, expected: set[str]
) -> None:
    folder = sound(tmp_path / NAME)
    change(folder)
    found = errors(check_repository(tmp_path, RELEASE))
    assert {finding.rule for finding in found} == expected
    assert any(RULES[rule].triton is Triton.BREAKS for rule in expected)


@pytest.mark.slow
@pytest.mark.parametrize("change", [pytest.param(c[1], id=c[0]) for c in BREAKING])
def test_what_breaks_the_server_breaks_it(
    serve: Callable[..., LocalServer], tmp_path: Path, change: Change
) -> None:
    """On a server of its own: the load does not end within ten seconds, or the server does."""
    change(sound(tmp_path / NAME))
    server = serve(tmp_path, load=())
    with pytest.raises(CallFailed, match="No answer"):
        server.control.request(
            "POST", f"/v2/repository/models/{NAME}/load", b"{}", timeout_seconds=10.0
        )


def test_all_findings_name_place_and_remedy(tmp_path: Path) -> None:
    for name, change, _ in (*CASES, *BREAKING):
        change(sound(tmp_path / name.replace(" ", "_").replace(".", "_")))
    found = check_repository(tmp_path, RELEASE)
    assert {rule for _, _, expected in (*CASES, *BREAKING) for rule in expected} <= {
        finding.rule for finding in found
    }
    for finding in found:
        assert finding.where
        assert finding.expected
        assert finding.found
        assert finding.remedy.endswith(".")


def test_syntax_error_names_the_line(tmp_path: Path) -> None:
    folder = sound(tmp_path / NAME)
    (folder / "config.pbtxt").write_text('backend: "python"\nmax_batch_size: many\n')
    (finding,) = check_repository(tmp_path, RELEASE)
    assert finding.where == f"{NAME}/config.pbtxt:2"


def test_unknown_field_does_not_hide_the_other_mistakes(tmp_path: Path) -> None:
    folder = sound(tmp_path / NAME)
    (folder / "config.pbtxt").write_text(CONFIG.replace("dims: -1", "dims: 0") + "colour: 3\n")
    found = {finding.rule for finding in check_repository(tmp_path, RELEASE)}
    assert found == {"unknown-field", "tensor-dims"}


def test_folder_that_is_none_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent", tmp_path / "file"):
        (finding,) = check_repository(path, RELEASE)
        assert finding.rule == "repository"
    (tmp_path / "empty").mkdir()
    (finding,) = check_repository(tmp_path / "empty", RELEASE)
    assert finding.rule == "repository"


def test_calls_in_code_are_followed(tmp_path: Path) -> None:
    call = 'def ask():\n    return pb_utils.InferenceRequest(model_name="{}")\n' + MODEL
    for name, called in (("a", "b"), ("b", "a"), ("c", "absent")):
        folder = sound(tmp_path / name)
        (folder / "1" / "model.py").write_text(call.format(called))
    found = {(finding.rule, finding.where) for finding in check_repository(tmp_path, RELEASE)}
    assert found == {("self-call", "a"), ("self-call", "b"), ("unknown-call", "c")}


pieces = st.sampled_from(
    ["config.pbtxt", "1", "01", "2x", "model.py", "model.onnx", "warmup", ".git", "flow.json"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.lists(pieces, min_size=1, max_size=3).map(tuple), st.binary(max_size=40), max_size=6
    ),
    text=st.sampled_from(
        ["", 'backend: "onnxruntime"', 'backend: "python"', 'platform: "ensemble"']
    ),
)
def test_any_folder_is_findings_and_never_an_exception(
    tmp_path: Path, files: dict[tuple[str, ...], bytes], text: str
) -> None:
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    for parts, content in files.items():
        path = tmp_path.joinpath("model", *parts)
        if not path.is_dir() and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if path.name == "config.pbtxt" and text else content)
    for target in Target:
        for finding in check_repository(tmp_path, RELEASE, target=target):
            assert isinstance(finding, Finding)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_config_is_a_finding(tmp_path: Path) -> None:
    folder = sound(tmp_path / NAME)
    (folder / "config.pbtxt").chmod(0)
    (finding,) = check_repository(tmp_path, RELEASE)
    assert finding.rule == "unreadable"


def test_config_that_is_a_folder_or_a_loop_is_a_finding(tmp_path: Path) -> None:
    folder = sound(tmp_path / "loop")
    (folder / "config.pbtxt").unlink()
    (folder / "config.pbtxt").symlink_to("config.pbtxt")
    (sound(tmp_path / "nested") / "config.pbtxt").unlink()
    (tmp_path / "nested" / "config.pbtxt").mkdir()
    found = {finding.where: finding.rule for finding in check_repository(tmp_path, RELEASE)}
    assert found["loop/config.pbtxt"] == "unreadable"
    assert found["nested/config.pbtxt"] == "unreadable"


def test_small_repository_is_checked_without_heavy_imports(tmp_path: Path) -> None:
    sound(tmp_path / NAME)
    script = (
        "import sys, time; from pathlib import Path\n"
        "from repository.check.check import check_repository\n"
        "from repository.release import release\n"
        f"assert check_repository(Path({str(tmp_path)!r}), release('24.10')) == []\n"
        "print([name for name in ('onnx', 'onnxruntime', 'grpc', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "code", ["try:\n    pass\nexcept* ValueError:\n    pass\n", "def f(:\n", "\0"]
)
def test_a_stage_in_a_newer_python_than_tritons_is_an_error(tmp_path: Path, code: str) -> None:
    """The build, which runs it in its own, takes it."""
    staged(sound(tmp_path / NAME))
    stages = tmp_path / NAME / "1" / "stages"
    stages.mkdir()
    (stages / "x.py").write_text("from . import y\n")
    (stages / "y.py").write_text("")
    assert errors(check_repository(tmp_path, RELEASE)) == []
    (stages / "y.py").write_text(code)
    (found,) = errors(check_repository(tmp_path, RELEASE))
    assert found.rule == "python-model" and found.where.startswith(f"{NAME}/1/stages/y.py")
    assert "Python 3.10" in found.expected
