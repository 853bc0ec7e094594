"""A config in one long line is read as the same one in many, and as soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.config.lines import LONGEST, parsed_lines
from repository.config.text import LARGEST_CONFIG, ConfigError, parse, read_config

INPUT = 'input { name: "a b # c \\" {" data_type: TYPE_FP32 dims: [1,-1] } '


def test_a_long_line_is_the_same_config() -> None:
    made = parse(f"{INPUT * 300}# {INPUT * 300}".encode(), "m")
    assert len(made.input) == 300
    assert {(each.name, *each.dims) for each in made.input} == {('a b # c " {', 1, -1)}


@given(st.text(st.sampled_from("ab1.-{}[]:,;<> \t\n\\\"'#/é\0"), max_size=4000))
def test_no_character_is_lost_and_lines_keep_their_numbers(text: str) -> None:
    lines, numbers = parsed_lines(text)
    told: dict[int, str] = {}
    for line, number in zip(lines, numbers, strict=True):
        told[number] = told.get(number, "") + line
    assert list(told.values()) == text.split("\n")
    assert list(told) == list(range(1, len(told) + 1))


def test_no_word_and_no_text_is_broken() -> None:
    words = [f"word{number}" for number in range(2000)]
    lines, _ = parsed_lines(" ".join(words))
    assert max(map(len, lines)) <= LONGEST and len(lines) > 10
    assert [word for line in lines for word in line.split()] == words
    text = f'name: "{"a " * 5000}"'
    assert text.removeprefix("name: ") in parsed_lines(text)[0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("unit", ["dims: 1 ", "zz:1,", "zz:[1,2],", INPUT])
@pytest.mark.parametrize("skip", [False, True])
def test_a_long_line_is_read_soon(unit: str, skip: bool) -> None:
    began = time.process_time()
    try:
        parse((unit * (300_000 // len(unit))).encode(), "m", skip_unknown=skip)
    except ConfigError as error:
        assert error.line == 1
    assert time.process_time() - began < 60


def test_the_line_of_a_mistake_is_the_files() -> None:
    text = f'platform: "p"\n{INPUT * 100}\nzz: 1\n'
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), "m")
    assert caught.value.line == 3


def test_a_config_that_is_huge_or_no_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "config.pbtxt").open("wb") as file:
        file.truncate(LARGEST_CONFIG + 1)
    with pytest.raises(ConfigError, match="more than 16,777,216 bytes"):
        read_config(tmp_path / "config.pbtxt")
    with pytest.raises(ConfigError, match="expected a file, found a folder"):
        read_config(tmp_path)
