"""What the tests use of pytest-xdist."""

import pytest

class LoadGroupScheduling:
    def __init__(self, config: pytest.Config, log: object = None) -> None: ...
    def _split_scope(self, nodeid: str) -> str: ...
