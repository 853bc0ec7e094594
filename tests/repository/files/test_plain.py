"""Paths and names that bash takes as they stand."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from repository.files import plain
from repository.files.plain import unsafe_characters

SIGNS = (" ", "'", "&", ";", "$", "(", "`", '"', "|", ">", "*")


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
def test_a_word_with_a_sign_of_the_shell_is_not_plain(sign: str) -> None:
    assert not plain.is_plain(f"a{sign}b")


def test_a_home_folder_is_not_plain() -> None:
    assert not plain.is_plain("~")


def test_an_ordinary_path_is_plain_and_letters_beyond_ascii_are_not() -> None:
    assert plain.is_plain("/srv/models-2/a_b.c")
    assert not plain.is_plain("/srv/modèles")
