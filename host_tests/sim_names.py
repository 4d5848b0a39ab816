"""What MicroPython's stubs say a module has: names, members, and the arguments of each function."""

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Names = dict[str, "Names | None"]


@dataclass
class Arguments:
    """`positional` is how many are taken by position, `keywords` which may be given by name."""

    positional: float = 0
    keywords: set[str] = field(default_factory=set)
    any_keyword: bool = False


def _file(root: Path, module: str) -> Path | None:
    path = module.replace(".", "/")
    for base in (root, root / "stdlib"):
        for found in (base / f"{path}.pyi", base / path / "__init__.pyi"):
            if found.is_file():
                return found
    return None


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def names(root: Path, module: str) -> Names | None:
    """Every name of a module, those of classes with their members; None when there is no stub."""
    path = _file(root, module)
    return None if path is None else _names(root, module, _tree(path).body)


def _names(root: Path, module: str, body: list[ast.stmt]) -> Names:
    found: Names = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = None
        elif isinstance(node, ast.ClassDef):
            found[node.name] = _names(root, module, node.body)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = None
        elif isinstance(node, ast.Assign):
            found |= {target.id: None for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name): None for alias in node.names}
            if (
                isinstance(node, ast.ImportFrom)
                and node.names[0].name == "*"
                and node.module not in (None, module)
            ):
                found |= names(root, str(node.module)) or {}
        elif isinstance(node, ast.If | ast.Try):
            found |= _names(root, module, node.body) | _names(root, module, node.orelse)
    return found


def _signature(node: ast.FunctionDef, method: bool) -> Arguments:
    given = node.args
    drop = int(method and not any(getattr(mark, "id", "") == "staticmethod" for mark in node.decorator_list))
    both = [argument.arg for argument in given.args]
    positional = len(given.posonlyargs) + len(both) - drop
    if drop and not given.posonlyargs:
        both = both[1:]
    keywords = {*both, *(argument.arg for argument in given.kwonlyargs)}
    unlimited = given.vararg is not None
    return Arguments(float("inf") if unlimited else positional, keywords, given.kwarg is not None)


def _functions(body: list[ast.stmt], owner: str = "") -> dict[str, list[Arguments]]:
    found: dict[str, list[Arguments]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(owner + node.name, []).append(_signature(node, bool(owner)))
        elif isinstance(node, ast.ClassDef):
            for name, signatures in _functions(node.body, node.name + ".").items():
                found.setdefault(name, []).extend(signatures)
        elif isinstance(node, ast.If | ast.Try):
            for name, signatures in {
                **_functions(node.body, owner),
                **_functions(node.orelse, owner),
            }.items():
                found.setdefault(name, []).extend(signatures)
    return found


def arguments(root: Path, module: str, name: str) -> list[Arguments]:
    """The signatures (overloads) of `function` or `Class.method` in a stub; empty when it has none."""
    path = _file(root, module)
    return [] if path is None else _functions(_tree(path).body).get(name, [])


def shim_arguments(tree: ast.Module) -> dict[str, Arguments]:
    """The public functions and methods of one of our modules; an argument named _x is by position only."""
    return {
        name: signatures[0]
        for name, signatures in _functions(tree.body).items()
        if not any(part.startswith("_") for part in name.split(".")[:1])
        and (not name.split(".")[-1].startswith("_") or name.endswith(".__init__"))
    }
