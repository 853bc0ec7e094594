"""Modules of rooms, written for the one package that a version folder is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from builders.kit.graph.stage_source import stage_modules, stage_source

NAMES = ", ".join(f"a_module_of_a_long_name_{number}" for number in range(4))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """What the module ``shop.stages.lines.cut``, of the test's parameter, becomes."""
    cut, *others = [
        tmp_path / f"shop/stages/{name}.py"
        for name in ("lines/cut", "lines/warp", "page/tiles", "page/level", "crop")
    ]
    for path in (cut, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for number in range(4):
        (tmp_path / f"shop/stages/page/a_module_of_a_long_name_{number}.py").write_text("")
    cut.write_text(request.param)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    content = stage_source("shop.stages.lines.cut")
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
    return (content if isinstance(content, bytes) else content.read_bytes()).decode()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("from .warp import lay\n", "from .warp import lay\n"),
        ("from ..page.tiles import split\n", "from .tiles import split\n"),
        ("from ..page import tiles\n", "from . import tiles\n"),
        ("from .. import crop\n", "from . import crop\n"),
        (
            "from ..page import level, tiles\nfrom . import warp\n",
            "from . import level, tiles, warp\n",
        ),
        (
            "from ..page import tiles as t\nfrom ..page.level import flat\nfrom . import warp\n",
            "from . import tiles as t\nfrom . import warp\nfrom .level import flat\n",
        ),
        (
            "import os\n\nfrom builders.kit.invalid_argument import InvalidArgument\n"
            "from builders.stages import buckets\n"
            "from repository.copied.client_text import sentence\n\nfrom .warp import lay\n",
            "import os\n\nfrom .invalid_argument import InvalidArgument\n"
            "from . import buckets\nfrom .client_text import sentence\n\nfrom .warp import lay\n",
        ),
        (
            "def cut():\n    from ..page import tiles\n\n    return tiles\n",
            "def cut():\n    from . import tiles\n\n    return tiles\n",
        ),
        (
            f"from ..page import ({NAMES})\n\nX = 1\n",
            "from . import (\n    " + NAMES.replace(", ", ",\n    ") + ",\n)\n\nX = 1\n",
        ),
        (
            "import numpy as np\n\nfrom numpy import pi\n",
            "import numpy as np\n\nfrom numpy import pi\n",
        ),
    ],
    indirect=["written"],
)
def test_imports_name_modules_side_by_side(written: str, expected: str) -> None:
    assert written == expected


def test_a_module_that_python_cannot_read_is_left_to_the_check_of_its_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "too_deep.py").write_text(f"x = {'-' * 20_000}1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert stage_modules("too_deep") == ()
