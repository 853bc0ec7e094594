"""Whisper from checkpoint to text: token by token what transformers' ``generate`` says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from builders.asr.family import FAMILY
from builders.asr.stages import transcribe_long
from builders.asr.stages.whisper import whisper_tokens
from builders.asr.whisper.exports import SETTINGS, WHISPER
from builders.asr.whisper.models import transcribe_long as model
from builders.asr.whisper.parity import WHISPER_INT8
from builders.kit.build.parity import compare
from builders.kit.emit.config import configs_of
from builders.kit.emit.sizes import sized
from builders.kit.graph import Ensemble, Model, closure
from builders.kit.onnx import load_transformers
from builders.kit.onnx.session import make_session
from builders.kit.onnx.variants import int8
from builders.kit.recipe.profile import load_profile
from builders.kit.recipe.recipe import Recipe
from clients.chained import request_input
from repository.check.check import check_repository
from repository.config.proto import pb
from repository.findings import errors
from repository.release import release
from runtime.inprocess import InProcess
from tests.builders.kit import repositories
from tests.conftest import Serve
from training.asr.whisper.tiny_speech import WORDS, Phrase, talk

CHECKPOINT = Path(__file__).parent / "tiny"
EXPECTED = CHECKPOINT / "expected.json"
"""What transformers says of :data:`CASES`; the slow test below holds it to that, and writes it."""

WHISPER_EXPORTS = (WHISPER, SETTINGS)
INT8 = int8(WHISPER)

LANGUAGES, TASKS = ("en", "de"), ("transcribe", "translate")
CASES: Mapping[str, tuple[float, str, str | None, str]] = {
    # (seconds, spoken language, language asked for, task)
    "long": (77.3, "en", None, "transcribe"),
    "three windows": (23.111, "de", "de", "transcribe"),
    "translated": (14.0, "de", None, "translate"),
    "short": (6.0, "en", "en", "transcribe"),
    "one window": (10.0, "de", None, "transcribe"),
}


def sound(case: str) -> tuple[np.ndarray, list[Phrase]]:
    seconds, spoken, *_ = CASES[case]
    return talk(np.random.default_rng([7, len(case)]), spoken, seconds)


@dataclass(frozen=True)
class Built:
    repository: Path
    process: InProcess
    exports: Mapping[str, Path]
    models: Sequence[Model]
    configs: Mapping[str, pb.ModelConfig]

    def segments(self, case: str) -> list[Any]:
        _, _, language, task = CASES[case]
        number = LANGUAGES.index(language) if language else -1
        settings = whisper_tokens.read(self.exports["whisper.json"])

        def call(name: str, requests: Sequence[Any]) -> list[Any]:
            return [self.process.run(name, request) for request in requests]

        return transcribe_long.transcribe(sound(case)[0], number, TASKS.index(task), settings, call)

    def answer(self, **inputs: np.ndarray) -> dict[str, Any]:
        return dict(self.process.run("speak", inputs))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    exports = {}
    for export in WHISPER_EXPORTS:
        exports[export.name] = tmp_path_factory.mktemp("export") / export.name
        export.make(CHECKPOINT, exports[export.name])
    repository = tmp_path_factory.mktemp("repository")
    pipeline = Ensemble(name="speak", inputs=model.inputs, outputs=model.outputs, steps=model >> ())
    models = closure((pipeline,))
    recipe = Recipe(
        profile=load_profile("demo"),
        release=release("24.10"),
        families={"asr": FAMILY},
        models=models,
        owners={model.name: ("asr",) for model in models},
        exports={f"asr/{export.name}": export for export in WHISPER_EXPORTS},
        sources={},
        left_out=(),
    )
    paths = {f"asr/{name}": path for name, path in exports.items()}
    configs = sized(recipe, configs_of(models), paths)
    repositories.write(repository, models, exports, configs)
    return Built(repository, InProcess(repository), exports, models, configs)


def request(case: str, **choices: str) -> dict[str, np.ndarray]:
    _, _, language, task = CASES[case]
    asked = {"language": language, "task": task, **choices}
    texts = {k: np.array([v.encode()], np.object_) for k, v in asked.items() if v}
    return {"waveform": sound(case)[0], "speech": np.array([0.1, 0.9], np.float32), **texts}


def test_the_settings_are_the_checkpoints_and_decode_what_it_said(tmp_path: Path) -> None:
    SETTINGS.make(CHECKPOINT, tmp_path / SETTINGS.name)
    settings = whisper_tokens.read(tmp_path / SETTINGS.name)
    assert (tuple(settings.languages), tuple(settings.tasks)) == (LANGUAGES, TASKS)
    assert settings.language == -1 and settings.alignment_heads > 0
    for expected in json.loads(EXPECTED.read_text("utf-8")).values():
        tokens = [token for each in expected["segments"] for token in each["tokens"]]
        spoken = [token for token in tokens if token < settings.first_time_stamp]
        said = whisper_tokens.text(np.array(spoken), settings)
        assert said.strip() == expected["text"].strip()


@pytest.mark.thorough
def test_the_repository_is_sound(built: Built) -> None:
    assert errors(check_repository(built.repository, release("24.10"))) == []


@pytest.mark.thorough
@pytest.mark.parametrize("case", list(CASES))
def test_long_sound_has_the_tokens_and_segments_of_generate(built: Built, case: str) -> None:
    expected = json.loads(EXPECTED.read_text("utf-8"))[case]
    found = built.segments(case)
    tokens = [segment.tokens.tolist() for segment in found]
    assert tokens == [each["tokens"] for each in expected["segments"]]
    times = [[segment.start, segment.end] for segment in found]
    assert times == [[each["start"], each["end"]] for each in expected["segments"]]
    answer = built.answer(**request(case))
    assert [text.decode() for text in answer["text"]] == [expected["text"].strip()]
    assert len(answer["segments"]) == len(answer["segment_text"]) == len(answer["scores"]) > 0
    assert all(0 < score <= 1 for score in answer["scores"])


@pytest.mark.thorough
@pytest.mark.parametrize("case", list(CASES))
def test_words_have_the_times_of_transformers_within_their_segments(
    built: Built, case: str
) -> None:
    expected = json.loads(EXPECTED.read_text("utf-8"))[case]["words"]
    segments = built.segments(case)
    found = [(segment, word) for segment in segments for word in segment.words]
    assert [word.text for _, word in found] == [text.strip() for text, *_ in expected]
    for (segment, word), (_, *times) in zip(found, expected, strict=True):
        wanted = np.clip(times, segment.start, segment.end)
        np.testing.assert_allclose([word.start, word.end], wanted, atol=0.005, err_msg=word.text)
        assert segment.start <= word.start <= word.end <= segment.end
        assert 0 < word.score <= 1
    for before, after in pairwise(word for _, word in found):
        assert before.end <= after.start
    answer = built.answer(**request(case))
    words = [word for _, word in found]
    assert [text.decode() for text in answer["words"]] == [word.text for word in words]
    assert " ".join(word.text for word in words) == answer["text"][0].decode()
    np.testing.assert_allclose(answer["word_times"], [[w.start, w.end] for w in words], atol=1e-4)
    np.testing.assert_allclose(answer["word_scores"], [w.score for w in words], atol=1e-5)


@pytest.mark.thorough
def test_the_checkpoints_outputs_vary_and_are_what_was_said(built: Built) -> None:
    expected = json.loads(EXPECTED.read_text("utf-8"))
    assert (
        len({t for case in expected.values() for s in case["segments"] for t in s["tokens"]}) > 60
    )
    answer = built.answer(**request("long"))
    assert len(answer["segments"]) > 20
    said = [WORDS["en"][index] for phrase in sound("long")[1] for index in phrase.words]
    heard = answer["text"][0].decode().split()
    # It never heard a recording end, and makes words up there, as greater ones do in silence.
    blocks = SequenceMatcher(None, said, heard).get_matching_blocks()
    assert sum(block.size for block in blocks) > 0.85 * len(said)


@pytest.mark.thorough
def test_nobody_speaking_is_no_text_and_no_call(built: Built) -> None:
    silent = {**request("short"), "speech": np.array([0.1, 0.49], np.float32)}
    none = {**request("short"), "waveform": np.zeros(0, np.float32)}
    for inputs in (silent, none, {**silent, "speech": np.zeros(0, np.float32)}):
        answer = built.answer(**inputs)
        assert [len(answer[tensor.name]) for tensor in model.outputs] == [0] * 7
        assert answer["segments"].shape == (0, 2)


@pytest.mark.thorough
def test_languages_and_tasks_by_name_and_code(built: Built) -> None:
    by_code = built.answer(**request("three windows"))["text"]
    assert built.answer(**request("three windows", language=" German "))["text"] == by_code
    english = built.answer(**request("three windows", task="translate"))["text"][0].decode()
    assert set(english.split()) < set(WORDS["en"])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (
            {"language": "xx"},
            "language 'xx' is unknown: send one of en, de, or auto to have it detected",
        ),
        ({"language": "fr" * 300}, "language 'frfr.*…' is unknown"),
        ({"task": "sing"}, "task 'sing' is unknown: send transcribe or translate"),
    ],
)
def test_unknown_choices_are_refused(built: Built, choices: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        built.answer(**request("short", **choices))


def generated(case: str) -> dict[str, Any]:
    """transformers' own long form, or short form where the sound fits one window."""
    import torch
    from transformers import WhisperFeatureExtractor, WhisperTokenizer

    waveform = sound(case)[0]
    _, _, language, task = CASES[case]
    extractor = WhisperFeatureExtractor.from_pretrained(CHECKPOINT)
    long = waveform.size > 160000
    made = extractor(
        waveform,
        sampling_rate=16000,
        return_tensors="pt",
        return_attention_mask=True,
        truncation=not long,
        padding="longest" if long else "max_length",
    )
    model = load_transformers(CHECKPOINT, "WhisperForConditionalGeneration", attention="eager")
    output = model.generate(
        made.input_features,
        attention_mask=made.attention_mask,
        return_timestamps=True,
        return_segments=True,
        return_token_timestamps=True,
        language=language,
        task=task,
        condition_on_prev_tokens=False,
        temperature=0.0,
    )
    tokenizer = WhisperTokenizer.from_pretrained(CHECKPOINT)
    # As the pipeline does with return_timestamps="word"; it would search with a beam.
    times = torch.cat([segment["token_timestamps"] for segment in output["segments"][0]])
    _, words = tokenizer._decode_asr(
        [{"tokens": output["sequences"], "token_timestamps": times[None]}],
        return_timestamps="word",
        return_language=None,
        time_precision=0.02,
    )
    return {
        "text": tokenizer.decode(output["sequences"][0], skip_special_tokens=True),
        "segments": [
            {
                "start": float(segment["start"]),
                "end": float(segment["end"]),
                "tokens": segment["tokens"].tolist(),
            }
            for segment in output["segments"][0]
        ],
        "words": [[word["text"], *word["timestamp"]] for word in words["chunks"]],
    }


