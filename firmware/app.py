"""The start: what is loaded in which order, so that everything finds its memory.

Importing this module loads the whole agent, and fails where a part of it cannot be loaded: main.py then starts from the
other slot. The radio comes first, because it takes its buffers out of the memory that the heap later grows into.
"""

import gc

# Collect often while loading: what is left of one module's load would leave the next in pieces all over the heap, and
# with most of it free there would be no room for a kilobyte in one piece.
gc.threshold(16384)

from lib.loading import Quick

with Quick(40):
    import asyncio

    from firmware.board import Board
    from firmware.settings import Settings
    from lib import rare

    _board = Board()
    _settings = Settings(_board.nvs)
    _board.wifi.reserve(_settings)
    gc.collect()
    # Collected often while all is loaded: a heap that fills up first is left in pieces too small for the next module.
    gc.threshold(32768)
    from firmware import build


def main(reason=""):
    """Build the agent and run it; does not return unless something is badly wrong."""
    agent = build.build(_board, _settings, reason)
    rare.forget(build.ONCE)
    del globals()["build"]
    gc.collect()
    gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
    asyncio.run(agent.run())
