"""The code of a slot: the device's modules joined, their private names exchanged, compiled."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from nameplate.factory.bundle import STAY, bundles, lines_of, source_of
from nameplate.factory.compile import compile_module
from nameplate.factory.names import ENTRY, Names
from nameplate.factory.sources import device_modules


@dataclass(frozen=True)
class Told:
    """A file of code as it is told of: its path in the slot, the modules in it, and whether it stays once it is loaded."""

    file: str
    stays: bool
    modules: tuple[str, ...]


class Code:
    """The device's modules under `root` (see `sources.device_root`), and what a slot holds of them."""

    def __init__(
        self,
        root: Path,
        progress: Callable[[str], None] = lambda step: None,
        append: Mapping[str, str] | None = None,
    ) -> None:
        """Compiles each module alone, so that what is wrong is told with its own line and what a chip would not load
        is refused; then joins them. Raises Refused.

        `append`: module ("firmware/alarm") -> Python that stands at its end, to try a unit whose firmware differs.
        Raises KeyError for a module that there is not.
        """
        sources = {PurePath(path): (root / path).read_bytes() for path in device_modules(root)}
        for module, source in (append or {}).items():
            sources[PurePath(f"{module}.py")] += source.encode()
        for path, content in sources.items():
            progress(f"compiling {path.as_posix()}")
            compile_module(content, path.as_posix())
        self._bundles = bundles(sources)
        parts = [(bundle.path, tree) for bundle in self._bundles for _, tree in bundle.parts]
        stay = {bundle.path for bundle in self._bundles if bundle.name in STAY}
        self.names = Names(parts, [ast.parse((root / path).read_bytes()) for path in ENTRY], stay)
        for _, tree in parts:
            self.names.apply(tree)
        self._sources = {
            bundle.name: [source_of(tree) for _, tree in bundle.parts] for bundle in self._bundles
        }

    def files(self) -> list[tuple[str, bytes]]:
        """(path in the slot, bytecode) of each file, in one fixed order."""
        return [
            (
                bundle.path.with_suffix(".mpy").as_posix(),
                compile_module(self.source(bundle.name).encode(), bundle.name),
            )
            for bundle in self._bundles
        ]

    def source(self, name: str) -> str:
        """The Python of the bundle `name`, as it is compiled."""
        return "".join(self._sources[name])

    def modules(self) -> dict[str, tuple[str, ...]]:
        """Bundle -> the modules in it, in their order."""
        return {bundle.name: tuple(name for name, _ in bundle.parts) for bundle in self._bundles}

    def told(self) -> list[Told]:
        """Which modules are in which file: first the files that stay, in the order in which they are loaded."""
        names = self.modules()
        found = [
            Told(bundle.path.with_suffix(".mpy").as_posix(), bundle.name in STAY, names[bundle.name])
            for bundle in self._bundles
        ]
        return sorted(found, key=lambda told: (not told.stays, PurePath(told.file).stem != "app", told.file))

    def beginnings(self, name: str) -> Iterator[tuple[str, bytes]]:
        """(module, bytecode of the bundle `name` as far as that module), to measure what each module adds."""
        source = ""
        for module, part in zip(self.modules()[name], self._sources[name], strict=True):
            source += part
            yield module, compile_module(source.encode(), name)

    def exported(self, module: str, name: str) -> str:
        """What a module's global is called in the image."""
        found = next(
            bundle.exports[module, name] for bundle in self._bundles if (module, name) in bundle.exports
        )
        return self.names.renamed.get(found, found)

    def originals(self) -> dict[str, dict[str, str]]:
        """Bundle -> what each name in it is called in the sources, where it differs; "" -> those that are so in all."""
        found = {bundle.name: self._originals(bundle.path) for bundle in self._bundles}
        return {"": self._originals(None), **found}

    def _originals(self, path: PurePath | None) -> dict[str, str]:
        plain = {new: name for other in self._bundles for (_, name), new in other.exports.items()}
        found = {new: plain.get(name, name) for new, name in self.names.originals(path).items()}
        kept = {new: name for new, name in plain.items() if new != name and new not in self.names.renamed}
        return kept | found

    def lines(self) -> dict[str, list[tuple[int, str, int]]]:
        """Bundle -> (line in it, module, line in the module) of each statement, by rising lines."""
        found: dict[str, list[tuple[int, str, int]]] = {}
        for bundle in self._bundles:
            above = 0
            lines: list[tuple[int, str, int]] = []
            found[bundle.name] = lines
            for (module, tree), source in zip(bundle.parts, self._sources[bundle.name], strict=True):
                lines.extend((above + at, module, line) for at, line in lines_of(tree, source))
                above += source.count("\n")
        return found
