"""The speech benchmark's figures and sentences; and, slow, the bounds on the pipeline's speed."""

from __future__ import annotations

import io
import json
import shutil
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from perf.against.bench import Pool
from perf.against.transformers.checkpoint import checkpoint_of
from perf.against.transformers.speed import Result, main, measure, sounds, table
from perf.errors import PerfError
from perf.measure.timing import Timing
from runtime.machine.environment import ServerEnvironment

ROOT = Path(__file__).parents[4]
MEMORY = {
    kind: {"processes": 2.0, "resident": 200.0, "proportional": 150.0}
    for kind in ("server", "stubs")
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_ensemble_is_faster_than_transformers_and_costs_little(
    server_environment: ServerEnvironment,
) -> None:
    results, used = measure(ROOT / "model_repository", rounds=15, requests=24)
    shown = table(results, used)
    assert all(result.errors == 0 for result in results.values()), shown
    # The shorter the sound, the more of its time are hops between processes.
    for sound, least in {"command": 0.9, "talk": 1.1, "lecture": 3.0}.items():
        assert results[sound].ratio("ensemble").median >= least, shown
    assert results["lecture"].gain(4) >= 3, shown
    assert results["lecture"].overhead <= 0.15, shown


def test_a_ratio_above_one_is_a_leg_that_is_faster() -> None:
    timings = {
        "transformers": Timing((0.4, 0.8, 0.4)),
        "transformers, one thread": Timing((0.5, 0.9, 0.5)),
        "in process": Timing((0.1, 0.2, 0.1)),
        "ensemble": Timing((0.11, 0.22, 0.11)),
    }
    rates = {
        "transformers": {1: [4.0, 5.0, 6.0], 4: [5.0]},
        "transformers, one thread": {1: [2.0], 4: [10.0]},
        "ensemble": {1: [10.0], 4: [20.0, 1.0, 30.0]},
    }
    result = Result(2.0, timings, rates, errors=0)
    assert result.ratio("in process").median == pytest.approx(4)
    assert result.factor("in process") == pytest.approx(0.05)
    assert result.overhead == pytest.approx(0.1)
    assert (result.gain(1), result.gain(4)) == (2.0, 4.0)
    shown = table({"talk": result}, MEMORY)
    assert "| talk, 2 s | in process | 4.00 |" in shown
    assert "| talk | ensemble | transformers, 2 threads | 2.00 | 4.00 |" in shown
    assert "| talk | ensemble | transformers, one thread | 5.00 | 2.00 |" in shown
    assert "divided by that of the run in process: talk 1.10. 0 requests failed." in shown


def test_int8_is_measured_beside_it() -> None:
    legs = ("transformers", "transformers, one thread", "in process", "ensemble", "ensemble, int8")
    timings = {leg: Timing((0.4, 0.4)) for leg in legs} | {"ensemble, int8": Timing((0.1, 0.1))}
    rates = {leg: {1: [2.0], 4: [2.0]} for leg in legs if leg != "in process"}
    rates["ensemble, int8"] = {1: [5.0], 4: [7.0]}
    shown = table({"talk": Result(2.0, timings, rates, errors=0)}, MEMORY)
    assert "| talk, 2 s | ensemble, int8 | 4.00 |" in shown
    assert "| talk | ensemble, int8 | transformers, 2 threads | 2.50 | 3.50 |" in shown


def test_repositories_of_two_checkpoints_are_not_compared(
    tmp_path: Path, asr_repository: Path
) -> None:
    other = tmp_path / "checkpoint"
    shutil.copytree(ROOT / "builders" / "asr" / "demo" / "parakeet", other)
    manifest = json.loads((asr_repository / "manifest.json").read_bytes())
    manifest["families"]["asr"]["sources"]["parakeet"]["uri"] = f"path:{other}"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PerfError, match=r"Build both repositories from one checkpoint\."):
        measure(asr_repository, rounds=2, requests=1, int8=tmp_path)


def test_nobody_reads_with_another_callers_reader() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    pool = Pool(make, 1)
    with pool.one() as first, pool.one() as second:
        assert first is not second
    with pool.one() as again:
        assert again in made
    assert len(made) == 2
    both = threading.Barrier(2, timeout=60)

    def use() -> None:
        with pool.one():
            both.wait()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2


@pytest.mark.parametrize("families", [{}, {"asr": {"pipelines": ["asr"], "sources": {}}}])
def test_a_repository_without_the_pipeline_is_one_sentence(
    tmp_path: Path, families: dict[str, object]
) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"families": families}))
    with pytest.raises(PerfError, match="names a source for its 'whisper'"):
        checkpoint_of(tmp_path, "asr_whisper", "whisper")


def test_a_folder_that_is_no_repository_is_one_sentence(tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(main)
    answer = CliRunner().invoke(app, ["--repository", str(tmp_path)])
    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: ") and "manifest.json" in answer.stderr


def test_a_lecture_is_two_minutes_of_talks() -> None:
    import soundfile

    lasting = {
        name: soundfile.info(io.BytesIO(encoded)).duration for name, encoded in sounds().items()
    }
    assert list(lasting) == ["command", "talk", "lecture"]
    assert lasting["lecture"] == pytest.approx(6 * (lasting["talk"] + 1))
    assert list(sounds(lecture=False)) == ["command", "talk"]
