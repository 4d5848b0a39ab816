"""What a start reads from flash: on a chip each read costs 25 to 60 microseconds beside its bytes.

Counted by the virtual board from power-on to the first console answer, on the image as the factory makes it.
`python -m nameplate.bench.start` prints the figure alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from nameplate.bench.figure import figure
from nameplate.bench.house import House, ask

# One file for each module would take some 20,000 more (factory/bundle.py). A third of what is left is littlefs looking for free
# blocks before the first write of a boot, another third loading what loads the rest.
READS_LIMIT = 8000


def measure() -> Iterator[dict[str, Any]]:
    """Yield the figures of one start. Raises NameplateError when the board does not answer."""
    with House() as house, house.switch_on(seed=1) as board:
        ask(board, "version")
        counts = board.flash_counts()
    yield figure(
        "flash reads from power-on to the first console answer",
        counts["reads"],
        "reads",
        READS_LIMIT,
        simulated=True,
    )


if __name__ == "__main__":
    for found in measure():
        sys.stdout.write(json.dumps(found) + "\n")
