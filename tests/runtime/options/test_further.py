"""Options for tritonserver that would undo the runtime's own."""

from __future__ import annotations

import re

import pytest

from runtime.errors import ServerFailed
from runtime.options import further

OWN = ["/bin/tritonserver", "--http-port=1", "--exit-on-error=false", "--backend-config=a,b=c"]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--http-port=8000", "--http-port is set by the runtime"),
        ("--http-port", "set the runtime's HTTP port instead"),
        ("--exit-on-error=true", "--exit-on-error is set by the runtime"),
        ("--allow-http=false", "asks the server over HTTP"),
        ("--allow-http=0", "asks the server over HTTP"),
    ],
)
def test_what_the_runtime_counts_on_stays(option: str, told: str) -> None:
    with pytest.raises(ServerFailed, match=re.escape(told)):
        further.check(["--id=mine", option], OWN)


def test_all_else_is_the_users() -> None:
    further.check(["--id=mine", "--backend-config=x,y=z", "--allow-http=true", "-v", "8000"], OWN)
