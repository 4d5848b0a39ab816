"""Lines out of a stream of bytes, in a buffer that never grows.

A line ends with \\n, \\r\\n or \\r; its ending is not part of it. Empty lines are dropped. A line longer than the limit
is reported once, at the byte that does not fit, and the rest of it is thrown away up to its ending.
"""

TOO_LONG = object()


class Lines:
    """Feed it byte by byte: `push` gives a finished line, TOO_LONG, or None."""

    def __init__(self, limit):
        self._buffer = bytearray(limit)
        self._used = 0
        self._discarding = False

    def push(self, byte):
        # \r\n needs no state of its own: the \n after a \r ends an empty line, and empty lines are dropped.
        if byte == 10 or byte == 13:
            used = self._used
            self._used = 0
            if self._discarding:
                self._discarding = False
                return None
            return bytes(memoryview(self._buffer)[:used]) if used else None
        if self._discarding:
            return None
        if self._used == len(self._buffer):
            self._discarding = True
            return TOO_LONG
        self._buffer[self._used] = byte
        self._used += 1
        return None

    def head(self):
        """The first byte of the line that is being read or discarded, as bytes; empty when there is none yet."""
        return bytes(memoryview(self._buffer)[: min(self._used, 1)])
