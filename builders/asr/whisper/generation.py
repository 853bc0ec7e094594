"""How a Whisper's text is decoded, by ``generation_config.json``: what is carried of it.

transformers 5.23's ``WhisperGenerationMixin.generate`` decides what a setting does. Settings that
change its answers and that the graph does not know are refused, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builders.kit.onnx import transformers_alone
from builders.kit.sources.values import Values

TASKS = ("transcribe", "translate")

CARRIED: Mapping[str, tuple[Any, ...]] = {
    "num_beams": (1,),
    "num_beam_groups": (1,),
    "num_return_sequences": (1,),
    "repetition_penalty": (1,),
    "encoder_repetition_penalty": (1,),
    "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,),
    "bad_words_ids": ([],),
    "force_words_ids": ([],),
    "constraints": ([],),
    "sequence_bias": ([], {}),
    "exponential_decay_length_penalty": (),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "forced_bos_token_id": (),
    "forced_eos_token_id": (),
    "guidance_scale": (1,),
    "penalty_alpha": (0,),
    "dola_layers": (),
    "prompt_lookup_num_tokens": (),
    "use_mtp": (False,),
    "token_healing": (False,),
    "watermarking_config": (),
    "stop_strings": ([],),
    "max_time": (),
    "condition_on_prev_tokens": (False,),
    "no_speech_threshold": (),
    "_detect_timestamp_from_logprob": (True,),
}
"""Settings that change the text unless they have one of these values or are left out."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What decides the text.

    Attributes:
        maximum: tokens that may follow the prompt, if the sequence has room.
        start: the token that begins every prompt.
        end: the token that ends a text.
        padding: the token after the end.
        no_time_stamps: the prompt's last token where none are wanted.
        initial: the latest first time stamp, in steps of 20 ms; None means no bound.
        suppressed: tokens that never follow.
        suppressed_first: tokens that never come first.
        languages: code -> token, in the tokens' order; empty for an English-only checkpoint.
        tasks: task -> token; likewise.
        language: the code of the default one; empty means to detect it.
        task: the default one.
        alignment_heads: layer and head of the decoder's cross-attention that follow the sound, in
            order; empty if the checkpoint names none.
    """

    maximum: int
    start: int
    end: int
    padding: int
    no_time_stamps: int
    initial: int | None
    suppressed: tuple[int, ...]
    suppressed_first: tuple[int, ...]
    languages: Mapping[str, int]
    tasks: Mapping[str, int]
    language: str
    task: str
    alignment_heads: tuple[tuple[int, int], ...]

    @property
    def first_time_stamp(self) -> int:
        """The token of 0.00 s."""
        return self.no_time_stamps + 1


def read_generation(values: Values, config: Values) -> Generation:
    """The settings that are served; all others are noted.

    Args:
        values: those of generation_config.json.
        config: those of config.json.
    """
    values.only(CARRIED)
    vocabulary = config.whole("vocab_size", 51865, 1)
    positions = config.whole("max_target_positions", 448, 1)
    end = _end(values, vocabulary)
    stamps = values.whole("no_timestamps_token_id", None, 0, vocabulary - 2)
    if values.content.get("no_timestamps_token_id") is not None and not end < stamps:
        values.refuse("no_timestamps_token_id", f"a token behind the end, which is {end}")
    languages, tasks = _languages(values, vocabulary), _tasks(values, vocabulary)
    if values.content.get("is_multilingual", bool(languages)) is not bool(languages):
        values.refuse("is_multilingual", "true with a lang_to_id, false without")
    prompt = 4 if languages else 2
    language, task = _defaults(values, config, languages, tasks)
    return Generation(
        maximum=_maximum(values, positions, prompt),
        start=values.whole("decoder_start_token_id", None, 0, vocabulary - 1),
        end=end,
        padding=values.whole("pad_token_id", end, 0, vocabulary - 1),
        no_time_stamps=stamps,
        initial=None
        if values.content.get("max_initial_timestamp_index") is None
        else values.whole("max_initial_timestamp_index"),
        # A number that is not a token has no effect, such as the -1 in OpenAI's list.
        suppressed=_tokens(values, "suppress_tokens", vocabulary),
        suppressed_first=_tokens(values, "begin_suppress_tokens", vocabulary),
        languages=languages,
        tasks=tasks if languages else {},
        language=language,
        task=task,
        alignment_heads=_alignment_heads(values, config),
    )


def _end(values: Values, vocabulary: int) -> int:
    """The token that ends a text; it may stand in a list of one."""
    found = values.content.get("eos_token_id")
    if isinstance(found, list):
        if len(found) != 1 or type(found[0]) is not int or not 0 <= found[0] < vocabulary:
            values.refuse("eos_token_id", f"one token of {vocabulary}")
            return 0
        return found[0]
    return values.whole("eos_token_id", None, 0, vocabulary - 1)


def _maximum(values: Values, positions: int, prompt: int) -> int:
    """Tokens that may follow the prompt, where the sequence has room."""
    room = positions - prompt
    if values.content.get("max_new_tokens") is not None:
        return values.whole("max_new_tokens", None, 1, room)
    found = values.content.get("max_length")
    if type(found) is not int or found < positions - 1:
        # Left out, transformers stops after 20 tokens; a lower one it raises from window to window.
        values.refuse("max_length", f"{positions}, or a max_new_tokens of 1 to {room} instead")
    return positions


def _tokens(values: Values, name: str, vocabulary: int) -> tuple[int, ...]:
    return tuple(each for each in values.wholes(name) if 0 <= each < vocabulary)


def _languages(values: Values, vocabulary: int) -> dict[str, int]:
    """Code -> token, in the tokens' order."""
    if values.content.get("lang_to_id") is None:
        return {}
    listed = _by_name(values, "lang_to_id", vocabulary)
    return {
        name.strip("<|>"): token for name, token in sorted(listed.items(), key=lambda item: item[1])
    }


