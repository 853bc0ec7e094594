"""Which code a function reaches: enough to rebuild, and no more."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.kit.tasks.code import Code, CodeReader, name_of

FILES = {
    "shop/__init__.py": "",
    "shop/make.py": '''
"""Makes."""
import json
import numpy as np
from typing import TYPE_CHECKING
from shop.kit import helper
from . import sibling
if TYPE_CHECKING:
    from shop import types_only

def make(checkpoint, out):
    """Make it."""
    from shop import late
    import onnxruntime
    return {}

def with_settings(**settings):
    def inner(checkpoint, out):
        return settings
    return inner

class Callable_:
    def __call__(self):
        return None
''',
    "shop/sibling.py": "import yaml\nfrom .kit.deep import thing\n",
    "shop/late.py": "LATE = 1\n",
    "shop/types_only.py": "",
    "shop/unrelated.py": "import shop.make\n",
    "shop/words.txt": "one two\n",
    "shop/NOTES.md": "notes\n",
    "shop/kit/__init__.py": "",
    "shop/kit/helper.py": "HELP = 1\nimport shop.make  # a circle\n",
    "shop/kit/deep/__init__.py": "thing = 1\n",
    "shop/kit/other.py": "",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.fixture
def make(root: Path) -> Callable[..., Any]:
    found: Callable[..., Any] = importlib.import_module("shop.make").make
    return found


def read(root: Path, *functions: Callable[..., Any]) -> Code:
    return CodeReader((root,)).code_of(functions)


def test_imports_are_followed_wherever_they_stand(root: Path, make: Callable[..., Any]) -> None:
    code = read(root, make)
    assert set(code.modules) == {
        "shop",
        "shop.make",
        "shop.sibling",
        "shop.late",
        "shop.kit",
        "shop.kit.helper",
        "shop.kit.deep",
        "shop/words.txt",
    }
    assert code.tools.keys() == {"numpy", "onnxruntime", "pyyaml"}
    assert code.tools["pyyaml"] == "6.0.3"


@pytest.mark.parametrize(
    ("name", "old", "new", "counts"),
    [
        ("shop/make.py", "return {}", "return {1: 2}", True),
        ("shop/kit/helper.py", "HELP = 1", "HELP = 2", True),
        ("shop/kit/deep/__init__.py", "thing = 1", "thing = 2", True),
        ("shop/late.py", "1", "2", True),
        ("shop/words.txt", "one", "eins", True),
        ("shop/unrelated.py", "import", "import json, ", False),
        ("shop/types_only.py", "", "X = 1", False),
        ("shop/kit/other.py", "", "X = 1", False),
        ("shop/NOTES.md", "notes", "more notes", False),
        ("shop/make.py", "def make(checkpoint, out):", "def make(checkpoint,  out):  # Why", False),
        ("shop/make.py", '"""Make it."""', '"""Make it well."""', False),
    ],
)
def test_what_counts(
    root: Path, make: Callable[..., Any], name: str, old: str, new: str, counts: bool
) -> None:
    before = read(root, make)
    path = root / name
    path.write_text(path.read_text().replace(old, new, 1) if old else new)
    assert (read(root, make) != before) is counts


def test_a_module_edited_since_this_process_began_has_a_key_of_its_own(
    root: Path, make: Callable[..., Any]
) -> None:
    helper = root / "shop" / "kit" / "helper.py"
    edited = read(root, make)
    for path in root.rglob("*.py"):
        os.utime(path, (0, 0))
    loaded = read(root, make)
    helper.write_bytes(helper.read_bytes())
    again = read(root, make)
    os.utime(helper, (0, 0))
    assert edited != loaded
    assert [name for name in loaded.modules if loaded.modules[name] != again.modules[name]] == [
        "shop.kit.helper"
    ]
    assert read(root, make) == loaded


def test_a_module_that_shadows_an_import_counts_when_it_appears(
    root: Path, make: Callable[..., Any]
) -> None:
    before = read(root, make)
    (root / "onnxruntime.py").write_text("")
    after = read(root, make)
    assert "onnxruntime" in after.modules
    assert before != after


def test_what_a_function_was_given_counts(root: Path, make: Callable[..., Any]) -> None:
    module = importlib.import_module("shop.make")
    made = [
        read(root, module.with_settings(opset=17)),
        read(root, module.with_settings(opset=18)),
        read(root, functools.partial(make, 1)),
        read(root, functools.partial(make, out=1)),
        read(root, make),
    ]
    assert all(made[i] != made[j] for i in range(5) for j in range(i))
    assert read(root, functools.partial(make, 1)) == made[2]


def test_functions_given_to_a_partial_are_followed(root: Path, make: Callable[..., Any]) -> None:
    given = functools.partial(map, make)
    assert "shop.make" in read(root, given).modules


def test_names_tell_functions_of_one_module_apart(root: Path, make: Callable[..., Any]) -> None:
    module = importlib.import_module("shop.make")
    assert name_of(make) == "shop.make.make"
    assert name_of(functools.partial(make, 1)) == "shop.make.make"
    assert name_of(module.with_settings()) == "shop.make.with_settings.<locals>.inner"
    assert name_of(module.Callable_()) == "shop.make.Callable_"


def test_the_command_line_makes_nothing() -> None:
    from builders.kit import onnx
    from builders.kit.build import parity
    from runtime import inprocess

    for module in (inprocess, onnx, parity):
        code = CodeReader().code_of([], module.__name__)
        assert module.__name__ in code.modules
        assert not {
            "builders.cli.app",
            "builders.kit.build.build",
            "builders.kit.tasks.progress",
        } & set(code.modules)


def test_a_package_counts_by_the_distribution_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from builders.kit.tasks import code

    (tmp_path / "oddly").mkdir()
    (tmp_path / "oddly" / "__init__.py").touch()
    (tmp_path / "named_otherwise-3.2.dist-info").mkdir()
    (tmp_path / "named_otherwise-3.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: named-otherwise\nVersion: 3.2\n"
    )
    (tmp_path / "named_otherwise-3.2.dist-info" / "top_level.txt").write_text("oddly\n")
    monkeypatch.syspath_prepend(tmp_path)
    code._owners.cache_clear()
    assert code.versions(["oddly", "numpy", "nowhere"]) == {
        "named-otherwise": "3.2",
        "numpy": importlib.metadata.version("numpy"),
        "nowhere": "none",
    }
    code._owners.cache_clear()


def test_a_module_that_no_distribution_has_counts_by_its_content(
    root: Path, make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "beside"
    (beside / "toybox").mkdir(parents=True)
    (beside / "toybox" / "__init__.py").write_text("from . import parts\n")
    (beside / "toybox" / "parts.py").write_text("PART = 1\n")
    (beside / "toyscript.py").write_text("WORD = 1\n")
    monkeypatch.syspath_prepend(beside)
    (root / "shop" / "late.py").write_text("import toyscript\nfrom toybox import parts\n")
    before = read(root, make)
    assert {"toyscript", "toybox", "toybox.parts"} <= set(before.modules)
    assert not {"toyscript", "toybox"} & set(before.tools)
    (beside / "toybox" / "parts.py").write_text("PART = 2\n")
    assert read(root, make) != before
