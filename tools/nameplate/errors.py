"""The one exception of the host tools: what went wrong, what to do next, and how the process ends."""

FAULT_FOUND = 1
USAGE = 2
NOT_REACHED = 3


class NameplateError(Exception):
    """A failure a person can act on.

    `message` says what happened, `hint` the next step (may be empty), `exit_code` how the command ends:
    1 a fault or a forgery was found, 2 wrong usage or input, 3 something could not be reached.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = FAULT_FOUND) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
