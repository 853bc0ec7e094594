"""A budget in a template's tree: steps that take from it whatever the code around them does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from . import costs
from .metering import meter

_TICK, _READ, _LOOK = "tick!", "read!", "look!"
"""Filters that stand in compiled templates. No template can write such a name."""

_CALL = 4
"""Units of a turn of a loop, or of a call, beside its body."""

_NOT_SERVED = (
    nodes.Block,
    nodes.EvalContextModifier,
    nodes.Extends,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.ScopedEvalContextModifier,
)

_BODIES = (nodes.CallBlock, nodes.For, nodes.Macro)


class Steps(NodeTransformer):
    """Puts steps into a tree: in each turn of a loop and each call of a macro, and around what
    Jinja lets nobody else do.

    Raises:
        TemplateSyntaxError: the template uses what is not served.
    """

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        """Any node."""
        if isinstance(node, _NOT_SERVED):
            kind = type(node).__name__.lower()
            raise TemplateSyntaxError(f"{kind} is not served in chat templates", node.lineno)
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """``{% for … %}``: a turn costs what is in its body, and so does one that is left out."""
        self._body(node)
        if node.test is not None:
            node.test = nodes.And(_tick(_CALL, node), node.test, lineno=node.lineno)
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        """``{% macro … %}``."""
        return self._body(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        """``{% call … %}``."""
        return self._body(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """``a ~ b``."""
        self.generic_visit(node)
        node.nodes = [_through(_READ, each) for each in node.nodes]
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        """``a == b``, ``a in b`` and so on."""
        self.generic_visit(node)
        node.expr = _through(_READ, node.expr)
        for each in node.ops:
            each.expr = _through(_READ, each.expr)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:
        """``{key: value}``."""
        self.generic_visit(node)
        node.key = _through(_READ, node.key)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        """``a[1:]``."""
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _through(_LOOK, node.node)
        return node

    def _body(self, node: Any) -> nodes.Node:
        weight = _CALL + sum(map(_weight, node.body))
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_tick(weight, node), lineno=node.lineno))
        made: nodes.Node = node
        return made


def literals(tree: nodes.Template) -> str:
    """All texts that a template writes, with a NUL between them."""
    texts = [each.data for each in tree.find_all(nodes.TemplateData)]
    texts += [each.value for each in tree.find_all(nodes.Const) if isinstance(each.value, str)]
    return "\0".join(texts)


def _tick(units: int, where: nodes.Node) -> nodes.Expr:
    return _filter(_TICK, nodes.Const(units, lineno=where.lineno))


def _through(name: str, node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else _filter(name, node)


def _filter(name: str, node: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _weight(node: nodes.Node) -> int:
    """Units of a node that is run once. Bodies of loops and macros in it count for themselves."""
    if isinstance(node, nodes.TemplateData):
        return 1 + (len(node.data) >> 6)
    children = () if isinstance(node, _BODIES) else node.iter_child_nodes()
    return isinstance(node, nodes.Stmt) + sum(map(_weight, children))


# They take the context, as Jinja computes a filter that does not once, when it compiles.
@pass_context
def _take(context: Context, units: int) -> bool:
    meter().take(max(units, 1))
    return True


@pass_context
def _read(context: Context, value: Any) -> Any:
    meter().read(value)
    return value


@pass_context
def _look(context: Context, value: Any) -> Any:
    costs.look(value)
    return value


FILTERS: Mapping[str, Callable[..., Any]] = {_TICK: _take, _READ: _read, _LOOK: _look}
"""What the steps call."""
