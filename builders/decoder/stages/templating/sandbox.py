"""Where a checkpoint's chat template runs: Jinja's sandbox, with a budget for all that it does.

Jinja compiles a template to Python, and its sandbox keeps templates from the interpreter's inside.
It does not bound what they do. Here each turn of a loop and each call of a macro costs what its
body is worth, and each operation what its operands are worth, before it is done. If an operand says
how much is made of little, as in ``'a' * 10**9``, that is what it costs.

Only what is known to be harmless is there: methods, filters and tests from lists, and no blocks,
includes or imports. A template that uses something else fails when it is compiled or filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Template, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler
from markupsafe import Markup

from . import costs, steps
from .filters import filters, tests
from .functions import FUNCTIONS, Dict, Names
from .metering import meter

_CALL = 4

_STRING = frozenset(
    {*("capitalize", "casefold", "count", "endswith", "find", "format", "index", "isalnum")}
    | {*("isalpha", "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace")}
    | {*("istitle", "isupper", "join", "lower", "lstrip", "partition", "removeprefix")}
    | {*("removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split")}
    | {*("splitlines", "startswith", "strip", "swapcase", "title", "upper")}
)

METHODS: Mapping[type, frozenset[str]] = {
    str: _STRING,
    Markup: _STRING,
    dict: frozenset({"copy", "get", "items", "keys", "values"}),
    list: frozenset({"copy", "count", "index"}),
    tuple: frozenset({"count", "index"}),
    LoopContext: frozenset({"changed", "cycle"}),
    Cycler: frozenset({"next", "reset"}),
    Dict: frozenset({"fromkeys"}),
}
"""What may be called of a value, by its type."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Where templates are compiled. That, and what they do, runs inside :func:`.metering.metered`.

    Its options, filters and functions are those that transformers gives to chat templates.
    """

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
        )
        self.filters = {**filters(self.filters), **steps.FILTERS}
        known: Mapping[str, Any] = self.tests
        self.tests = {**tests(known)}
        self.finalize = _printed
        del self.globals["lipsum"]
        self.globals.update(FUNCTIONS)

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        """Jinja's own hook: a tree to Python."""
        tree = steps.Steps().visit(source)
        tree.set_environment(self)
        return super()._generate(tree, *args, **options)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may have it: data, and the methods above."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        if not callable(value) or isinstance(obj, Names):
            return True
        return attr in METHODS.get(type(obj), ())

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``obj.attribute``."""
        meter().take(1)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``."""
        meter().read(argument)
        return super().getitem(obj, argument)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """What stands for a text's own ``format``; ``None`` if the value is not that."""
        made = super().wrap_str_format(value)
        if made is None:
            return None

        def formatted(*args: Any, **named: Any) -> str:
            costs.specified(value.__self__)
            return made(*args, **named)

        return formatted

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """``left operator right``."""
        costs.binary(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """``obj(*args, **kwargs)``."""
        meter().take(_CALL)
        if not isinstance(__obj, (Macro, LoopContext)):
            owner = getattr(__obj, "__self__", None)
            if isinstance(owner, str):
                args = costs.method(owner, __obj.__name__, args)
            elif isinstance(owner, (list, tuple)):
                meter().read(owner)
            meter().read(args)
            meter().read(kwargs)
        return costs.paid(super().call(__context, __obj, *args, **kwargs))


class Generation(Extension):
    """``{% generation %}`` … ``{% endgeneration %}``, around what the assistant said.

    It says what training is about, and changes nothing of the text.
    """

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node:
        """The tag's node: its body is called, so that names which it sets stay inside."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Callable[[], str]) -> str:
        return caller()


def compiled(source: str) -> tuple[Template, str]:
    """A template, and all texts that it writes.

    Raises:
        TemplateSyntaxError: it is not one, or uses what is not served.
    """
    sandbox = Sandbox()
    return sandbox.from_string(source), steps.literals(sandbox.parse(source))


def _printed(value: Any) -> Any:
    meter().read(value)
    return value
