"""Families that a profile names by their folders: what is right is found, all else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.recipe.recipe import make_recipe


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def profile(folder: Path, families: str) -> Path:
    return write(folder / "mine.yaml", f"triton: 24.10\nfamilies:\n  {families}\n")


def test_a_path_of_code_starts_at_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a" / "mine" / "family.py", "")
    path = profile(tmp_path / "a", 'mine: {code: "path:./mine"}')
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    assert load_profile(path).code == {"mine": tmp_path / "a" / "mine"}
    assert load_profile("../a/mine.yaml").code == {"mine": tmp_path / "a" / "mine"}
    monkeypatch.setenv("HOME", str(tmp_path / "a"))
    home = profile(tmp_path / "b", 'mine: {code: "path:~/mine"}')
    assert load_profile(home).code == {"mine": tmp_path / "a" / "mine"}


CODE = {
    "path:./nowhere": r"expected the folder of a family, found nothing at /.*nowhere",
    "path:mine/family.py": r"found a file, /.*family.py",
    "path:.": r"expected a folder with a file family.py, found none in .*path:\./mine\?",
    "path:empty": r"expected a folder with a file family.py, found none in .*empty",
    "path:": r"expected a folder after 'path:', found ''",
    "./mine": r"found './mine'. Write path:./mine",
    "hub:org/name@0123": r"expected path: and .*, found 'hub:.*Fetch the code yourself",
    "https://example.org/mine": r"found 'https://.*Fetch the code yourself",
    "5": r"expected text",
}


@pytest.mark.parametrize("uri", CODE)
def test_code_that_is_no_folder_of_a_family_is_refused(tmp_path: Path, uri: str) -> None:
    write(tmp_path / "mine" / "family.py", "")
    (tmp_path / "empty").mkdir()
    quoted = uri if uri.isdigit() else f'"{uri}"'
    with pytest.raises(ProfileError, match=CODE[uri]) as caught:
        load_profile(profile(tmp_path, f"mine: {{code: {quoted}}}"))
    (finding,) = caught.value.findings
    assert finding.where == "mine.yaml, line 3, families.mine.code"


def test_names_that_are_none_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "family.py", "")
    with pytest.raises(ProfileError, match=r"found 'my-own'. Rename it, as my_own"):
        load_profile(profile(tmp_path, 'my-own: {code: "path:mine"}'))
    with pytest.raises(
        ProfileError, match=r"found 'mine'.*Or say where it lies: code: path:./mine"
    ):
        load_profile(profile(tmp_path, "mine:"))
    twice = 'mine: {code: "path:mine"}\n  ocr:\n  mine: {code: "path:mine"}'
    with pytest.raises(ProfileError, match=r"line 5, families.mine: .* it on line 3 too"):
        load_profile(profile(tmp_path, twice))


def test_all_that_is_wrong_with_code_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path / "one" / "family.py", "raise ValueError('first')\n")
    write(tmp_path / "two" / "family.py", "\nFAMILY = 2\n")
    wanted = 'one: {code: "path:one"}\n  two: {code: "path:two"}\n  three: {code: "path:three"}'
    with pytest.raises(ProfileError) as caught:
        load_profile(profile(tmp_path, wanted + '\n  four: {code: "git:x"}'))
    assert [each.where.split(", ")[-1] for each in caught.value.findings] == [
        "families.three.code",
        "families.four.code",
    ]
    wanted = 'one: {code: "path:one"}\n  two: {code: "path:two"}'
    with pytest.raises(ProfileError) as caught:
        make_recipe(load_profile(profile(tmp_path, wanted)))
    told = [str(each) for each in caught.value.findings]
    assert len(told) == 2
    assert "ValueError: first, at one/family.py, line 1" in told[0]
    assert "expected FAMILY to be a Family, found an int" in told[1]
