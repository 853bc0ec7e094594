# ruff: noqa: E501 -- one line a case
"""What a hostile template does ends in a refusal, soon, and reaches nothing of the interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.stages.templating import sandbox
from builders.decoder.stages.templating.metering import DEPTH, Meter, TooMuchWork
from builders.decoder.stages.templating.template import BrokenTemplate, ChatTemplate
from builders.kit.invalid_argument import InvalidArgument
from repository.places import ROOT

USER = [{"role": "user", "content": "Hello"}]


def grown(first: str, turns: int, step: str, end: str) -> str:
    """A value that a loop makes larger, and what is then done with it."""
    return (
        "{% set ns = namespace(x=" + first + ") %}{% for i in range(" + str(turns) + ") %}"
        "{% set ns.x = " + step + " %}{% endfor %}" + end
    )


def pairs(end: str) -> str:
    """A list that holds one list twice, and that one likewise: 2 to the power of 60 elements."""
    return grown("[1]", 60, "[ns.x, ns.x]", end)


def tuples(end: str) -> str:
    return grown("(1,)", 60, "(ns.x, ns.x)", end)


MUCH = {
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops that skip": "{% for a in range(99999) %}{% for b in range(99999) if false %}{% endfor %}"
    "{% endfor %}",
    "a long text": "{{ 'a' * 10**9 }}",
    "a long list": "{{ [1] * 10**9 }}",
    "texts that double": grown("'ab'", 60, "ns.x ~ ns.x", "{{ ns.x | length }}"),
    "texts that are added": grown("'ab'", 60, "ns.x + ns.x", "{{ ns.x | length }}"),
    "lists that double": grown("[1]", 60, "ns.x + ns.x", "{{ ns.x | length }}"),
    "printed": pairs("{{ ns.x }}"),
    "as text": pairs("{{ ns.x | string }}"),
    "as JSON": pairs("{{ ns.x | tojson }}"),
    "compared": "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}"
    "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
    "a key": tuples("{{ {ns.x: 1} }}"),
    "a key that is looked up": tuples("{{ {'a': 1}[ns.x] }}"),
    "a key that is got": tuples("{{ {'a': 1}.get(ns.x) }}"),
    "a key that is in it": tuples("{{ ns.x in {'a': 1} }}"),
    "concatenated": tuples("{{ 'a' ~ ns.x }}"),
    "formatted by %": tuples("{{ '%s' % (ns.x,) }}"),
    "formatted": tuples("{{ '{}'.format(ns.x) }}"),
    "joined": tuples("{{ ns.x | join }}"),
    "raised": tuples("{{ raise_exception(ns.x) }}"),
    "unique": tuples("{{ [ns.x] | unique | list }}"),
    "tested": tuples("{{ [ns.x] | select('equalto', ns.x) | list | length }}"),
    "changed": tuples("{% for i in [1, 2] %}{{ loop.changed(ns.x) }}{% endfor %}"),
    "dicts": grown("[1]", 60, "{'a': ns.x, 'b': ns.x}", "{{ ns.x.items() }}"),
    "deep, as a key": grown("(1,)", 50_000, "(ns.x,)", "{{ {ns.x: 1} }}"),
    "deep, got": grown("(1,)", 50_000, "(ns.x,)", "{{ {}.get(ns.x) }}"),
    "deep, printed": grown("[1]", 50_000, "[ns.x]", "{{ ns.x }}"),
    "deep, lazy": grown("[1]", 50_000, "ns.x | map('string')", "{{ ns.x | list }}"),
    "macros that call two": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}"
    "{% endmacro %}{{ f(60) }}",
    "text in a loop": "{% for i in range(99999) %}" + "y" * 6000 + "{% endfor %}",
    "text in a macro": "{% macro f() %}{% for i in range(99999) %}" + "y" * 60_000 + "{% endfor %}"
    "{% endmacro %}{{ f() | length }}",
    "text in a block": "{% for i in range(99999) %}{% set x %}" + "y" * 60_000 + "{% endset %}"
    "{% endfor %}",
    "a margin": "{{ 'a\nb' | indent(10**9) }}",
    "a margin of JSON": "{{ [1] | tojson(indent=10**9) }}",
    "a separator": "{{ range(99999) | join('a' * 99999) }}",
    "a separator's method": "{{ ('a' * 99999).join(range(99999) | map('string')) }}",
    "replaced": "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
    "replaced by a method": "{{ ('a' * 99999).replace('', 'b' * 99999) }}",
    "searched backwards": "{{ ('a' * 2000000).rfind('b' + 'a' * 1000000) }}",
    "searched again and again": "{% set t = 'a' * 29000 %}{% set n = 'a' * 50 + 'b' + 'a' * 48 %}"
    "{% for i in range(99999) %}{{ n in t }}{% endfor %}",
    "stripped": "{{ ('a' * 1000000).strip('b' * 1000000 + 'a') }}",
    "trimmed": "{{ ('a' * 1000000) | trim('b' * 1000000 + 'a') }}",
    "powers": "{{ 2 ** (2 ** 40) }}",
    "products": grown("10", 60, "ns.x * ns.x", "{{ ns.x }}"),
    "digits": "{{ ('9' * 1000000) | int }}",
    "sorted": "{{ range(99999) | sort | sort | sort | sort | sort | sort | length }}",
    "split": "{% set t = 'a ' * 500000 %}" + grown("[]", 1000, "ns.x + [t.split()]", ""),
    "escaped as JSON": grown("'\"'", 60, "ns.x | tojson", "{{ ns.x | length }}"),
    "a refund": "{% for i in range(99999) %}{{ [-10**9] | map('tick!') | list }}"
    "{% for i in range(99999) %}{% endfor %}{% endfor %}",
}
"""What would take minutes, or all memory."""

FAILING = {
    "a long range": "{{ range(10**9) | list }}",
    "macros that never end": "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "loops that never end": "{% for x in [[1]] recursive %}{{ loop([x, x]) }}{% endfor %}",
    "a width": "{{ '%1000000000d' % 1 }}",
    "a width of a name": "{{ '%((a))1000000000d' % {'(a)': 1} }}",
    "a precision": "{{ '%.1000000000f' % 1.5 }}",
    "a width that is a value": "{{ '%*d' % (1000000000, 1) }}",
    "a width of the filter": "{{ '%1000000000d' | format(1) }}",
    "a width of format": "{{ '{:>1000000000}'.format('a') }}",
    "a value as a width of format": "{{ '{:>{}}'.format('a', 1000000000) }}",
    "a width of format_map": "{{ '{a:>1000000000}'.format_map({'a': 1}) }}",
    "padded": "{{ 'a'.ljust(10**9) }}",
    "padded with zeros": "{{ 'a'.zfill(10**9) }}",
    "tabs": "{{ 'a\t'.expandtabs(10**9) }}",
    "translated": "{{ 'a'.translate({97: 'b' * 99999}) }}",
    "a sum of lists": "{{ ([[1]] * 1000) | sum(start=[]) }}",
    "a class": "{{ ''.__class__.__mro__ }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "a name of Python's": "{% set ns = namespace(__class__=1) %}",
    "such a name later": "{% set ns = namespace() %}{% set ns.__init__ = 1 %}",
    "messages that are added": "{{ messages.append(1) }}",
    "messages that are taken": "{{ messages.pop() }}",
    "a message that is changed": "{{ messages[0].update({'a': 1}) }}",
    "a function that is missing": "{{ lipsum(1000000) }}",
    "an unbound method": "{{ cycler.next(1) }}",
    "a generator": "{{ (messages | map('string')).send(1) }}",
}

NOTHING = {
    "a class": "{{ ''['__class__'] }}",
    "a class by a filter": "{{ [''] | map(attribute='__class__') | first }}",
    "a class in a format": "{{ '{0.__class__}'.format(1) }}",
    "a function's globals": "{{ raise_exception.__globals__ }}{{ strftime_now.__code__ }}",
    "the template": "{{ self._TemplateReference__context }}",
    "a large width of a date": "{{ strftime_now('%1000000000d')[:0] }}",
}

MISSING = {
    "attr": "{{ messages | attr('__class__') }}",
    "center": "{{ 'a' | center(10**9) }}",
    "urlize": "{{ 'a' | urlize }}",
    "pprint": "{{ 'a' | pprint }}",
    "xmlattr": "{{ {} | xmlattr }}",
    "round": "{{ 1.5 | round(10**9) }}",
    "batch": "{{ [] | batch(10**9, 1) }}",
}


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", [*MUCH])
def test_too_much_work_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="does too much work on these messages"):
        ChatTemplate(MUCH[name], {}).fill(USER)


@pytest.mark.parametrize("name", [*FAILING])
def test_what_is_not_served_fails(name: str) -> None:
    with pytest.raises(InvalidArgument, match="fails on these messages"):
        ChatTemplate(FAILING[name], {}).fill(USER)
    assert USER == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("name", [*NOTHING])
def test_what_is_inside_is_not_there(name: str) -> None:
    assert ChatTemplate(NOTHING[name], {}).fill(USER) in ("", "<Undefined>")


@pytest.mark.parametrize("name", [*MISSING])
def test_filters_that_cost_what_nobody_knows_are_missing(name: str) -> None:
    with pytest.raises(BrokenTemplate, match=f"No filter named '{name}'"):
        ChatTemplate(MISSING[name], {})


def test_a_constant_is_not_computed_when_the_template_is_compiled() -> None:
    ChatTemplate("{% if false %}{{ 'a' * 10**9 }}{{ 10 ** 10 ** 9 }}{% endif %}", {}).fill(USER)


def test_the_prompt_is_not_many_times_the_messages() -> None:
    repeated = ChatTemplate("{% for i in range(20) %}{{ messages[0].content }}{% endfor %}", {})
    assert repeated.fill(USER) == "Hello" * 20
    with pytest.raises(InvalidArgument, match="too much work"):
        repeated.fill([{"role": "user", "content": "a" * 100_000}])


@pytest.mark.thorough
def test_what_is_deep_does_not_end_the_process() -> None:
    """Python hashes tuples by recursion without a bound, and would end with a segmentation fault."""
    code = (
        "from builders.decoder.stages.templating.template import ChatTemplate\n"
        "from tests.builders.decoder.templating.test_bounds import MUCH, USER\n"
        "for name in MUCH:\n"
        "    if name.startswith('deep'):\n"
        "        try:\n"
        "            ChatTemplate(MUCH[name], {}).fill(USER)\n"
        "        except ValueError:\n"
        "            pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120)
    assert done.returncode == 0


def test_a_budget_counts_what_is_read() -> None:
    meter = Meter(10_000, 60)
    meter.read([{"role": "user", "content": "a" * 6400}, (1, 2.5, None)])
    assert 100 < 10_000 - meter.left < 130
    with pytest.raises(TooMuchWork):
        meter.read("a" * 10_000_000)
    deep: list[object] = []
    for _ in range(DEPTH + 2):
        deep = [deep]
    with pytest.raises(TooMuchWork):
        Meter(10_000, 60).read(deep)


def test_time_is_bounded_besides() -> None:
    meter = Meter(1 << 60, 0)
    with pytest.raises(TooMuchWork):
        for _ in range(10_000_000):
            meter.take(1)


def test_every_method_that_is_served_exists() -> None:
    for kind, names in sandbox.METHODS.items():
        assert all(callable(getattr(kind, name)) for name in names)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *("{% for m in messages %}", "{% endfor %}", "{% if m.content %}", "{% endif %}"),
            *("{% set x = [x, x] %}", "{% macro f(x) %}", "{% endmacro %}", "{{ f(messages) }}"),
            *("{{ m.content * 9 ** 9 }}", "{{ m | tojson }}", "{{ x ~ x }}", "{{ m['role'] }}"),
            *("{{ messages | map(attribute='role') | join }}", "{% break %}", "{{ loop(x) }}"),
            *("{% set x %}", "{% endset %}", "{{ x[1:] }}", "{{ x.y.z }}", "{{ '%s' % x }}"),
            *("{% generation %}", "{% endgeneration %}", "{{ caller() }}", "{% call f(1) %}"),
            *("{% endcall %}", "{{ namespace(a=x) }}", "{{ range(9 ** 5) | sum }}", " text "),
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(FRAGMENTS | st.text("{}%#-'\"[]()|.a0 \n", max_size=40))
def test_any_template_is_filled_in_or_refused(source: str) -> None:
    try:
        ChatTemplate(source, {}).fill(USER).encode()
    except (BrokenTemplate, InvalidArgument) as error:
        assert "\n" not in str(error)