@pytest.mark.slow
def test_the_expected_answers_are_those_of_transformers() -> None:
    made = {case: generated(case) for case in CASES}
    if not EXPECTED.exists():
        EXPECTED.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")
        pytest.fail(f"{EXPECTED.name} was not there and is written: read it, run again")
    assert json.loads(EXPECTED.read_text("utf-8")) == made


@pytest.mark.slow
def test_batches_of_mixed_rows_agree_with_generate(built: Built) -> None:
    result = compare(WHISPER, CHECKPOINT, built.exports["whisper"])
    assert result.absolute < 1e-4


@pytest.mark.slow
def test_the_integers_pass_their_comparison_with_the_checkpoint(in_integers: Built) -> None:
    result = compare(INT8, CHECKPOINT, in_integers.exports["whisper"])
    assert 1e-3 < result.absolute < 2


@pytest.fixture(scope="module")
def in_integers(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same pipeline with the model in int8."""
    exports = {**built.exports, "whisper": tmp_path_factory.mktemp("int8") / "whisper"}
    facts = INT8.make(built.exports["whisper"], exports["whisper"])
    assert facts == {"precision": "int8", "integer_products": 33, "fp32_products": 3}
    repository = tmp_path_factory.mktemp("repository_int8")
    repositories.write(repository, built.models, exports, built.configs)
    return Built(repository, InProcess(repository), exports, built.models, built.configs)


@pytest.mark.thorough
@pytest.mark.parametrize("case", ["short", "one window", "translated"])
def test_in_integers_nearly_the_same_is_understood(
    built: Built, in_integers: Built, case: str
) -> None:
    expected, found = (each.answer(**request(case)) for each in (built, in_integers))
    texts = [answer["segment_text"].tolist() for answer in (expected, found)]
    assert len(texts[0]) == len(texts[1]) > 0
    ours, theirs = (b" ".join(each).decode().split() for each in texts)
    assert SequenceMatcher(None, ours, theirs).ratio() > 0.8
    assert np.abs(found["segments"] - expected["segments"]).max() < 0.5
    assert not np.array_equal(found["scores"], expected["scores"])


@pytest.mark.thorough
def test_the_integers_are_judged_token_by_token_along_their_own_way(
    built: Built, in_integers: Built
) -> None:
    """A token stands where the checkpoint holds it for likely enough, given those before it."""
    assert WHISPER.parity is not None
    assert WHISPER_INT8.following is not None
    inputs = WHISPER.parity.inputs()[0]
    for exports, least, most in ((built.exports, 0, 1e-4), (in_integers.exports, 1e-3, 1)):
        session = make_session(exports["whisper"])
        names = [each.name for each in session.get_outputs()]
        found = dict(zip(names, session.run(names, dict(inputs)), strict=True))
        expected = WHISPER_INT8.following(CHECKPOINT, inputs, found)
        for name in ("tokens", "lengths", "language"):
            assert expected[name].tolist() == found[name].tolist()
        assert least <= np.abs(expected["log_probs"] - found["log_probs"]).max() < most

    altered = {name: value.copy() for name, value in found.items()}
    altered["tokens"][1, 2] += 1
    # The first row's language was to be told; the second's was given.
    assert inputs["languages"].tolist() == [[-1], [0]]
    altered["language"][0] = 1 - found["language"][0]
    judged = WHISPER_INT8.following(CHECKPOINT, inputs, altered)
    assert judged["tokens"][1, 2] != altered["tokens"][1, 2]
    assert judged["tokens"][1, :2].tolist() == found["tokens"][1, :2].tolist()
    assert judged["language"].tolist() == found["language"].tolist()


@pytest.mark.slow
def test_a_random_one_of_another_shape_agrees_too(tmp_path: Path) -> None:
    from training.asr.whisper.random import make

    make(tmp_path / "random", size="tiny", tokens=24)
    out = tmp_path / "model.onnx"
    WHISPER.make(tmp_path / "random", out)
    assert compare(WHISPER, tmp_path / "random", out).absolute < 1e-3


@pytest.mark.slow
def test_on_triton_as_in_process(built: Built, serve: Serve) -> None:
    server = serve(built.repository)
    with grpc.InferenceServerClient(server.grpc) as client:

        def infer(inputs: dict[str, np.ndarray]) -> dict[str, Any]:
            sent = [request_input(name, value) for name, value in inputs.items()]
            answer = client.infer("speak", sent, client_timeout=60)
            return {tensor.name: answer.as_numpy(tensor.name) for tensor in model.outputs}

        for case in CASES:
            expected = built.answer(**request(case))
            found = infer(request(case))
            for tensor in model.outputs:
                if tensor.name in ("scores", "word_scores"):
                    name = tensor.name
                    np.testing.assert_allclose(found[name], expected[name], atol=1e-4)
                else:
                    assert found[tensor.name].tolist() == expected[tensor.name].tolist()
        with pytest.raises(InferenceServerException, match="language 'xx' is unknown") as refused:
            infer(request("short", language="xx"))
        assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
