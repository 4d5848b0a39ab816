"""What device code may not do, because joining modules or exchanging names would change what it means."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nameplate.factory.refused import Refused
from nameplate.factory.sources import PACKAGES

BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}
# A tuple of texts: the names of ours that a module, or one that it imports, looks up by what comes from elsewhere.
LOOKED_UP = "LOOKED_UP"
_NAMESPACES = {"globals", "locals", "vars", "dir", "exec", "eval", "__import__"}
_OF_A_MODULE = {"__name__", "__file__", "__path__"}
_NAMED = "name what is needed: the image calls it otherwise"
_WHOLE = "write the whole name as a text, or keep what is looked up in a dictionary"


def check(module: str, tree: ast.Module, nodes: Iterable[ast.AST]) -> None:
    """Raises Refused, with the place, for what the image would get wrong. `nodes`: all of the tree."""
    where = f"{module.replace('.', '/')}.py, line "
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            _check_import(where, node)
        elif isinstance(node, ast.Name) and node.id in _NAMESPACES | _OF_A_MODULE:
            if not _main_guard(node, tree):
                raise Refused(
                    f"{where}{node.lineno}: {node.id} tells of names as they are in the sources", _NAMED
                )
        elif isinstance(node, ast.Attribute) and node.attr == "__dict__":
            raise Refused(f"{where}{node.lineno}: __dict__ tells of names as they are in the sources", _NAMED)
        elif isinstance(node, ast.Call):
            _check_call(where, node)


def _check_import(where: str, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.ImportFrom):
        if node.level:
            raise Refused(f"{where}{node.lineno}: an import with dots", "write the whole name of the module")
        if any(alias.name == "*" for alias in node.names):
            raise Refused(f"{where}{node.lineno}: `from {node.module} import *`", "name what is needed")
        return
    for alias in node.names:
        package, _, leaf = alias.name.rpartition(".")
        if alias.name.split(".")[0] in PACKAGES:
            hint = f"write: from {package} import {leaf}" if package else "import a module of it"
            raise Refused(f"{where}{node.lineno}: `import {alias.name}`", hint)


def _main_guard(node: ast.Name, tree: ast.Module) -> bool:
    """`if __name__ == "__main__":` is never so in an image, nor for a module that is imported."""
    return any(isinstance(item, ast.If) and node in ast.walk(item.test) for item in tree.body) and (
        node.id == "__name__"
    )


def _check_call(where: str, node: ast.Call) -> None:
    called = node.func
    if isinstance(called, ast.Name) and called.id in BY_NAME and len(node.args) > 1:
        name = node.args[1]
        if not isinstance(name, ast.Constant | ast.Name | ast.Attribute | ast.Subscript):
            raise Refused(f"{where}{node.lineno}: {called.id} of a name that is put together", _WHOLE)
    if isinstance(called, ast.Attribute) and called.attr == "format" and node.keywords:
        raise Refused(f"{where}{node.lineno}: format() with names", "use an f-string")


def looks_up(nodes: list[ast.AST]) -> ast.Call | None:
    """A call that looks for a name which does not stand in it, if there is one. What a function was given by names it may
    hand on."""
    given = {node.kwarg.arg for node in nodes if isinstance(node, ast.arguments) and node.kwarg}
    for node in nodes:
        if isinstance(node, ast.Call):
            by_name = isinstance(node.func, ast.Name) and node.func.id in BY_NAME and len(node.args) > 1
            if by_name and not isinstance(node.args[1], ast.Constant):
                return node
            for keyword in node.keywords:
                handed_on = isinstance(keyword.value, ast.Name) and keyword.value.id in given
                if keyword.arg is None and not handed_on and not isinstance(keyword.value, ast.Dict):
                    return node
    return None


def expects_none(node: ast.Try) -> bool:
    """Whether it is ready for a module that is not there."""
    return any(
        isinstance(found, ast.Name) and found.id == "ImportError"
        for handler in node.handlers
        if handler.type is not None
        for found in ast.walk(handler.type)
    )
