"""What is counted, as Prometheus reads it."""

from __future__ import annotations

import re

import pytest

from gateway.counting.counts import Counts, Histogram
from runtime.server.server import LocalServer
from tests.gateway.running import running, settings

pytestmark = pytest.mark.xdist_group("gateway")

SAMPLE = re.compile(r"(\w+)(\{[^}]*\})? (\S+)")


def test_a_histogram_counts_up() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7):
        histogram.observe(seconds)
    assert [*histogram.lines("m", 'a="b"')] == [
        'm_bucket{a="b",le="0.1"} 2',
        'm_bucket{a="b",le="1.0"} 3',
        'm_bucket{a="b",le="+Inf"} 4',
        'm_sum{a="b"} 7.65',
        'm_count{a="b"} 4',
    ]


def test_every_sample_is_declared() -> None:
    counts = Counts()
    counts.request("/v1/models", 200, 0.1)
    counts.first_token(0.1)
    text = counts.text()
    declared = set(re.findall(r"^# TYPE (\w+) ", text, re.M))
    for line in text.splitlines():
        if not line.startswith("#"):
            found = SAMPLE.fullmatch(line)
            assert found is not None, line
            assert re.sub(r"_(bucket|sum|count)$", "", found[1]) in declared
            float(found[3])


def test_requests_are_counted_by_route_and_code(double: LocalServer) -> None:
    with running(settings(double.grpc)) as gateway:
        for text in ("red green", "!refuse"):
            gateway.ask("POST", "/v1/chat/completions", gateway.chat(text, stream=True))
        for path in ("/v1/models/generate", "/v1/models", "/a", "/b" * 100):
            gateway.ask("GET", path)
        status, headers, content = gateway.ask("GET", "/metrics")
        assert status == 200
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        samples = {
            f"{name}{labels or ''}": float(value)
            for name, labels, value in re.findall(
                rf"^{SAMPLE.pattern}$", content.decode(), re.MULTILINE
            )
        }
        counted = {
            name: value for name, value in samples.items() if name.startswith("tmk_gateway_req")
        }
        for labels, count in {
            'route="/v1/chat/completions",code="200"': 1,
            'route="/v1/chat/completions",code="400"': 1,
            'route="/v1/models",code="200"': 2,
            'route="other",code="404"': 2,
        }.items():
            assert counted[f"tmk_gateway_requests_total{{{labels}}}"] == count
        assert samples["tmk_gateway_first_token_seconds_count"] == 1
        assert samples["tmk_gateway_token_seconds_count"] == 2
        assert samples['tmk_gateway_tokens_total{kind="completion"}'] == 2
        assert samples["tmk_gateway_streams"] == 0
        assert samples["tmk_gateway_requests_under_way"] == 1
