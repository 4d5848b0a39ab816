"""What the diagnosis finds and what it invents, in simulated years of appliances' lives; twenty minutes.

It is the same as `make bench-diagnosis` without its table; docs/diagnosis-bench.md says what is simulated.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from nameplate.errors import NameplateError

DEFAULT = False


def measure(quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures of a run; `quick` takes a minute or two. Raises NameplateError when numpy is missing."""
    try:
        from nameplate.bench.years import plan, run
        from nameplate.bench.years.model import MODELS
        from nameplate.bench.years.table import figures
    except ModuleNotFoundError as error:
        raise NameplateError(
            f"the diagnosis benchmark needs {error.name}", "install it with: pip install 'nameplate[bench]'"
        ) from error
    yield from figures(run.run(MODELS, plan.QUICK if quick else plan.FULL, tell=_tell))


def _tell(text: str) -> None:
    sys.stderr.write(f"... {text}\n")
