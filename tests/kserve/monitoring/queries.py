"""Every PromQL query of kserve/: rules, dashboards and KEDA, as they are rendered."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

from tests.kserve.render import Object, shipped

OVERLAY = "overlays/gpu"
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMES = re.compile(r'\b__name__=~"([^"]*)"')
_LABELS = re.compile(r"\{[^}]*\}|\[[^\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_WORDS = re.compile(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()")
_OPERATORS = frozenset({"and", "or", "unless", "offset", "bool", "sum", "avg", "count"})
_DURATION = re.compile(r"\boffset\s+\w+")


@dataclass(frozen=True)
class Query:
    """One query.

    Attributes:
        where: what has it, as ``alert/TritonDown``, ``record/…``, ``<dashboard>/<panel>`` or
            ``keda/<service>/<number>``.
        expression: PromQL.
    """

    where: str
    expression: str

    @property
    def metrics(self) -> set[str]:
        """The names of the series that it asks for."""
        return metrics(self.expression)

    def filled(self, window: str = "1m") -> str:
        """The expression with Grafana's variables filled in."""
        filled = self.expression.replace("$service", ".+").replace("$namespace", "multimodal")
        return filled.replace("$__rate_interval", window)


def metrics(expression: str) -> set[str]:
    """The names of the series in an expression."""
    named = {name for names in _NAMES.findall(expression) for name in names.split("|")}
    rest = _STRINGS.sub('""', expression)
    for each in (_LABELS, _GROUPING, _DURATION):
        rest = each.sub(" ", rest)
    return named | {word for word in _WORDS.findall(rest) if word not in _OPERATORS}


def rules() -> Object:
    """The PrometheusRule's specification: a rule file as Prometheus reads it."""
    (found,) = (each for each in _objects("monitoring") if each["kind"] == "PrometheusRule")
    spec: Object = found["spec"]
    return spec


def alerts() -> dict[str, Object]:
    """The alerts by name."""
    return {
        rule["alert"]: rule
        for group in rules()["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def recorded() -> set[str]:
    """The names of the series that rules record."""
    every = (rule for group in rules()["groups"] for rule in group["rules"])
    return {rule["record"] for rule in every if "record" in rule}


def dashboards() -> dict[str, Object]:
    """The dashboards by the name of their file."""
    return {
        name: json.loads(text)
        for each in _objects("monitoring")
        if each["kind"] == "ConfigMap" and "grafana_dashboard" in each["metadata"].get("labels", {})
        for name, text in each["data"].items()
    }


def every() -> list[Query]:
    """All queries."""
    found = [
        Query(
            f"alert/{rule['alert']}" if "alert" in rule else f"record/{rule['record']}",
            rule["expr"],
        )
        for group in rules()["groups"]
        for rule in group["rules"]
    ]
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                found.append(
                    Query(f"{name.removesuffix('.json')}/{panel['title']}", target["expr"])
                )
    for service in _objects("keda"):
        if service["kind"] == "InferenceService":
            scaling = service["spec"]["predictor"].get("autoScaling") or {}
            for number, metric in enumerate(scaling.get("metrics", ())):
                query = metric["external"]["metric"]["query"]
                found.append(Query(f"keda/{service['metadata']['name']}/{number}", query))
    return found


@cache
def _objects(component: str) -> list[Object]:
    return shipped(OVERLAY, components=(component,))
