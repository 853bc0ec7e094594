"""Paths and names that a shell or a locale would change."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from repository.files import plain
from repository.places import ROOT
from runtime.errors import ServerFailed
from runtime.guard import state
from runtime.machine.environment import ServerEnvironment
from runtime.options.models import check_names
from tests.conftest import Serve
from tests.runtime.fixtures import Ensemble, Infer, PythonModel

SIGNS = ["my models", "it's", "a&b", "a;b", "a$HOME", "(a)", "`a`", 'a"b', "a|b", "a>b", "a*", "~"]


@pytest.mark.parametrize("name", ['modèles d\'été; $HOME (a) & `c` "d"'])
def test_a_repository_whose_path_a_shell_would_change_is_served(
    serve: Serve, tmp_path: Path, python_model: PythonModel, infer: Infer, name: str
) -> None:
    repository = tmp_path / name
    python_model(repository, "sleeper")
    before = sorted(repository.rglob("*"))
    server = serve(repository)
    assert server.repository == repository
    assert infer(server.control, "sleeper", [0.0]) == [0.0]
    server.stop()
    assert sorted(repository.rglob("*")) == before


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_the_servers_own_files_lie_where_a_shell_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    folder = tmp_path / "my files"
    folder.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv(variable, str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert plain.is_plain(state.base_folder())


def test_a_locale_of_utf_8_stays(
    server_environment: ServerEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert "LC_ALL" not in server_environment.variables()
    for without in ("C", "POSIX", "xx_XX.UTF-8", ""):  # one of them is not installed
        monkeypatch.setenv("LANG", without)
        assert server_environment.variables()["LC_ALL"] == "C.UTF-8"


def test_the_container_has_a_locale_of_utf_8() -> None:
    assert "\nENV LC_ALL=C.UTF-8\n" in (ROOT / "runtime" / "Containerfile").read_text()


@pytest.mark.parametrize("name", [*SIGNS, "modèle"])
def test_a_model_whose_name_a_shell_would_change_is_refused(
    tmp_path: Path, python_model: PythonModel, ensemble: Ensemble, name: str
) -> None:
    python_model(tmp_path, name)
    python_model(tmp_path, "good")
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "config.pbtxt").write_text(f'step {{ model_name: "{name}" }}')
    check_names(tmp_path, ["good"])
    for models in (["*"], [name], ["good", name]):
        with pytest.raises(ServerFailed, match="cannot run '"):
            check_names(tmp_path, models)
    if '"' not in name:
        with pytest.raises(ServerFailed, match="cannot run '"):
            check_names(tmp_path, ["both"])


def test_a_model_whose_files_name_a_shell_would_change_is_refused(
    tmp_path: Path, python_model: PythonModel
) -> None:
    python_model(tmp_path, "good", rest='default_model_filename: "model.py"')
    check_names(tmp_path, ["*"])
    python_model(tmp_path, "bad", rest='default_model_filename: "my model.py"')
    with pytest.raises(ServerFailed, match=r"cannot run 'my model\.py' of 'bad' here"):
        check_names(tmp_path, ["*"])


def test_an_ensemble_may_have_any_name(
    tmp_path: Path, python_model: PythonModel, ensemble: Ensemble
) -> None:
    python_model(tmp_path, "good")
    ensemble(tmp_path, "all of it", ["good"])
    check_names(tmp_path, ["*"])
    assert not plain.is_plain("all of it")
