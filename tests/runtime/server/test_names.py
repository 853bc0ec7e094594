"""Paths and names that a shell or a locale would change."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from repository.files import plain
from repository.files.plain import unsafe_characters
from runtime.errors import ServerFailed
from runtime.guard import state
from runtime.machine.environment import ROOT, ServerEnvironment
from runtime.options import models as wanted
from tests.conftest import Serve
from tests.runtime.fixtures import Ensemble, Infer, PythonModel

SIGNS = ["my models", "it's", "a&b", "a;b", "a$HOME", "(a)", "`a`", 'a"b', "a|b", "a>b", "a*", "~"]


@pytest.mark.parametrize(
    ("path", "unsafe"),
    [
        ("/srv/models/détecter-1.0_b", ""),
        ("/srv/a~b#c", ""),
        ("/srv/my models", " "),
        ("it's", "'"),
        ("a&b;c&d", "&;"),
        ("$HOME/(x)", "$()"),
        ("a\nb\tc", "\n\t"),
        ("~root", "~"),
        ("a=~/b", "~"),
        ("#one", "#"),
        ("a{b,c}[d]*?", "{[*?"),
        ('`a`|b<c>d\\e"f!', '`|<>\\"'),
        ("\x01\r!%]}", ""),
    ],
)
def test_characters_at_fault_are_named_in_order(path: str, unsafe: str) -> None:
    assert unsafe_characters(path) == unsafe
    assert unsafe_characters(Path(path)) == unsafe


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(
            st.one_of(
                st.sampled_from(
                    "aZ0_-./:,+@%=^~# '\"$&;(){}[]*?!<>|`\\\n\t\r\x01\x7fé\u3000\u00a0"
                ),
                st.characters(min_codepoint=1, exclude_categories=["Cs"]),
            ),
            min_size=1,
        )
    )
)
@example(["a=~", "a=b:~/c", "a:~", "b~", "~a", "#", "a#"])
def test_safe_words_pass_through_bash_unchanged(words: list[str]) -> None:
    safe = [word for word in words if not unsafe_characters(word)]
    line = " ".join(["printf '%s\\0' begin", *safe])
    for locale in ("C", "C.UTF-8"):
        done = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            check=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": locale, "HOME": "/home/nobody"},
        )
        assert done.stdout.decode().split("\0")[:-1] == ["begin", *safe]


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_of_a_shell_are_not_plain(sign: str) -> None:
    assert not plain.is_plain(sign)


def test_an_ordinary_path_is_plain_and_letters_beyond_ascii_are_not() -> None:
    assert plain.is_plain("/srv/models-2/a_b.c")
    assert not plain.is_plain("/srv/modèles")


@pytest.mark.parametrize("name", ['modèles d\'été; $HOME (a) & `c` "d"'])
def test_a_repository_whose_path_a_shell_would_change_is_served(
    serve: Serve, tmp_path: Path, python_model: PythonModel, infer: Infer, name: str
) -> None:
    repository = tmp_path / name
    python_model(repository, "sleeper")
    before = sorted(repository.rglob("*"))
    server = serve(repository, start_timeout_seconds=60)
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
    wanted.check_names(tmp_path, ["good"])
    for models in (["*"], [name], ["good", name]):
        with pytest.raises(ServerFailed, match="cannot run '"):
            wanted.check_names(tmp_path, models)
    if '"' not in name:
        with pytest.raises(ServerFailed, match="cannot run '"):
            wanted.check_names(tmp_path, ["both"])


def test_a_model_whose_files_name_a_shell_would_change_is_refused(
    tmp_path: Path, python_model: PythonModel
) -> None:
    python_model(tmp_path, "good", rest='default_model_filename: "model.py"')
    wanted.check_names(tmp_path, ["*"])
    python_model(tmp_path, "bad", rest='default_model_filename: "my model.py"')
    with pytest.raises(ServerFailed, match=r"cannot run 'my model\.py' of 'bad' here"):
        wanted.check_names(tmp_path, ["*"])


def test_an_ensemble_may_have_any_name(
    tmp_path: Path, python_model: PythonModel, ensemble: Ensemble
) -> None:
    python_model(tmp_path, "good")
    ensemble(tmp_path, "all of it", ["good"])
    wanted.check_names(tmp_path, ["*"])
    assert not plain.is_plain("all of it")
