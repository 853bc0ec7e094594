"""promtool on the rules: syntax, unit tests of every alert, synthetic series of other queries."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kserve.monitoring import programs, queries
from tests.kserve.monitoring.test_queries import RULES, SERIES, UNIT_TESTS

Document = dict[str, Any]


def promtool(folder: Path, *arguments: str) -> str:
    """Runs it beside the rules; its exit status and output."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(queries.rules()), encoding="utf-8")
    result = subprocess.run(
        [programs.program("promtool"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{result.returncode} {result.stdout}{result.stderr}"


def unit(folder: Path, tests: list[Document]) -> str:
    document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return promtool(folder, "test", "rules", "tests.yaml")


def described(test: Document) -> Document:
    """With the rule's description wherever an expected alert names none."""
    filled = yaml.safe_load(yaml.safe_dump(test))
    for case in filled.get("alert_rule_test", ()):
        description = queries.alerts()[case["alertname"]]["annotations"]["description"]
        for alert in case["exp_alerts"]:
            alert["exp_annotations"].setdefault("description", description)
    return dict(filled)


@pytest.mark.slow
def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    assert promtool(tmp_path, "check", "rules", "rules.yaml").startswith("0 ")


@pytest.mark.slow
@pytest.mark.parametrize("test", UNIT_TESTS, ids=lambda test: test["name"])
def test_alerts_fire_when_they_should(test: Document, tmp_path: Path) -> None:
    said = unit(tmp_path, [described(test)])
    assert said.startswith("0 "), said


@pytest.mark.slow
@pytest.mark.parametrize("series", SERIES, ids=lambda series: series["query"])
def test_a_query_answers_on_synthetic_series(series: Document, tmp_path: Path) -> None:
    asked = {
        "expr": RULES[series["query"]].filled(),
        "eval_time": "60m",
        "exp_samples": series["exp_samples"],
    }
    test = {
        "interval": "1m",
        "input_series": series["input_series"],
        "promql_expr_test": [asked],
    }
    said = unit(tmp_path, [test])
    assert said.startswith("0 "), said


@pytest.mark.slow
def test_a_unit_test_that_expects_another_alert_fails(tmp_path: Path) -> None:
    test = described(UNIT_TESTS[0])
    test["alert_rule_test"][1]["exp_alerts"] = []
    assert unit(tmp_path, [test]).startswith("1 ")


def test_without_prometheus_one_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "UNPACKED", tmp_path / "none")
    with pytest.raises(programs.NoPrometheus, match=r"apt-get install prometheus"):
        programs.program("promtool")