def _tasks(values: Values, vocabulary: int) -> dict[str, int]:
    if values.content.get("lang_to_id") is None:
        return {}
    found = _by_name(values, "task_to_id", vocabulary)
    if TASKS[0] not in found:
        values.refuse("task_to_id", f"a token for {TASKS[0]}")
    return found


def _by_name(values: Values, name: str, vocabulary: int) -> dict[str, int]:
    found = values.content.get(name)
    if (
        not isinstance(found, dict)
        or not found
        or not all(type(each) is int and 0 <= each < vocabulary for each in found.values())
        or len(set(found.values())) < len(found)
    ):
        values.refuse(name, f"names with a token of {vocabulary} each")
        return {}
    return dict(found)


def _defaults(
    values: Values, config: Values, languages: Mapping[str, int], tasks: Mapping[str, int]
) -> tuple[str, str]:
    """The language and the task that hold where a request names none; no language is detected."""
    language, task = (values.content.get(name) for name in ("language", "task"))
    if not languages:
        return "", TASKS[0]
    if language is None and task is None:
        return _forced(values, config, languages, tasks)
    code = _code(language, languages)
    if code is None:
        values.refuse("language", "one that lang_to_id names")
    if task is not None and (task not in TASKS or task not in tasks):
        values.refuse("task", " or ".join(each for each in TASKS if each in tasks))
        task = None
    return code or "", task or TASKS[0]


def _code(language: object, languages: Mapping[str, int]) -> str | None:
    """A language's code; empty if there is none, None if it is unknown."""
    if language is None:
        return ""
    if not isinstance(language, str):
        return None
    name = language.lower()
    if name.strip("<|>") in languages:
        return name.strip("<|>")
    with transformers_alone() as transformers:
        codes = transformers.models.whisper.tokenization_whisper.TO_LANGUAGE_CODE
    code = codes.get(name, "")
    return code if code in languages else None


def _forced(
    values: Values, config: Values, languages: Mapping[str, int], tasks: Mapping[str, int]
) -> tuple[str, str]:
    """The same from the older ``forced_decoder_ids``: [[1, language or null], [2, task], ...]."""
    holder = values if values.content.get("forced_decoder_ids") is not None else config
    forced = holder.content.get("forced_decoder_ids")
    if not forced:
        return "", TASKS[0]
    named = {token: name for name, token in (*languages.items(), *tasks.items())}
    try:
        tokens = [token for _, token in forced]
        in_order = [place for place, _ in forced] == list(range(1, len(forced) + 1))
    except (TypeError, ValueError):
        tokens, in_order = [], False
    last = values.content.get("no_timestamps_token_id")
    prompt = tokens[:-1] if tokens and tokens[-1] == last else tokens
    language, task = ([*(named.get(token) for token in prompt), None, None])[:2]
    known = (
        in_order
        and len(prompt) <= 2
        and (language in languages or prompt[:1] in ([], [None]))
        and (task in TASKS or len(prompt) < 2)
    )
    if not known:
        holder.refuse("forced_decoder_ids", "those of a language or null, and of a task")
        return "", TASKS[0]
    return language or "", task or TASKS[0]


def _alignment_heads(values: Values, config: Values) -> tuple[tuple[int, int], ...]:
    """Layer and head, in order."""
    layers, each = (
        config.whole("decoder_layers", 4, 1),
        config.whole("decoder_attention_heads", 6, 1),
    )
    found = values.content.get("alignment_heads")
    if found is None:
        return ()
    if isinstance(found, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(number) is int for number in pair)
        and 0 <= pair[0] < layers
        and 0 <= pair[1] < each
        for pair in found
    ):
        return tuple(sorted((layer, head) for layer, head in found))
    values.refuse("alignment_heads", f"pairs of a layer of {layers} and a head of {each}")
    return ()
