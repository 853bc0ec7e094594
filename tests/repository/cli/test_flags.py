"""A command puts its options behind what the library says."""

from __future__ import annotations

import pytest
import typer

from repository.cli import exit
from repository.cli.flags import told
from repository.errors import KitError
from repository.findings import finding_of


def test_arguments_become_options() -> None:
    assert told(KitError("Mend it.")) == "Mend it."
    assert told(KitError("Mend it.", arguments=("plain_http",))) == "Mend it (--plain-http)."
    assert told(KitError("Mend it", arguments=("key", "token"))) == (
        "Mend it (--key, --identity-token-file)."
    )
    other = {"key": "--private-key"}
    assert told(KitError("Mend it.", arguments=("key",)), other) == "Mend it (--private-key)."


def test_each_finding_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    plain = finding_of("rule", "here", "one", "two", "Mend it.")
    error = KitError([plain, finding_of("rule", "there", "one", "two", "Drop it.", ("delete",))])
    assert error.arguments == ("delete",) and "--" not in str(error)
    assert isinstance(exit.failed(error), typer.Exit)
    assert capsys.readouterr().err.splitlines() == [
        "error [rule] here: expected one, found two. Mend it.",
        "error [rule] there: expected one, found two. Drop it (--delete).",
    ]
