"""Alerts, dashboards and KEDA ask for metrics that exist, and each query is tried somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.kserve.monitoring import known, queries
from tests.kserve.render import shipped
from tests.kserve.webhooks.repository import BUILT, kinds

HERE = Path(__file__).parent
UNIT_TESTS = yaml.safe_load((HERE / "alerts.yaml").read_text(encoding="utf-8"))
SERIES = yaml.safe_load((HERE / "synthetic.yaml").read_text(encoding="utf-8"))
RULES = {query.where: query for query in queries.every()}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (a, b) (rate(m_total{x=~"n{1}|o"}[5m])) > 0', {"m_total"}),
        ('a:b:rate5m{x="y"} / on (z) group_left () c unless d offset 1h', {"a:b:rate5m", "c", "d"}),
        ("absent(up) or avg_over_time(m[1d] offset 1h) - 1e6 == 0.5", {"up", "m"}),
        ("changes((count by (pod) (m))[10m:15s])", {"m"}),
    ],
)
def test_an_expressions_metrics_are_found(expression: str, names: set[str]) -> None:
    assert queries.metrics(expression) == names


def test_queries_name_known_metrics_alone() -> None:
    names = known.LOCAL | known.SCRAPE | known.ELSEWHERE | queries.recorded()
    assert {query.where: query.metrics - names for query in queries.every()} == {
        query.where: set() for query in queries.every()
    }
    assert all(query.metrics for query in queries.every())


def test_no_metric_is_listed_that_no_query_names() -> None:
    named = set().union(*(query.metrics for query in queries.every()))
    assert named >= known.LOCAL | known.SCRAPE | known.ELSEWHERE


def test_every_query_is_listed_once_as_real_or_synthetic() -> None:
    wheres = [query.where for query in queries.every()]
    assert len(wheres) == len(set(wheres))
    assert set(wheres) == known.REAL | known.SYNTHETIC
    assert known.REAL.isdisjoint(known.SYNTHETIC)


def test_what_can_be_tried_on_a_real_server_is() -> None:
    for where, query in RULES.items():
        assert bool(query.metrics & known.ELSEWHERE) == (where in known.SYNTHETIC), where


def test_every_synthetic_query_has_its_series() -> None:
    panels = {where for where in known.SYNTHETIC if not where.startswith("alert/")}
    assert {each["query"] for each in SERIES} == panels


def test_every_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for test in UNIT_TESTS:
        for case in test["alert_rule_test"]:
            (fires if case["exp_alerts"] else silent).add(case["alertname"])
    assert fires == set(queries.alerts())
    assert silent == set(queries.alerts())


def test_an_alert_says_what_to_do() -> None:
    for name, rule in queries.alerts().items():
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        assert {"summary", "description"} == rule["annotations"].keys(), name
        assert rule["annotations"]["summary"].endswith("."), name


def test_pipelines_are_named_as_the_repository_has_them() -> None:
    """An ensemble's failures are halved, and steps are all models but the pipelines."""
    ensembles = {name for name, kind in kinds().items() if kind == "ensemble"}
    pipelines = ensembles | {name for name, kind in kinds().items() if kind == "bls"}
    for where, query in RULES.items():
        for value in re.findall(r'model(?:=~|!~|!=|=)"([^"]*)"', query.expression):
            assert set(value.split("|")) in (ensembles, pipelines), where


def test_the_backlog_that_alarms_is_one_that_fits_in_the_queues() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in BUILT.glob("*/config.pbtxt"))
    bounds = [int(size) for size in re.findall(r"max_queue_size: (\d+)", text)]
    threshold = float(RULES["alert/TritonBacklog"].expression.rpartition(">")[2])
    assert threshold < min(bounds)


def test_the_job_is_the_one_that_the_operator_makes_of_the_pod_monitor() -> None:
    """prometheus-operator pkg/prometheus/promcfg.go: ``<namespace>/<name>``."""
    objects = shipped(queries.OVERLAY, components=("monitoring",))
    (monitor,) = (each for each in objects if each["kind"] == "PodMonitor")
    job = f"{monitor['metadata']['namespace']}/{monitor['metadata']['name']}"
    for where, query in RULES.items():
        for value in re.findall(r'job="([^"]*)"', query.expression):
            assert value == job, where


def test_dashboards_are_small_and_their_panels_do_not_overlap() -> None:
    assert len(queries.dashboards()) == 2
    for dashboard in queries.dashboards().values():
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
        assert len(places) == len(set(places)) <= 10
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
        assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {"${datasource}"}
