"""Families that lie anywhere: found, imported under a name of ours, and refused in a sentence."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.errors import FamilyError, NotDeclared
from builders.kit.checkout import Checkout
from builders.kit.graph.stage_source import module_path, stage_modules
from repository.families.outside import PACKAGE, forget

FAMILY = """
from builders.kit.family import Family
from .helper import NAME

STAGES = f"{__package__}.stages"
FAMILY = Family(name=NAME, sources={}, pipelines=(), metrics=())
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def family(folder: Path, name: str = "mine", **files: str) -> Path:
    own = {"family.py": FAMILY, "helper.py": f"NAME = {name!r}\n"}
    return write(folder, own | {each.replace("__", "."): text for each, text in files.items()})


def distribution(folder: Path, name: str, entries: str) -> None:
    """What pip writes of a distribution that offers families."""
    write(
        folder / f"{name}-1.0.dist-info",
        {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            "entry_points.txt": f"[triton_multimodal_kit.families]\n{entries}\n",
        },
    )


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    before = set(sys.modules)
    yield
    forget(PACKAGE)
    for name in set(sys.modules) - before:
        if name.startswith("mypackage"):
            del sys.modules[name]


def refusal(checkout: Checkout, name: str = "mine") -> str:
    with pytest.raises(FamilyError) as caught:
        checkout.load(name)
    (finding,) = caught.value.findings
    return str(finding)


@pytest.mark.parametrize("folder", ["mine", "json", "numpy", "other-name", "builders"])
def test_a_folder_may_be_called_as_any_package_is(tmp_path: Path, folder: str) -> None:
    import json

    lies = family(tmp_path / folder, stages__py="")
    checkout = Checkout(code={"mine": lies})
    assert "mine" in checkout.families and "ocr" in checkout.families
    assert checkout.load("mine").name == "mine"
    assert checkout.folder("mine") == lies
    assert sys.modules["json"] is json
    assert folder in ("json", "numpy", "builders") or folder not in sys.modules


def test_a_stage_is_found_by_the_package_of_its_family(tmp_path: Path) -> None:
    lies = family(tmp_path / "mine")
    write(
        lies,
        {
            "stages/label.py": "from .parts import words\nfrom builders.stages import colours\n",
            "stages/parts/words.py": "",
        },
    )
    place = Checkout(code={"mine": lies}).place("mine")
    stage = f"{place.package}.stages.label"
    assert module_path(stage) == lies / "stages" / "label.py"
    assert {"builders.stages.colours", f"{place.package}.stages.parts.words"} <= {
        *stage_modules(stage)
    }


def test_of_two_folders_of_one_name_each_is_the_family_that_is_asked_for(tmp_path: Path) -> None:
    first = family(tmp_path / "a", FAMILY__first="")
    second = family(tmp_path / "b")
    (second / "helper.py").write_text("NAME = 'mine'\nHERE = 2\n")
    Checkout(code={"mine": first}).load("mine")
    helper = f"{PACKAGE}.mine.helper"
    assert not hasattr(sys.modules[helper], "HERE")
    Checkout(code={"mine": second}).load("mine")
    assert sys.modules[helper].HERE == 2


def test_a_family_of_an_installed_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"mypackage/__init__.py": "raise SystemExit('nobody asked for it')\n"})
    family(tmp_path / "mypackage" / "mine")
    distribution(tmp_path, "mydistribution", "mine = mypackage.mine")
    monkeypatch.syspath_prepend(tmp_path)
    checkout = Checkout()
    assert "mine" in checkout.families
    # Known without running any of it.
    place = checkout.place("mine")
    assert (place.package, place.folder) == ("mypackage.mine", tmp_path / "mypackage" / "mine")
    assert place.ours["mypackage"] == tmp_path / "mypackage"
    assert "SystemExit: nobody asked for it" in refusal(checkout)
    (tmp_path / "mypackage" / "__init__.py").write_text("")
    importlib.invalidate_caches()
    sys.modules.pop("mypackage", None)
    assert checkout.load("mine").name == "mine"
    assert sys.modules["mypackage.mine.family"].STAGES == "mypackage.mine.stages"


