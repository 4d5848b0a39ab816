"""The start: what is loaded in which order, so that everything finds its memory.

The radio comes first, because it takes its buffers out of the memory that the heap later grows into. What builds the agent
is loaded then, and forgotten when the agent stands. Whatever fails ends in main.py, which starts from the other slot.
"""

import asyncio
import gc
import time

from firmware.board import Board
from firmware.settings import Settings
from lib import rare

_POLLS_FAILED = 50  # since the start, before it is better to start again
# What the heap leaves to radio and sockets, beside the 37 KB that the radio has taken by then; TLS takes 37 KB of it.
_SPARE = 18432
_SPARE_TLS = 45056


def main(reason=""):
    """Build the agent and run it; does not return unless something is badly wrong."""
    # Collect often, while loading and ever after: garbage in between leaves what stays in pieces all over the heap, and
    # with most of it free there is no room for a kilobyte in one piece. Then the heap grows, at the cost of the radio.
    gc.threshold(16384)
    board = Board()
    settings = Settings(board.nvs)
    board.wifi.reserve(settings)
    room = board.grow_heap(_spare(settings))
    agent = _build(board, settings, reason)
    gc.collect()
    loop = asyncio.get_event_loop()
    loop.create_task(agent.run())
    for _ in range(_POLLS_FAILED):
        try:
            loop.run_forever()
            break
        except OSError as error:
            # The port's poll takes memory of its own, and fails when the sockets have left none. All tasks are still there.
            agent.note(f"poll failed: {error!r}")
            gc.collect()
            time.sleep_ms(100)
    del room  # until here it held the memory


def _spare(settings):
    return _SPARE_TLS if settings.broker_url.startswith("mqtts:") else _SPARE


def _build(board, settings, reason):
    from firmware import build

    try:
        return build.build(board, settings, reason)
    finally:
        rare.forget(build.ONCE)
