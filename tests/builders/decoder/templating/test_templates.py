# ruff: noqa: E501 -- one line a case
"""Chat templates: the text is transformers' own, for every form of template and any chat."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.stages.templating.template import LONGEST, BrokenTemplate, ChatTemplate
from builders.kit.invalid_argument import InvalidArgument
from tests.builders.decoder.templates import ALL, PARTS, SPECIAL, TEXT_AND_PARTS, TEXTS

TEMPLATES = {name: ChatTemplate(source, SPECIAL) for name, source in ALL.items()}


def transformers_text(
    source: str, messages: Sequence[Mapping[str, Any]], **variables: Any
) -> str | None:
    """What transformers makes of it; None if the template raises."""
    from transformers.utils.chat_template_utils import render_jinja_template

    try:
        made: Any = render_jinja_template(
            [[dict(each) for each in messages]],
            chat_template=source,
            add_generation_prompt=True,
            **{**SPECIAL, **variables},
        )
    except Exception:  # as many kinds as templates
        return None
    return str(made[0][0])


def our_text(template: ChatTemplate, messages: Sequence[Mapping[str, Any]]) -> str | None:
    try:
        return template.fill(messages)
    except InvalidArgument:
        return None


PIECES = st.sampled_from([*"ab <|>\n\t{}%é中", "<think>", "</think>", "/no_think"])
WORDS = st.lists(PIECES, max_size=12).map("".join)


def chats(contents: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    roles = st.sampled_from(["system", "user", "assistant"])
    any_order = st.lists(roles, min_size=1, max_size=5)
    turns = st.sampled_from(
        [
            ["user"],
            ["system", "user"],
            ["user", "assistant", "user"],
            ["system", "user", "assistant", "user", "assistant", "user"],
        ]
    )
    return (turns | any_order).flatmap(
        lambda roles: st.tuples(
            *[st.fixed_dictionaries({"role": st.just(r), "content": contents}) for r in roles]
        ).map(list)
    )


PART = st.fixed_dictionaries({"type": st.just("text"), "text": WORDS}) | st.just({"type": "image"})


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", [*TEXTS, *TEXT_AND_PARTS])
@settings(max_examples=40, deadline=None)
@given(messages=chats(WORDS))
def test_texts(name: str, messages: list[dict[str, Any]]) -> None:
    expected = transformers_text(ALL[name], messages)
    assert our_text(TEMPLATES[name], messages) == expected


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", [*PARTS, *TEXT_AND_PARTS])
@settings(max_examples=40, deadline=None)
@given(messages=chats(st.lists(PART, min_size=1, max_size=3)))
def test_parts(name: str, messages: list[dict[str, Any]]) -> None:
    expected = transformers_text(ALL[name], messages)
    assert our_text(TEMPLATES[name], messages) == expected


USER = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages | tojson }}",
        "{{ messages | tojson(indent=2, ensure_ascii=true) }} é \U0001f600",
        "{{ {'é\U0001f600': '<&>'} | tojson(ensure_ascii=true) }}",
        "{{ {'b': [1, 2.5, none, true], 'a': '<&>'} | tojson(separators=(',', ':'), sort_keys=true) }}",
        "{{ [1, 'a', none, 2.0, {'x': (1, 2)}] }} {{ none }} {{ true }} {{ missing }}",
        "{{ messages[0].content[::-1] }} {{ 'abc'[1] }} {{ 'abc'[-2:] }}",
        "{% for c in 'abc' %}{{ loop.index }}{{ c }}{{ loop.revindex0 }}{{ loop.cycle('x', 'y') }}"
        "{{ loop.changed(c) }}{{ loop.previtem }}{% else %}none{% endfor %}",
        "{% for x in range(10) if x is odd %}{{ x }}{{ loop.length }}{% endfor %}",
        "{% for x in [[1, [2]], [3]] recursive %}{{ loop.depth }}{% if x is sequence %}({{ loop(x) }})"
        "{% else %}{{ x }}{% endif %}{% endfor %}",
        "{% set d = dict(a=1, b=2) %}{{ d.items() | list }}{{ d | dictsort }}{{ d.get('c', 3) }}"
        "{{ dict.fromkeys('ab') }}{% for k, v in d | items %}{{ k }}{{ v }}{% endfor %}",
        "{{ messages | selectattr('role', 'equalto', 'x') and 'lazy filters are true' }}",
        "{{ 'x' if messages | selectattr('role', 'equalto', 'x') | list else 'y' }}",
        "{{ messages | map(attribute='role') | join(', ') }} {{ ['b', 'a'] | sort | first }}",
        "{{ [3, 1, 2] | sort(reverse=true) | map('string') | join('-') }} {{ [1, 1, 2] | unique | list }}",
        "{{ ' a ' | trim }}|{{ 'a b' | title }}|{{ 'a\nb' | indent(4, true) }}|{{ 'abc' | truncate(2) }}",
        "{{ '%s-%03d-%.2f' % ('a', 7, 1.5) }} {{ '%s' | format(3) }} {{ '{:>5}|{}'.format('a', 1) }}",
        "{{ 7 // 2 }} {{ 7 / 2 }} {{ 7 % 2 }} {{ 2 ** 10 }} {{ -3 + 1 }} {{ 'ab' * 3 }} {{ [1] * 2 }}",
        "{{ 1 < 2 < 3 }} {{ 'a' in 'abc' }} {{ 'x' not in messages[0] }} {{ 1 == 1.0 }} {{ 3 is in [3] }}",
        "{{ '<a>' | safe }} {{ '<a>' | e }} {{ ('<a>' | safe) + '<b>' }} {{ '<' ~ 1 ~ none }}",
        "{{ 5 | string ~ '5' | int + 1 }} {{ 'x' | int(9) }} {{ '2.5' | float }} {{ [1, 2] | sum }}",
        "{{ ['a', 'b'] | last }} {{ [1, 2, 3] | max }} {{ 'a-b' | replace('-', '+') }} {{ -2 | abs }}",
        "{{ 'a,b,c'.rsplit(',', 1) }} {{ 'a,b'.partition(',') }} {{ 'aXb'.swapcase() }} {{ 'a'.isalpha() }}",
        "{% set ns = namespace(a=1) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}",
        "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ kwargs }}{{ varargs }}{% endmacro %}{{ m(1, c=3) }}{{ m.name }}",
        "{% set joiner = joiner(', ') %}{% for x in 'ab' %}{{ joiner() }}{{ x }}{% endfor %}",
        "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{% do %}",
        "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}",
        "{% raw %}{{ raw }}{% endraw %}\n  {% if true %}\n  x\n  {% endif %}\n{#- a comment -#}  y\n",
        "{% set x %}block {{ 1 }}{% endset %}{{ x | upper }}{% with y = 1 %}{{ y }}{% endwith %}{{ y }}",
        "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% elif x == 4 %}{% break %}{% endif %}"
        "{{ x }}{% endfor %}",
        "a{%- generation -%} {% set inside = 1 %}b {% endgeneration %}{{ inside }}c",
        "{{ messages.__class__ }}",
        "{{ messages.append(1) }}",
        "{{ (1).__class__.__mro__ }}",
        "{{ raise_exception('no') }}",
        "{{ undefined.attribute }}",
        "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ bos_token }}",
        "{{ strftime_now('%Y') }}",
        "{{ messages | tojson",
        "{% if %}",
    ],
)
def test_what_jinja_has_is_as_in_transformers(source: str) -> None:
    expected = transformers_text(source, USER)
    try:
        assert our_text(ChatTemplate(source, SPECIAL), USER) == expected
    except BrokenTemplate:
        assert expected is None


def test_variables_of_a_profile() -> None:
    quiet = ChatTemplate(ALL["qwen_3"], {**SPECIAL, "enable_thinking": False})
    assert quiet.fill(USER) == transformers_text(ALL["qwen_3"], USER, enable_thinking=False)
    assert quiet.fill(USER).endswith("<think>\n\n</think>\n\n")


def test_a_templates_own_refusal_is_told() -> None:
    told = "the model's chat template refuses these messages: System role not supported"
    with pytest.raises(InvalidArgument, match=f"^{told}$"):
        TEMPLATES["gemma"].fill([{"role": "system", "content": "x"}, *USER])
    with pytest.raises(InvalidArgument) as raised:
        ChatTemplate("{{ raise_exception('x' * 1000) }}", {}).fill(USER)
    assert len(str(raised.value)) < 400


def test_what_fails_is_told_without_its_inside() -> None:
    with pytest.raises(
        InvalidArgument, match=r"fails on these messages \(UndefinedError\)"
    ) as told:
        ChatTemplate("{{ messages[0].secret.path }}", {}).fill(USER)
    assert "secret" not in str(told.value)
    with pytest.raises(InvalidArgument, match=r"\(UnicodeEncodeError\)"):
        ChatTemplate(r"{{ '\ud800' }}", {}).fill(USER)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{% if %}", "a mistake in line 1"),
        ("\n\n{{ 'a' | nothing }}", "line 3: No filter named 'nothing'"),
        ("{{ 'a' is nothing }}", "No test named 'nothing'"),
        ("\n{% include 'x' %}", "line 2: include is not served"),
        ("{% import 'x' as x %}", "import is not served"),
        ("{% extends 'x' %}", "extends is not served"),
        ("{% block x %}{% endblock %}", "block is not served"),
        ("{% autoescape true %}{% endautoescape %}", "is not served"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "RecursionError"),
        ("{% for x in y %}" * 50 + "{% endfor %}" * 50, "can be compiled"),
        ("x" * (LONGEST + 1), f"at most {LONGEST} characters, found {LONGEST + 1}"),
    ],
)
def test_what_is_no_template_is_broken(source: str, told: str) -> None:
    with pytest.raises(BrokenTemplate, match=told):
        ChatTemplate(source, {})


def test_a_long_chat_is_filled_in() -> None:
    turns = [{"role": role, "content": "word " * 100} for role in ("user", "assistant")] * 500
    messages = [*turns, *USER]
    for name, template in TEMPLATES.items():
        if name in TEXTS:
            assert template.fill(messages) == transformers_text(ALL[name], messages), name
    long = [{"role": "user", "content": "word " * 200_000}]
    assert TEMPLATES["chatml"].fill(long) == transformers_text(ALL["chatml"], long)


def test_chats_are_filled_in_side_by_side() -> None:
    found: list[bool] = []

    def fill(number: int) -> None:
        messages = [{"role": "user", "content": str(number)}]
        expected = transformers_text(ALL["qwen_3"], messages)
        found.append(all(TEMPLATES["qwen_3"].fill(messages) == expected for _ in range(20)))

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [True] * 4