@pytest.mark.parametrize("value", ["nowhere", "mypackage", "mypackage.mine.family:FAMILY", ""])
def test_an_entry_point_that_leads_to_no_family_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    write(tmp_path, {"mypackage/__init__.py": ""})
    family(tmp_path / "mypackage" / "mine")
    distribution(tmp_path, "mydistribution", f"mine = {value}")
    monkeypatch.syspath_prepend(tmp_path)
    told = refusal(Checkout())
    assert f"mydistribution, mine = {value}" in told
    assert "family.py" in told


def test_two_families_of_one_name_are_refused_with_both_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lies = family(tmp_path / "here" / "ocr", "ocr")
    told = refusal(Checkout(code={"ocr": lies}), "ocr")
    assert "expected it in one place, found the folder" in told
    assert str(lies) in told and "builders/ocr" in told

    family(tmp_path / "mypackage" / "mine")
    distribution(tmp_path, "one", "mine = mypackage.mine")
    monkeypatch.syspath_prepend(tmp_path)
    own = family(tmp_path / "own")
    told = refusal(Checkout(code={"mine": own}))
    assert str(own) in told and "the entry point of one, mine = mypackage.mine" in told

    family(tmp_path / "other" / "otherpackage")
    distribution(tmp_path / "other", "two", "mine = otherpackage")
    monkeypatch.syspath_prepend(tmp_path / "other")
    told = refusal(Checkout())
    assert "the entry point of one" in told and "the entry point of two" in told


def test_one_folder_that_is_named_twice_is_one_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lies = family(tmp_path / "mypackage" / "mine")
    distribution(tmp_path, "one", "mine = mypackage.mine")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "link").symlink_to(lies)
    assert Checkout(code={"mine": tmp_path / "link"}).load("mine").name == "mine"


CODE = {
    "raises": ("x = 1\nraise ValueError('boom')\n", "ValueError: boom, at mine/family.py, line 2"),
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit: 3, at mine/family.py, line 2"),
    "syntax": ("x = 1\ndef f(:\n", "SyntaxError: invalid syntax, at mine/family.py, line 2"),
    "null": ("x = '\0'\n", "null bytes, at mine/family.py, line 1"),
    "below": ("from . import broken\n", "ZeroDivisionError: division by zero, at mine/broken.py"),
    "in a library": (
        "import json\n\njson.loads('{')\n",
        "JSONDecodeError: Expecting property name enclosed in double quotes",
    ),
    "no module of its own": (
        "from .nothere import x\n",
        "No module named 'outside_families.mine.nothere', at mine/family.py, line 1",
    ),
    "beyond its folder": (
        "from ..shared import x\n",
        "No module named 'outside_families.shared', at mine/family.py, line 1",
    ),
    "no package": (
        "\nimport nopackage.part\n",
        "expected the package of 'nopackage', found none that is installed, "
        "at mine/family.py, line 2. Install it into this environment",
    ),
    "no FAMILY": ("family = 1\n", "expected a FAMILY, found none"),
    "another type": ("FAMILY = {}\n", "expected FAMILY to be a Family, found a dict"),
    "another name": (
        FAMILY.replace("name=NAME", "name='other'"),
        "expected a family of the name 'mine', found name='other'",
    ),
}


@pytest.mark.parametrize("case", CODE)
def test_code_that_is_no_family_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    code, expected = CODE[case]
    lies = family(tmp_path / "mine", broken__py="a = 1\nb = a / 0\n")
    (lies / "family.py").write_text(code)
    told = refusal(Checkout(code={"mine": lies}))
    assert expected in told
    assert "Traceback" not in told and "\\n" not in told


def test_a_family_that_was_mended_is_imported_anew(tmp_path: Path) -> None:
    lies = family(tmp_path / "mine")
    (lies / "helper.py").write_text("NAME = 'mine'\nraise ValueError('boom')\n")
    checkout = Checkout(code={"mine": lies})
    assert "boom, at mine/helper.py, line 2" in refusal(checkout)
    (lies / "helper.py").write_text("NAME = 'mine'\n# mended, and of another size\n")
    assert checkout.load("mine").name == "mine"


def test_a_family_that_is_nowhere_is_told_with_those_there_are() -> None:
    with pytest.raises(
        NotDeclared, match=r"expected one of .*ocr.*, found 'ocrr'\. Did you mean 'ocr'"
    ):
        Checkout().load("ocrr")
