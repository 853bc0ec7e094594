"""Which lines of a conversation are commands, and the files that they name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.chat.commands import NAMES, command_of, path_of
from clients.cli.chat.given import NotSaid
from clients.cli.chat.lines import completions


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/new", ("/new", "")),
        ("/quit  ", ("/quit", "")),
        ("/image  my photo.jpg ", ("/image", "my photo.jpg")),
        ("/system Be brief.", ("/system", "Be brief.")),
        ("/system", ("/system", "")),
        ("hello", None),
        (" /new", None),
        ("/tmp/page.png is what?", None),
        ("/ 2", None),
        ("5/image", None),
    ],
)
def test_a_line_is_a_command_or_a_message(line: str, command: tuple[str, str] | None) -> None:
    assert command_of(line) == command


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/imag photo.jpg", "there is no command /imag; there are: /help, /image"),
        ("/image", "as /image photo.jpg, found none"),
        ("/new topic", "/new: expected nothing behind it, found 'topic'"),
    ],
)
def test_a_mistaken_command_is_told(line: str, told: str) -> None:
    with pytest.raises(NotSaid) as refused:
        command_of(line)
    assert told in str(refused.value)


@given(st.text() | st.builds(" ".join, st.lists(st.sampled_from(NAMES) | st.text())))
def test_any_line_is_one_of_them(line: str) -> None:
    try:
        found = command_of(line)
    except NotSaid:
        assert line.startswith("/")
    else:
        assert found is None or (found[0] in NAMES and line.startswith(found[0]))


@pytest.mark.parametrize("written", ["{}", "'{}'", '"{}"'])
def test_a_file_may_be_quoted(tmp_path: Path, written: str) -> None:
    photo = tmp_path / "my photo.jpg"
    photo.touch()
    assert path_of(written.format(photo)) == photo
    assert path_of(str(photo).replace(" ", r"\ ")) == photo


def test_a_file_is_named_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("it's.jpg", "'quoted'", "a  b", r"back\slash"):
        (tmp_path / name).touch()
        assert path_of(f"~/{name}") == tmp_path / name


@given(st.text())
def test_any_text_is_a_path(text: str) -> None:
    path_of(text)


def test_names_and_files_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("photos/one.jpg", "photos/two words.jpg", "page.png", ".hidden"):
        (tmp_path / name).touch()
    assert completions("/i", NAMES) == ["/image "]
    assert completions("", NAMES) == completions("hello", NAMES) == []
    assert completions("/image p", NAMES) == ["/image page.png", "/image photos/"]
    assert completions("/image ", NAMES) == ["/image page.png", "/image photos/"]
    assert completions("/image .h", NAMES) == ["/image .hidden"]
    assert completions("/image photos/t", NAMES) == ["/image photos/two words.jpg"]
    assert completions(f"/image {tmp_path}/ph", NAMES) == [f"/image {tmp_path}/photos/"]
    assert completions("/image nowhere/", NAMES) == completions("/system p", NAMES) == []


@given(st.text())
def test_anything_can_be_completed(begun: str) -> None:
    completions(begun, NAMES)
    completions(f"/image {begun}", NAMES)
