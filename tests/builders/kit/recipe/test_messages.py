"""Whatever is wrong in a profile or an override is said in the project's words, not a library's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from builders.kit.recipe.profile import Profile, ProfileError, load_profile
from builders.kit.recipe.recipe import make_recipe
from perf.scenario import Scenario
from repository.files import yaml_file
from repository.files.bounded_file import Unreadable
from repository.findings import finding_of

FORBIDDEN = re.compile(
    r"found found|expected expected|\.\.(?!\.)|Dictionary|[Ii]nput should|should be|should have"
    r"|validation|valid (string|integer|number|list|dict|boolean|tuple)|Value error|instance of"
    r"|Traceback|\bNone\b|\bTrue\b|\bFalse\b|<class|Error\b|\bctx\b|<function"
)
"""What no message may have: a doubled word, a validator's own, Python's values and exceptions."""

GOOD: dict[str, Any] = {
    "triton": "24.10",
    "device": "cpu",
    "precision": "fp32",
    "hub": False,
    "bls": True,
    "families": {
        "asr": {"sources": {"vad": "demo:x"}, "bounds": {"word_error_rate": 1}},
        "ocr": {},
    },
    "models": {
        "transcribe": {
            "instances": {"count": 2, "kind": "KIND_CPU", "gpus": [0]},
            "queue": {"max_size": 3, "timeout_action": "REJECT"},
            "batching": {"preferred_sizes": [1, 2], "priority_levels": 2},
            "max_batch_size": 4,
        },
        "join_segments": {"parameters": {"beam": 8}},
        "recognise": {"precision": "int8", "response_cache": True},
    },
}

values = st.recursive(
    st.sampled_from(
        [None, True, -3, 0, 1025, 10**18, 10**30, "", "x", "found it..", "nan", "24.1", "KIND", "é"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["beam", "count", "x", "1"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else []
    inside = list(enumerate(value)) if isinstance(value, list) else inside
    return [
        *([at] if at else []),
        *(each for key, item in inside for each in places(item, (*at, key))),
    ]


def changed(at: tuple[Any, ...], action: str, value: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(GOOD))
    where: Any = made
    for key in at[:-1]:
        where = where[key]
    if action == "drop":
        del where[at[-1]]
    elif action == "rename" and isinstance(where, dict):
        where[f"{at[-1]}x"] = where.pop(at[-1])
    else:
        where[at[-1]] = value
    return made


def said(profile: Path) -> str:
    try:
        make_recipe(load_profile(profile))
    except ProfileError as error:
        return str(error)
    return ""


def assert_plain(message: str) -> None:
    for each in message.splitlines():
        # What the file's author wrote is quoted.
        own = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", each)
        assert not FORBIDDEN.search(own), each
        assert each.count(": expected ") >= 1 and ", found " in each, each
        assert each.rstrip().endswith((".", "?")), each


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(places(GOOD)), st.sampled_from(["drop", "rename", "set"]), values
        ),
        min_size=1,
        max_size=1,
    )
)
def test_a_changed_profile_is_refused_in_plain_words(
    tmp_path: Path, changes: list[tuple[tuple[Any, ...], str, Any]]
) -> None:
    ((at, action, value),) = changes
    path = tmp_path / "profile.yaml"
    path.write_text(json.dumps(changed(at, action, value)), "utf-8")
    if message := said(path):
        assert_plain(message)


LINES = [
    "\tfamilies: {}",
    "<<: *base",
    "a: &a {<<: *a}",
    "families: [",
    "families: {asr: {}}}",
    "triton: !!bool zz",
    "triton: 24.10\ntriton: 24.10",
    "? [a]\n: b",
    "%YAML 9",
    "a: 'open",
    "a: @b",
    "a: `b",
    "- a\n b: c",
    "a: b: c",
    "---\n---\n",
    "\x01",
    "",
    "5",
    "null",
]


@pytest.mark.parametrize("text", LINES)
def test_a_profile_that_is_no_yaml_is_refused_in_plain_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(text, "utf-8")
    assert_plain(said(path))


def test_a_merge_key_is_refused_with_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text("base: &base {instances: 2}\nmodels:\n  detect:\n    <<: *base\n")
    told = (
        "profile.yaml, line 4: expected keys and values, found the merge key '<<'; write out what"
    )
    assert told in said(path)


def test_a_negative_beam_is_refused_at_plan(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text(
        json.dumps(changed(("models", "join_segments"), "set", {"parameters": {"beam": -3}}))
    )
    assert (
        "join_segments.parameters.beam: expected a whole number from 1 to 64, found '-3'"
        in said(path)
    )


@pytest.mark.parametrize("model", [Profile, Scenario])
@settings(max_examples=60)
@given(value=st.dictionaries(st.sampled_from([*Profile.model_fields, "pipeline", "x"]), values))
def test_every_file_of_the_kind_is_refused_so(
    model: type[BaseModel], value: dict[str, Any]
) -> None:
    kind = yaml_file.Kind("file", ProfileError)
    try:
        yaml_file.validated(value, model, kind, "f.yaml", {})
    except ProfileError as error:
        assert_plain(str(error))


def test_every_error_of_the_validators_that_a_file_can_cause_has_words() -> None:
    """Those of types that the project's models have no field of are not caused."""
    absent = re.compile(
        r"counter|string_not_ascii|deque|fraction|named_tuple|ordered|typed_dict|frame|date|time|uuid|url|bytes|decimal|complex|callable|json|enum|iter|set_|frozen|generator"
        r"|attribute|dataclass|argument|union|recursion|init_|default_|needs_python|is_|custom"
        r"|multiple_of|unicode|string_sub|string_ascii|missing_sentinel|mapping_type|no_such|missing"
        r"|extra_forbidden|literal_error|value_error|assertion_error|invalid_key|less_than\b"
    )
    left = set(get_args(ErrorType)) - set(yaml_file._WORDS)
    assert not {each for each in left if not absent.search(each)}


def test_another_errors_words_fit_into_the_sentence() -> None:
    told = str(finding_of("r", "w", "expected a.", "found found b..", "Mend it"))
    assert told == "error [r] w: expected a, found b. Mend it."
    assert str(Unreadable("f", "YAML", "found it.", 3)) == "f, line 3: expected YAML, found it."
