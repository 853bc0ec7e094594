"""Tests that need the CRDs are skipped, with the reason, where there is no way to have them.

CI names them by ``CRD_DIR``, and then what is missing there is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.kserve.schemas import crds

HERE = Path(__file__).parent
APART = ("arrival", "monitoring", "runtime")
"""Folders whose tests start servers, and render little."""


def _or_skip() -> Generator[None, object, object]:
    try:
        return (yield)
    except crds.CrdError as problem:
        if os.environ.get("CRD_DIR") or crds.FETCHED.is_dir():
            raise
        pytest.skip(str(problem))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs the tests of this folder, which share what was rendered."""
    for item in items:
        if item.path.is_relative_to(HERE) and item.path.relative_to(HERE).parts[0] not in APART:
            item.add_marker(pytest.mark.xdist_group("kserve"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Fixtures."""
    return (yield from _or_skip())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """The tests themselves."""
    return (yield from _or_skip())
