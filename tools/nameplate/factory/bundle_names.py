"""Joining modules: every name of a module's own level becomes one that no other module has, imports are resolved."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from nameplate.factory.bundle_modules import Module, bound, imported
from nameplate.factory.refused import Refused
from nameplate.factory.sources import PACKAGES

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def unique_names(
    modules: Mapping[str, Module], entries: Mapping[str, set[str]]
) -> dict[tuple[str, str], str]:
    """(module, global) -> its name in every bundle. Names in `entries` (module -> names) stay as they are.

    What is imported from outside keeps its name: it means the same everywhere, `const` to the compiler above all.
    """
    used: Counter[str] = Counter()
    for module in modules.values():
        used.update(set(module.own))
        used.update({node.arg for node in ast.walk(module.tree) if isinstance(node, ast.arg)})
        for node in ast.walk(module.tree):
            if isinstance(node, _Function):
                used.update(set(bound(node.body)))
            elif isinstance(node, ast.comprehension):
                used.update(name.id for name in ast.walk(node.target) if isinstance(name, ast.Name))
    found = {}
    for module in modules.values():
        foreign = _foreign(module.tree)
        leaf = module.name.replace(".", "_")
        for name in module.own:
            alone = used[name] == 1 or name in entries.get(module.name, ()) or name in foreign
            found[module.name, name] = name if alone else f"{name}__{leaf}"
    return found


def _foreign(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in PACKAGES:
            names.update(alias.asname or alias.name for alias in node.names)
    return names


@dataclass
class _Scope:
    """`names`: what it binds. `aliases`: what it imports of ours -> (module, name or None), resolved without a variable.
    `held`: its variables that hold one of our modules, out of a bundle that is forgotten."""

    names: set[str] = field(default_factory=set)
    aliases: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    is_class: bool = False


class Joiner(ast.NodeTransformer):
    """Rewrites statements of modules for the bundle that `begin` named."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        contents: Mapping[str, Collection[str]],
        stays: Mapping[str, str],
        unique: Mapping[tuple[str, str], str],
    ) -> None:
        """`contents`: bundle -> its modules. `stays`: module -> its bundle, of those that are never forgotten."""
        self._modules = modules
        self._known = set(modules)
        self._contents = contents
        self._stays = stays
        self._unique = dict(unique)
        self._bundle = ""
        self._module = ""
        self._scopes: list[_Scope] = []
        self._imported: set[str] = set()
        self._tops: dict[str, _Scope] = {}

    def begin(self, bundle: str) -> None:
        """What follows goes into this bundle."""
        self._bundle = bundle
        self._imported = set()

    def rewrite(self, module: str, statement: ast.stmt) -> list[ast.stmt]:
        """What a statement of the module's own level becomes; nothing for a docstring, or an import that vanishes."""
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return []
        self._module = module
        if module not in self._tops:
            self._tops[module] = _Scope(set(self._modules[module].own))
        self._scopes = [self._tops[module]]
        found = self.visit(_copy(statement))
        new = [] if found is None else found if isinstance(found, list) else [found]
        kept = []
        for node in new:
            # The same import from outside, once in a bundle.
            if isinstance(node, ast.Import | ast.ImportFrom):
                text = ast.unparse(node)
                if text in self._imported:
                    continue
                self._imported.add(text)
            kept.append(node)
        return kept

    # Scopes

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        arguments = node.args
        arguments.defaults = [self.visit(item) for item in arguments.defaults]
        arguments.kw_defaults = [item and self.visit(item) for item in arguments.kw_defaults]
        if len(self._scopes) == 1:
            node.name = self._unique[self._module, node.name]
        names = _arguments(arguments) | set(bound(node.body))
        names -= {name for item in ast.walk(node) if isinstance(item, ast.Global) for name in item.names}
        names -= {name for item in ast.walk(node) if isinstance(item, ast.Nonlocal) for name in item.names}
        self._scopes.append(_Scope(names))
        node.body = self._body(_without_docstring(node.body))
        self._scopes.pop()
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args.defaults = [self.visit(item) for item in node.args.defaults]
        self._scopes.append(_Scope(_arguments(node.args)))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.bases = [self.visit(item) for item in node.bases]
        if len(self._scopes) == 1:
            node.name = self._unique[self._module, node.name]
        self._scopes.append(_Scope(set(bound(node.body)), is_class=True))
        node.body = self._body(_without_docstring(node.body))
        self._scopes.pop()
        return node

    def _comprehension(self, node: ast.AST) -> ast.AST:
        names = {
            name.id
            for part in node.generators  # type: ignore[attr-defined]
            for name in ast.walk(part.target)
            if isinstance(name, ast.Name)
        }
        self._scopes.append(_Scope(names))
        self.generic_visit(node)
        self._scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):  # an import that vanished may have been all there was
            if name == "body" and isinstance(getattr(node, name, None), list) and not getattr(node, name):
                setattr(node, name, [ast.Pass()])
        return node

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        new: list[ast.stmt] = []
        for statement in body:
            found = self.visit(statement)
            new.extend(found if isinstance(found, list) else [] if found is None else [found])
        return new or [ast.Pass()]

    # Names

    def _look(self, name: str) -> tuple[_Scope, bool] | None:
        """The scope that a name is found in, and whether that is the module's own level."""
        for depth in range(len(self._scopes) - 1, -1, -1):
            scope = self._scopes[depth]
            if scope.is_class and depth != len(self._scopes) - 1:
                continue
            if name in scope.names or name in scope.aliases:
                return scope, depth == 0
        return None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        found = self._look(node.id)
        if found is None:
            return node
        scope, top = found
        if node.id in scope.aliases:
            module, name = scope.aliases[node.id]
            if name is None:
                raise self._as_a_value(module, node)
            node.id = self._unique[module, name]
        elif node.id in scope.held and isinstance(node.ctx, ast.Load):
            raise self._as_a_value(scope.held[node.id], node)
        elif top:
            node.id = self._unique[self._module, node.id]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name):
            found = self._look(node.value.id)
            if found and node.value.id in found[0].aliases:
                module, name = found[0].aliases[node.value.id]
                if name is None:
                    new = ast.Name(self._name_in(module, node.attr, node.lineno), node.ctx)
                    return ast.copy_location(new, node)
            if found and node.value.id in found[0].held:
                node.attr = self._name_in(found[0].held[node.value.id], node.attr, node.lineno)
                if found[1]:
                    node.value.id = self._unique[self._module, node.value.id]
                return node
        return self.generic_visit(node)

    def _as_a_value(self, module: str, node: ast.Name) -> Refused:
        return Refused(
            f"{self._module}, line {node.lineno}: the module {module} is used as a value",
            "use what is in it by name: the image calls it otherwise",
        )

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._unique[self._module, name] for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name and len(self._scopes) == 1:
            node.name = self._unique[self._module, node.name]
        return self.generic_visit(node)

    def _name_in(self, module: str, name: str, line: int) -> str:
        if (module, name) not in self._unique:
            raise Refused(f"{self._module}, line {line}: {module} has no {name}", "mend the name")
        return self._unique[module, name]

    def _uses(self, variable: str) -> set[str]:
        """What the module takes out of another one that it calls `variable`."""
        return {
            node.attr
            for node in ast.walk(self._modules[self._module].tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == variable
        }

    # Imports

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt] | None:
        if (node.module or "").split(".")[0] not in PACKAGES:
            return node
        scope = self._scopes[-1]
        kept: list[ast.stmt] = []
        for alias in node.names:
            module, name = imported(node, alias, self._known)
            assert module is not None
            if module not in self._known:
                raise Refused(f"{self._module}, line {node.lineno}: there is no {module}", "mend the import")
            variable = alias.asname or alias.name
            bundle = self._stays.get(module, module)
            if module in self._contents[self._bundle]:
                scope.aliases[variable] = (module, name)
            elif name is None and module in self._stays:
                # By name, not as a module: it may be this very import that is under way in the other bundle.
                scope.aliases[variable] = (module, None)
                uses = sorted(self._uses(variable))
                kept.extend(
                    ast.ImportFrom(bundle, [ast.alias(self._name_in(module, use, node.lineno))], 0)
                    for use in uses
                )
            elif name is None:
                package, _, leaf = bundle.rpartition(".")
                scope.held[variable] = module
                scope.names.add(variable)
                if len(self._scopes) == 1:
                    self._unique[self._module, variable] = f"{variable}__{self._module.replace('.', '_')}"
                    variable = self._unique[self._module, variable]
                kept.append(
                    ast.ImportFrom(package, [ast.alias(leaf, variable if variable != leaf else None)], 0)
                )
            else:
                unique = self._name_in(module, name, node.lineno)
                scope.aliases[variable] = (module, name)
                kept.append(ast.ImportFrom(bundle, [ast.alias(unique)], 0))
        return [ast.copy_location(new, node) for new in kept] or None


def _arguments(arguments: ast.arguments) -> set[str]:
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return {item.arg for item in every if item}


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    return body[1:] if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else body


def _copy(statement: ast.stmt) -> ast.stmt:
    import copy

    return copy.deepcopy(statement)
