"""Where the declared command line runs: in a pod, or, where this machine makes none, beside us."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from runtime.machine.environment import ServerEnvironment
from tests.kserve.runtime import pod
from tests.kserve.runtime.declared import DeclaredServer

MISSING = pod.missing()
IN_A_POD = pytest.mark.skipif(bool(MISSING), reason=f"no pod: {MISSING}")
ELSE = () if MISSING else (pytest.mark.slow,)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(pod.Pod, id="pod", marks=IN_A_POD),
        pytest.param(DeclaredServer, id="process", marks=ELSE),
    ],
)
def kind(
    request: pytest.FixtureRequest, server_environment: ServerEnvironment
) -> Callable[..., Any]:
    """``kind(repository, options=…)``: a Pod; as a process in the slow tests, or without pods."""
    return functools.partial(request.param, environment=server_environment)


@pytest.fixture(scope="session")
def make_pod(server_environment: ServerEnvironment) -> Callable[..., pod.Pod]:
    """``make_pod(repository, options=…)``; skips where this machine makes none."""
    if MISSING:
        pytest.skip(f"no pod: {MISSING}")
    return functools.partial(pod.Pod, environment=server_environment)
