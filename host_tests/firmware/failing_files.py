"""Stand-ins for open() whose writes fail. Reading goes on as ever."""


class Failing:
    """The next `times` writes raise OSError(code), after `landed` bytes of junk have arrived."""

    def __init__(self, code, times, landed=0):
        self.code = code
        self.times = times
        self.landed = landed
        self.real = open

    def __call__(self, path, mode):
        if mode == "rb" or self.times == 0:
            return self.real(path, mode)
        self.times -= 1
        with self.real(path, mode) as file:
            file.write(b"\xa5N partly written"[: self.landed])
        raise OSError(self.code, "simulated")


class Late:
    """The next `times` writes arrive whole, and report a failure none the less."""

    def __init__(self, times):
        self.times = times
        self.real = open

    def __call__(self, path, mode):
        if mode == "rb" or self.times == 0:
            return self.real(path, mode)
        self.times -= 1
        return _FailsAtItsEnd(self.real(path, mode))


class _FailsAtItsEnd:
    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self.file

    def __exit__(self, *_):
        self.file.close()
        raise OSError(5, "simulated")
