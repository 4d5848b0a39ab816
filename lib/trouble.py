"""An exception in one line, for the log. Needed when something went wrong, and forgotten after."""

import io
import sys


def describe(error):
    """An exception in one line: what it is, and the innermost line it came from."""
    text = repr(error)
    if hasattr(sys, "print_exception") and error is not None:
        out = io.StringIO()
        sys.print_exception(error, out)
        places = [line.strip() for line in out.getvalue().split("\n") if line.strip().startswith("File ")]
        if places:
            file, line = places[-1].split('"')[1], places[-1].split("line ")[-1].split(",")[0]
            text = f"{text} at {file}:{line}"
    return text
