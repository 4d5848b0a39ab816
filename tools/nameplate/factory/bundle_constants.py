"""Numbers and short words that a module names once stand where they are used, in every bundle.

A global costs a chip ten bytes for its place in the module's dictionary and three wherever it is read; a small number
where it is used costs one or two. So `LIMIT = 512` and `OK = "ok"` vanish, with what imports them, unless somebody takes
them out of a module (`warranty.COVERED`) or binds the same name otherwise.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable

from nameplate.factory.bundle_scopes import Function, nodes_of

_LONGEST = 10  # letters: a longer text is an object of its own wherever it stands
_BIGGEST = 1 << 30  # a chip's small integers
Value = int | str


def inline(trees: Iterable[ast.Module]) -> None:
    """Do so in all bundles' parts, whose globals have names that no other has."""
    parts = list(trees)
    values = _constants(parts)
    taken = {node.attr for part in parts for node in nodes_of(part) if isinstance(node, ast.Attribute)}
    for part in parts:
        _Inliner(values, {*values} - taken).visit(part)
        for node in nodes_of(part):
            if isinstance(node, Function) and not node.body:
                node.body = [ast.Pass()]


def _constants(parts: list[ast.Module]) -> dict[str, Value]:
    """The globals that are bound once, to a number or a short word, and by nothing else anywhere."""
    found: dict[str, Value] = {}
    bound: Counter[str] = Counter()
    for part in parts:
        for statement in part.body:
            if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
                value = _value(statement.value)
                if value is not None and len(statement.targets) == 1:
                    found[target.id] = value
        for node in nodes_of(part):
            bound.update(_bound(node))
    copies = Counter(
        statement.targets[0].id
        for part in parts
        for statement in part.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    )
    # Two bundles may hold the same module.
    return {name: value for name, value in found.items() if bound[name] == copies[name]}


def _bound(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.arg | ast.keyword):
        return [node.arg] if node.arg else []
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ExceptHandler):
        return [node.name] if node.name else []
    if isinstance(node, ast.Global | ast.Nonlocal):
        return node.names
    if isinstance(node, ast.alias):
        return [node.asname] if node.asname else []
    return []


def _value(node: ast.expr) -> Value | None:
    if isinstance(node, ast.Call):
        const = isinstance(node.func, ast.Name) and node.func.id == "const" and len(node.args) == 1
        return _value(node.args[0]) if const else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _value(node.operand)
        return -number if isinstance(number, int) else None
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, int):
        return node.value if node.value < _BIGGEST else None
    return node.value if isinstance(node.value, str) and len(node.value) <= _LONGEST else None


class _Inliner(ast.NodeTransformer):
    def __init__(self, values: dict[str, Value], vanish: set[str]) -> None:
        self._values = values
        self._vanish = vanish

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._values:
            return ast.copy_location(ast.parse(repr(self._values[node.id]), mode="eval").body, node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        if isinstance(node.targets[0], ast.Name) and node.targets[0].id in self._vanish:
            return None
        self.generic_visit(node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        node.names = [alias for alias in node.names if alias.asname or alias.name not in self._values]
        return node if node.names else None

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        """A value in a text is part of the text: MicroPython's own reading of `{'ok'}` is not to be relied on."""
        self.generic_visit(node)
        values: list[ast.expr] = []
        for part in node.values:
            text = _text(part)
            before = values[-1] if values else None
            if text is None:
                values.append(part)
            elif isinstance(before, ast.Constant):
                values[-1] = ast.copy_location(ast.Constant(f"{_text(before)}{text}"), before)
            else:
                values.append(ast.copy_location(ast.Constant(text), part))
        node.values = values
        return node


def _text(part: ast.expr) -> str | None:
    """What a part of an f-string says, where that is known."""
    if isinstance(part, ast.FormattedValue):
        if part.conversion != -1 or part.format_spec:
            return None
        value = _value(part.value)
        return None if value is None else str(value)
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else None
