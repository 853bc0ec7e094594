"""The decoder's bench: what its figures say, and a tiny run of what it measures."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from perf.against.decoder.asking import GATEWAY, GRPC, Answers, Chat
from perf.against.decoder.gateway import CONCURRENCIES as CLIENTS
from perf.against.decoder.gateway import Rounds
from perf.against.decoder.gateway import table as gateway_table
from perf.against.decoder.legs import CONTINUOUS, SERVED
from perf.against.decoder.served import Answered, asked, chat
from perf.against.decoder.speed import CONCURRENCIES, Speeds, table
from perf.against.decoder.stalls import Prefix, Stall, prefix, stall
from perf.against.decoder.stalls import table as stalls_table
from perf.against.llamacpp import rival as llamacpp
from perf.against.openvino import rival as openvino
from perf.against.rivals.round import Round
from perf.measure.analyzer.export import Timestamps


def leg(rate: float, tokens_asked: list[int]) -> object:
    def decode(at_once: int, new: int) -> Round:
        tokens_asked.append(new)
        last = at_once * new / (rate * at_once)
        return Round.of([[[last / 2, 1], [last, new]]] * at_once)

    return decode


def test_the_table_divides_by_each_rival_and_by_itself() -> None:
    speeds, tokens = Speeds(), list[int]()
    legs = {
        "fp32": {
            SERVED: leg(100, tokens),
            "llama.cpp": leg(50, tokens),
            CONTINUOUS: leg(10, tokens),
        },
        "int4": {SERVED: leg(300, tokens), "llama.cpp": leg(400, tokens)},
    }
    speeds.run(legs, rounds=3, tokens=96)  # type: ignore[arg-type]
    # One round of a few tokens does not count.
    assert tokens[:3] == [8, 8, 8] and tokens[-1] == 96
    shown = table(speeds)
    assert "| fp32 | llama.cpp | 2.00 ±0 % | 2.00 ±0 % | 2.00 ±0 % |" in shown
    assert "| int4 | llama.cpp | 0.75 ±0 % | 0.75 ±0 % | 0.75 ±0 % |" in shown
    # Alone it is not asked.
    assert f"| fp32 | {CONTINUOUS} | - | - | 10.00 ±0 % |" in shown
    assert "| fp32 | itself, one at a time | 1.00 ±0 % | 4.00 ±0 % | 8.00 ±0 % |" in shown
    assert "| int4 | itself, fp32 | 3.00 ±0 % | 3.00 ±0 % | 3.00 ±0 % |" in shown
    assert "| int4 | Triton | 300 | 1200 | 2400 | 160 | 160 |" in shown
    assert set(speeds.rates["fp32"][SERVED]) == set(CONCURRENCIES)
    assert speeds.ratio(1, ("fp32", SERVED), ("fp32", CONTINUOUS)) is None


def test_a_stall_is_the_longest_pause_behind_the_long_prompt() -> None:
    # A token each 10 ms; then the long prompt comes at 0.10, and one pause is 25 ms.
    steady = [[0.01 * number, number] for number in range(1, 11)]
    paused = [*steady, [0.11, 11], [0.135, 12], [0.145, 13], [0.155, 14]]
    other = [*steady, [0.11, 11], [0.13, 12], [0.14, 13], [0.155, 14]]
    found = stall(Round.of([paused, other, [[0.15, 1]]]), before=10, alone=0.025)
    assert math.isclose(found.step, 0.01) and math.isclose(found.longest, 0.025)
    assert math.isclose(found.steps, 2.5) and math.isclose(found.first, 0.05)
    # Tokens of which a character is made come together.
    joined = [*steady, [0.11, 11], [0.155, 14]]
    assert stall(Round.of([joined, other, [[0.15, 1]]]), before=10, alone=0.025).longest < 0.021
    with pytest.raises(ValueError, match="found one that ended"):
        stall(Round.of([paused, other, [[0.2, 1]]]), before=10, alone=0.025)


def test_prefixes_and_stalls_are_told() -> None:
    cold, warm = (
        Answered(Round.of([[[seconds, 2]]]), (cached,), (1020,))
        for seconds, cached in ((1.0, 1), (0.1, 1000))
    )
    found = prefix(cold, warm)
    assert found == Prefix(1.0, 0.1, 1000, 1020)
    shown = stalls_table({"fp32": [Stall(0.01, 0.025, 3.0, 1.5)] * 2}, {"1,000": [found] * 2})
    assert "| fp32 | 2.5 | 2.5 | 10.0 | 2.00 |" in shown
    assert "| 1,000 | 1020 | 1000 | 10.0 | ±0 % |" in shown


def test_what_a_gateway_adds_is_told() -> None:
    chats = [Chat("a", 11, {}), Chat("b", 31, {})]
    came = Answers.of([Timestamps(0, 5, 105), Timestamps(10, 17, 317)] * 2, chats)
    assert math.isclose(came.first, 6e-9) and math.isclose(came.token, 10e-9)
    found = Rounds()
    for clients in CLIENTS:
        for late in (0.0, 0.001):
            found.took(GRPC, clients, Answers(0.010 + late, 0.002))
            found.took(GATEWAY, clients, Answers(0.0115 + late, 0.0021))
    shown = gateway_table({"tiny": found})
    assert "| tiny | 8 | 10.5 | +1.5 (+1.5 to +1.5) | 2.00 | 1.05 ±0 % |" in shown


def test_what_is_asked_has_the_contracts_types() -> None:
    inputs = asked("hello", 7)
    assert {name: (array.dtype.char, array.shape) for name, array in inputs.items()} == {
        "text_input": ("O", (1,)),
        "max_tokens": ("i", (1,)),
        "ignore_eos": ("?", (1,)),
        "stream": ("?", (1,)),
    }
    seen = asked(chat("what?", [b"a", b"b"]), 7)
    assert seen["messages"][0].count(b'"image"') == 2 and list(seen["image"]) == [b"a", b"b"]
    assert "image" not in chat("what?")


@pytest.mark.parametrize("rival", [llamacpp, openvino], ids=lambda each: each.TITLE)
def test_a_rivals_packages_are_pinned(rival: object) -> None:
    lines = rival.ENVIRONMENT.requirements.read_text().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("# ") and all("==" in line for line in lines[1:])


def test_a_converted_checkpoint_is_not_converted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = list[list[str]]()

    def note(title: str, command: list[str]) -> None:
        ran.append(command)
        Path(command[-1]).touch() if "quantise" in str(command) else None

    for module in (llamacpp, openvino):
        monkeypatch.setattr(type(module.ENVIRONMENT), "install", lambda *_: tmp_path)
        monkeypatch.setattr(module, "run", note)
    (tmp_path / "fp32.gguf").touch()
    for _ in range(2):
        assert llamacpp.converted(tmp_path, tmp_path, "int4") == tmp_path / "q4_0.gguf"
    assert len(ran) == 1
    made = tmp_path / "openvino_int4"
    assert openvino.converted(tmp_path, tmp_path, "int4") == made
    made.mkdir()
    (made / "openvino_model.xml").touch()
    openvino.converted(tmp_path, tmp_path, "int4")
    assert len(ran) == 2 and ran[-1][-2:] == ["--sym", str(made)]
