"""Models that are asked for and are not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ServerFailed
from runtime.options.models import check_names, to_load

CALLS = 'parameters { key: "calls" value { string_value: "gone,b" } }'


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("ocr", "ocr_bls", "b", ".hidden"):
        (folder / name / "1").mkdir(parents=True)
    (folder / "manifest.json").touch()
    return folder


@pytest.mark.parametrize(
    ("models", "names"),
    [((), ("*",)), (("*",), ("*",)), (("ocr", "b", "ocr"), ("ocr", "b"))],
)
def test_what_is_there_is_served(
    repository: Path, models: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert to_load(repository, models) == names


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (("nothere",), "There is no model 'nothere'. "),
        (("ocrr",), "There is no model 'ocrr'; did you mean 'ocr'?"),
        (("ocr", "x", "y"), "There is no model 'x'. There is no model 'y'. "),
        (("oc*",), "There is no model 'oc*', and a name is no pattern; * alone is all models."),
        (("ocr[_]bls",), "a name is no pattern"),
        (("",), "A model's name is empty."),
        (("*", "ocr"), "Either all models (*) or these by name"),
        (("../models0/ocr",), "There is no model '../models0/ocr'"),
        (("ocr/",), "There is no model 'ocr/'"),
        (("manifest.json",), "There is no model 'manifest.json'"),
        ((".hidden",), "There is no model '.hidden'"),
    ],
)
def test_what_is_not_there_is_refused(repository: Path, models: tuple[str, ...], told: str) -> None:
    with pytest.raises(ServerFailed, match=re.escape(told)):
        to_load(repository, models)


@given(st.lists(st.text(), min_size=1))
def test_only_names_of_folders_are_taken(repository: Path, models: list[str]) -> None:
    there = {"ocr", "ocr_bls", "b", "*"}
    try:
        assert set(to_load(repository, models)) <= there
    except ServerFailed as refused:
        assert str(refused)


@pytest.mark.parametrize("models", [(), ("caller",)])
def test_what_a_models_code_calls_has_to_be_there(tmp_path: Path, models: tuple[str, ...]) -> None:
    for name in ("caller", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "caller" / "config.pbtxt").write_text(CALLS)
    with pytest.raises(ServerFailed, match="There is no model 'gone', which another model calls"):
        to_load(tmp_path, models)
    (tmp_path / "gone").mkdir()
    assert to_load(tmp_path, models) == (models or ("*",))


def test_a_repository_without_models_or_none_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").touch()
    with pytest.raises(ServerFailed, match="There is no model in"):
        to_load(tmp_path, ())
    with pytest.raises(ServerFailed, match="There is no model repository at"):
        to_load(tmp_path / "none", ("ocr",))


def test_of_many_names_the_first_are_told(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"m{number:03} ").mkdir()
    with pytest.raises(ServerFailed, match="So it is with 60 more") as refused:
        to_load(tmp_path, [f"{'x' * 3000}{number}" for number in range(100)])
    assert "m000 , " in str(refused.value) and "and 460 more." in str(refused.value)
    assert len(str(refused.value)) < 10_000
    with pytest.raises(ServerFailed, match="and 460 more here"):
        check_names(tmp_path, ["*"])
