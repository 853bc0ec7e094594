"""Alerts, dashboards and KEDA ask for metrics that exist, and each query is tried somewhere."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from tests.kserve.cluster.webhooks.triton.repository import BUILT, kinds
from tests.kserve.monitoring import known, pipelines, queries
from tests.kserve.render import shipped

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
        ('sum({x="y",__name__=~"m|n_total"})', {"m", "n_total"}),
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
    assert len(list(pipelines.files())) >= 3
    for path in pipelines.files():
        text = path.read_text(encoding="utf-8")
        assert text == pipelines.named(text, kinds()), f"write it anew: {pipelines.COMMAND}"
    for where, query in RULES.items():
        assert not re.search(r'model!?="', query.expression), where


def test_a_pipeline_that_is_built_anew_is_named_in_both_lists() -> None:
    built = {"ocr": "ensemble", "new": "ensemble", "ocr_bls": "bls", "crop": "python"}
    text = r'a{model=~"ocr"} b{model!~\"ocr|ocr_bls\"} c{model=~"old_bls|old"}'
    assert pipelines.named(text, built) == (
        r'a{model=~"new|ocr"} b{model!~\"new|ocr|ocr_bls\"} c{model=~"new|ocr|ocr_bls"}'
    )


def test_the_backlog_that_alarms_is_one_that_fits_in_the_queues() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in BUILT.glob("*/config.pbtxt"))
    bounds = [int(size) for size in re.findall(r"max_queue_size: (\d+)", text)]
    threshold = float(RULES["alert/TritonBacklog"].expression.rpartition(">")[2])
    assert threshold < min(bounds)


def jobs() -> set[str]:
    """What the operator calls the targets (prometheus-operator pkg/prometheus/promcfg.go)."""
    objects = shipped(queries.OVERLAY, components=("monitoring",))
    return {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in objects
        if each["kind"] == "PodMonitor"
    }


def test_the_jobs_are_those_that_the_operator_makes_of_the_pod_monitors() -> None:
    asked = [(query.where, query.expression) for query in RULES.values()]
    for name, dashboard in queries.dashboards().items():
        asked += [(name, each["query"]) for each in dashboard["templating"]["list"]]
    named: set[str] = set()
    for where, text in asked:
        for value in re.findall(r'job=~?"([^"]*)"', text):
            prefix, _, rest = value.partition("(")
            values = {prefix + each for each in rest.rstrip(")").split("|")}
            found = {job for job in jobs() if any(re.fullmatch(each, job) for each in values)}
            assert len(found) == len(values), where
            named |= found
    assert named == jobs()


@pytest.mark.parametrize(
    ("service", "monitor"), [("decoder-trtllm", "tensorrt-llm"), ("decoder-vllm", "vllm")]
)
def test_a_decoders_pods_are_selected_by_the_label_of_their_runtime(
    service: str, monitor: str
) -> None:
    """A runtime's labels become its pods' (kserve v0.20.0 components/predictor.go)."""
    objects = shipped(
        "base/namespace",
        f"base/runtimes/{monitor}",
        f"base/services/{service}",
        components=("monitoring",),
    )
    found = {(each["kind"], each["metadata"]["name"]): each.get("spec", {}) for each in objects}
    runtime = found["ServingRuntime", monitor]
    spec = found["PodMonitor", monitor]
    assert spec["selector"]["matchLabels"] == runtime["labels"]
    (endpoint,) = spec["podMetricsEndpoints"]
    ports = {port["name"] for each in runtime["containers"] for port in each["ports"]}
    assert endpoint["port"] in ports
    assert "metrics" not in ports, "or the PodMonitor triton would scrape it as well"


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_places_that_overlap_are_noticed() -> None:
    place = {"x": 0, "y": 0, "w": 12, "h": 8}
    assert overlap(place, {"x": 11, "y": 7, "w": 1, "h": 1})
    assert not overlap(place, {"x": 12, "y": 0, "w": 12, "h": 8})
    assert not overlap(place, {"x": 0, "y": 8, "w": 12, "h": 8})


@pytest.mark.parametrize("name", ["decoder", "triton-models", "triton-servers"])
def test_a_dashboard_is_one_that_grafana_can_show(name: str) -> None:
    """Grafana's JSON model: 24 columns, a data source that can be chosen, a unit and a title."""
    dashboard = queries.dashboards()[f"{name}.json"]
    assert dashboard["uid"] == name
    variables = [each["name"] for each in dashboard["templating"]["list"]]
    assert variables[0] == "datasource", "the other variables and every panel ask it"
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) <= 10
    for panel in panels:
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for target in panel["targets"]:
            used = set(re.findall(r"\$(?!__)(\w+)", target["expr"])) - {"datasource"}
            assert used <= set(variables), panel["title"]
            assert "{{" in target["legendFormat"], panel["title"]
    for one, other in combinations(panels, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert len(queries.dashboards()) == 3
