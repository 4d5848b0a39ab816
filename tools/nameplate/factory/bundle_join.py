"""Joining modules: every global becomes a name that no other module has, imports among what is joined vanish."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from nameplate.factory.bundle_imports import Imports
from nameplate.factory.bundle_modules import Module, imported, place
from nameplate.factory.bundle_rules import expects_none
from nameplate.factory.bundle_scopes import Scope, ours, scope_of
from nameplate.factory.refused import Refused


class Joiner(ast.NodeTransformer):
    """Rewrites modules for the bundle that `begin` named."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        contents: Mapping[str, Collection[str]],
        stays: Mapping[str, str],
        imports: Imports,
        unique: Mapping[tuple[str, str], str],
    ) -> None:
        """`contents`: bundle -> its modules. `stays`: module -> its bundle, of those that are never forgotten."""
        self._modules = modules
        self._contents = contents
        self._stays = stays
        self._imports = imports
        self._unique = unique
        self._bundle = ""
        self._module = ""
        self._scopes: list[Scope] = []
        self._done: set[str] = set()

    def begin(self, bundle: str) -> None:
        """What follows goes into this bundle."""
        self._bundle = bundle
        self._done = set()

    def rewrite(self, module: str) -> list[ast.stmt]:
        """What a module's statements become; nothing for a docstring, or an import that vanishes. Raises Refused."""
        self._module = module
        tree = ast.parse(self._modules[module].source)
        self._scopes = [self._modules[module].top]
        kept = []
        for node in self._statements(tree.body):
            # The same import from outside, once in a bundle.
            if isinstance(node, ast.Import | ast.ImportFrom):
                text = ast.unparse(node)
                if text in self._done:
                    continue
                self._done.add(text)
            kept.append(node)
        return kept

    # Scopes

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        self._defaults(node.args)
        node.name = self._bind(node.name)
        scope = scope_of(node.body, node.args)
        self._imports.settle(self._module, scope)
        self._scopes.append(scope)
        node.body = self._statements(node.body) or [ast.Pass()]
        self._scopes.pop()
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(item) for item in arguments.defaults]
        arguments.kw_defaults = [item and self.visit(item) for item in arguments.kw_defaults]

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._defaults(node.args)
        self._scopes.append(scope_of([ast.Expr(node.body)], node.args))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        node.bases = [self.visit(item) for item in node.bases]
        node.keywords = [self.visit(item) for item in node.keywords]
        scope = scope_of(node.body)
        scope.so_far = set()
        self._imports.settle(self._module, scope)
        self._scopes.append(scope)
        node.body = self._statements(node.body) or [ast.Pass()]
        self._scopes.pop()
        node.name = self._bind(node.name)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> ast.AST:
        first = self.visit(node.generators[0].iter)
        node.generators[0].iter = ast.Constant(None)
        targets = [item for part in node.generators for item in ast.walk(part.target)]
        names = {
            item.id for item in targets if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
        }
        self._scopes.append(Scope(names))
        self.generic_visit(node)
        self._scopes.pop()
        node.generators[0].iter = first
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        full = [name for name in ("body", "finalbody") if isinstance(getattr(node, name, None), list)]
        full = [name for name in full if getattr(node, name)]
        super().generic_visit(node)
        for name in full:  # an import that vanished may have been all there was
            if not getattr(node, name):
                setattr(node, name, [ast.Pass()])
        return node

    def _statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """A body without its texts, which would only be thrown away."""
        new: list[ast.stmt] = []
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            found = self.visit(statement)
            new.extend(found if isinstance(found, list) else [] if found is None else [found])
        return new

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        node.value = self.visit(node.value)  # first: in a class, `x = x` reads the module's
        node.targets = [self.visit(target) for target in node.targets]
        return node

    # Names

    def _look(self, name: str, *, load: bool = False) -> Scope | None:
        """The scope that a name belongs to; None for a builtin."""
        for depth in range(len(self._scopes) - 1, -1, -1):
            scope = self._scopes[depth]
            if name in scope.globals:
                return self._scopes[0]
            if name in scope.nonlocals:
                continue
            if scope.so_far is not None and depth != len(self._scopes) - 1:
                continue
            if name in scope.imports:
                return scope
            if name in scope.names and not (load and scope.so_far is not None and name not in scope.so_far):
                return scope
        return None

    def _bind(self, name: str) -> str:
        """What a name that the present scope binds is called."""
        scope = self._scopes[-1]
        if scope.so_far is not None:
            scope.so_far.add(name)
        if scope is self._scopes[0] or name in scope.globals:
            return self._unique[self._module, name]
        return name

    def _stands_for(self, scope: Scope, name: str) -> tuple[str, str | None] | None:
        """What an import of ours made of a name that is no variable of its own, or is a module."""
        if name not in scope.imports:
            return None
        target = self._imports.target(self._module, scope.imports[name][-1])
        return target if target[1] is None or name not in scope.names else None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        load = isinstance(node.ctx, ast.Load)
        scope = self._look(node.id, load=load)
        if scope is None:
            return node
        target = self._stands_for(scope, node.id)
        if target and target[1] is None and load:
            raise Refused(
                f"{place(self._module, node)}: the module {target[0]} is used as a value",
                "use what is in it by name: the image calls it otherwise",
            )
        if target and target[1] is not None:
            node.id = self._global(node, target[0], target[1])
        elif scope is self._scopes[0]:
            node.id = self._global(node, self._module, node.id)
        elif scope.so_far is not None and not load:
            scope.so_far.add(node.id)
        return node

    def _global(self, node: ast.expr, module: str, name: str) -> str:
        """What a global is called, where no scope between has taken that name."""
        unique = self._unique[module, name]
        for scope in self._scopes[1:]:
            inner = scope.so_far is None or scope is self._scopes[-1]
            if inner and unique in scope.names and unique not in scope.globals:
                raise Refused(
                    f"{place(self._module, node)}: {unique} of {module} is hidden here", "take another name"
                )
        return unique

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not isinstance(node.value, ast.Name):
            return self.generic_visit(node)
        scope = self._look(node.value.id, load=True)
        target = scope and self._stands_for(scope, node.value.id)
        if not scope or not target or target[1] is not None:
            return self.generic_visit(node)
        module = target[0]
        if not isinstance(node.ctx, ast.Load):
            raise Refused(
                f"{place(self._module, node)}: a name of {module} is set from outside",
                "let it have a function for that",
            )
        found, name = self._imports.definition(self._module, node, module, node.attr)
        if name is None:
            raise Refused(
                f"{place(self._module, node)}: the module {found} is used as a value", "import it by name"
            )
        if module in self._contents[self._bundle] or module in self._stays:
            self._may_change(node, found, name)
            return ast.copy_location(ast.Name(self._global(node, found, name), node.ctx), node)
        node.attr = self._unique[found, name]
        if scope is self._scopes[0]:
            node.value.id = self._unique[self._module, node.value.id]
        return node

    def _may_change(self, node: ast.stmt | ast.expr, module: str, name: str) -> None:
        if name in self._modules[module].changing and module not in self._contents[self._bundle]:
            raise Refused(
                f"{place(self._module, node)}: {name} of {module} changes",
                "ask a function of it for the value",
            )

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._unique[self._module, name] for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name:
            node.name = self._bind(node.name)
        return self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> ast.AST:
        """What is joined is loaded together: that a part of it is missing cannot be found out where it is used."""
        if expects_none(node):
            for item in (found for statement in node.body for found in ast.walk(statement)):
                if isinstance(item, ast.ImportFrom) and ours(item):
                    for alias in item.names:
                        module, _ = self._imports.target(self._module, (item, alias))
                        if module in self._contents[self._bundle]:
                            raise Refused(
                                f"{place(self._module, item)}: an import of ours that may fail",
                                f"catch ImportError in {module}, around what it imports from outside",
                            )
        return self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> ast.AST | None:
        """A module that came with this bundle is in no variable that could be deleted."""
        kept = []
        for target in node.targets:
            found = None
            if isinstance(target, ast.Name) and (scope := self._look(target.id)):
                found = self._stands_for(scope, target.id)
            if not found or not (found[0] in self._contents[self._bundle] or found[0] in self._stays):
                kept.append(self.visit(target))
        node.targets = kept
        return node if kept else ast.copy_location(ast.Pass(), node)

    # Imports

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            variable = (alias.asname or alias.name).split(".")[0]
            new = self._bind(variable)
            if new != variable:
                if "." in alias.name and not alias.asname:
                    raise Refused(
                        f"{place(self._module, node)}: another module means something else by {variable}",
                        f"write: import {alias.name} as another name",
                    )
                alias.asname = new
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        if not ours(node):
            for alias in node.names:
                variable = alias.asname or alias.name
                new = self._bind(variable)
                alias.asname = new if new != alias.name else None
            return node
        kept: list[ast.stmt] = []
        for alias in node.names:
            direct, name = imported(node, alias, set(self._modules))
            assert direct is not None
            variable = alias.asname or alias.name
            module, wanted = self._imports.target(self._module, (node, alias))
            if wanted is None:
                kept.extend(self._module_import(node, module, variable))
            else:
                kept.extend(
                    self._name_import(node, module if name is None else direct, module, wanted, variable)
                )
        return [ast.copy_location(new, node) for new in kept]

    def _name_import(
        self, node: ast.ImportFrom, direct: str, module: str, name: str, variable: str
    ) -> Iterator[ast.stmt]:
        scope = self._scopes[-1]
        unique = self._unique[module, name]
        own = self._bind(variable) if variable in scope.names | scope.globals | scope.nonlocals else None
        if module in self._contents[self._bundle]:
            if own:
                yield ast.Assign([ast.Name(own, ast.Store())], ast.Name(unique, ast.Load()))
        else:
            source = self._stays.get(module) or direct
            yield ast.ImportFrom(source, [ast.alias(unique, own if own and own != unique else None)], 0)

    def _module_import(self, node: ast.ImportFrom, module: str, variable: str) -> Iterator[ast.stmt]:
        if module in self._contents[self._bundle]:
            return
        if module not in self._stays:
            package, _, leaf = module.rpartition(".")
            own = self._bind(variable)
            yield ast.ImportFrom(package, [ast.alias(leaf, own if own != leaf else None)], 0)
            return
        # By name, not as a module: it may be this very import that is under way in the other bundle.
        for use in sorted(self._scopes[-1].uses.get(variable, ())):
            top = self._modules[module].top
            if use not in top.names and use not in top.imports:
                continue  # of something else by that name, or refused where it stands
            found, name = self._imports.definition(self._module, node, module, use)
            if name is not None:
                yield ast.ImportFrom(self._stays.get(found, found), [ast.alias(self._unique[found, name])], 0)
