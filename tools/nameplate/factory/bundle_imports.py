"""What an import of ours stands for, and when it has to be a variable."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from nameplate.factory.bundle_modules import Module, imported, place
from nameplate.factory.bundle_scopes import Scope
from nameplate.factory.refused import Refused

_Import = tuple[ast.ImportFrom, ast.alias]


class Imports:
    """What imports of ours stand for, through modules that only hand something on."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        """Makes a variable of each import on a module's own level that needs one. Raises Refused."""
        self._modules = modules
        self._known = set(modules)
        while True:  # what one module hands on may depend on another's variables
            before = sum(len(module.own) for module in modules.values())
            for module in modules.values():
                self.settle(module.name, module.top)
            if sum(len(module.own) for module in modules.values()) == before:
                break

    def target(self, where: str, found: _Import) -> tuple[str, str | None]:
        """(module, its global), or (module, None) where the module itself is imported. Raises Refused."""
        module, name = imported(*found, self._known)
        assert module is not None
        return (module, None) if name is None else self.definition(where, found[0], module, name)

    def definition(
        self, where: str, node: ast.stmt | ast.expr, module: str, name: str
    ) -> tuple[str, str | None]:
        """Where `name` of `module` is from. Raises Refused, at `node` of the module `where`, if it has none."""
        seen: set[tuple[str, str]] = set()
        while name not in self._modules[module].own:
            handed = self._modules[module].top.imports.get(name)
            if not handed or (module, name) in seen:
                raise Refused(f"{place(where, node)}: {module} has no {name}", "mend the name")
            seen.add((module, name))
            source, wanted = imported(*handed[-1], self._known)
            assert source is not None
            if wanted is None:
                return source, None
            module, name = source, wanted
        return module, name

    def settle(self, where: str, scope: Scope) -> None:
        """Let imports be variables where the name alone does not do: it is bound again, or changes in its own module."""
        for variable, found in scope.imports.items():
            targets = {self.target(where, one) for one in found}
            node = found[0][0]
            if any(name is None for _, name in targets):
                if len(targets) > 1 or scope.bound[variable] != scope.emptied[variable]:
                    raise Refused(
                        f"{place(where, node)}: {variable} is a module, and something else as well",
                        "take two names",
                    )
                if variable in scope.globals | scope.nonlocals:
                    raise Refused(
                        f"{place(where, node)}: {variable} is a module outside", "import it where it is used"
                    )
                continue
            outside = variable in scope.globals | scope.nonlocals
            changes = any(name in self._modules[module].changing for module, name in targets)
            if not outside and (variable in scope.names or len(targets) > 1 or changes):
                scope.names.add(variable)
