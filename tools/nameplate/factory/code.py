"""The code of a slot: the device's modules joined, their private names exchanged, compiled. And the way back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath

from nameplate.factory.bundle import bundles
from nameplate.factory.compile import compile_module
from nameplate.factory.names import ENTRY, Names
from nameplate.factory.sources import device_modules

_WORD = re.compile(r"[A-Za-z_]\w*__\w+")
_TRACE = re.compile(r'File "([\w.]+)", line (\d+)')


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
        self._sources = {PurePath(path): (root / path).read_bytes() for path in device_modules(root)}
        for module, source in (append or {}).items():
            self._sources[PurePath(f"{module}.py")] += source.encode()
        for path, source in self._sources.items():
            progress(f"compiling {path.as_posix()}")
            compile_module(source, path.as_posix())
        self._bundles = bundles(self._sources)
        joined = {bundle.path: bundle.source.encode() for bundle in self._bundles}
        self.names = Names({**joined, **{path: (root / path).read_bytes() for path in ENTRY}})

    def files(self) -> list[tuple[str, bytes]]:
        """(path in the slot, bytecode) of each file, in one fixed order."""
        return [
            (
                bundle.path.with_suffix(".mpy").as_posix(),
                compile_module(self.names.apply(bundle.source.encode()), bundle.name),
            )
            for bundle in self._bundles
        ]

    def modules(self) -> dict[str, tuple[str, ...]]:
        """Bundle -> the modules in it, in their order."""
        return {bundle.name: tuple(name for name, _ in bundle.parts) for bundle in self._bundles}

    def beginnings(self, name: str) -> Iterator[tuple[str, bytes]]:
        """(module, bytecode of the bundle `name` as far as that module), to measure what each module adds."""
        bundle = next(bundle for bundle in self._bundles if bundle.name == name)
        source = ""
        for module, part in bundle.parts:
            source += part
            yield module, compile_module(self.names.apply(source.encode()), name)

    def exported(self, module: str, name: str) -> str:
        """What a module's global is called in the image."""
        found = next(
            bundle.exports[module, name] for bundle in self._bundles if (module, name) in bundle.exports
        )
        return self.names.renamed.get(found, found)

    def original(self, text: str) -> str:
        """A device's traceback with the names, files and lines that the sources have."""
        lines = {bundle.name: bundle.lines for bundle in self._bundles}

        def place(found: re.Match[str]) -> str:
            name, line = found.group(1), int(found.group(2))
            before = [(module, at) for start, module, at in sorted(lines.get(name, ())) if start <= line]
            if not before:
                return found.group()
            module, at = before[-1]
            return f'File "{module.replace(".", "/")}.py", line {at}'

        plain = {new: key[1] for bundle in self._bundles for key, new in bundle.exports.items()}
        named = _WORD.sub(lambda word: plain.get(word.group(), word.group()), self.names.original(text))
        return _TRACE.sub(place, named)
