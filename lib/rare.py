"""Modules that are needed now and then: imported where they are used, and forgotten when the work is done.

Code is the largest tenant of a small heap. What was forgotten is loaded again from flash by the next import; nothing
that lives on may hold a name out of such a module, or its memory is not given back.
"""

import gc
import sys

LOOKED_UP = ()  # modules, which keep their names


def forget(names):
    """Let go of the modules named, those of them that are loaded."""
    for name in names:
        if name in sys.modules:
            del sys.modules[name]
            parent, _, leaf = name.rpartition(".")
            if parent in sys.modules and hasattr(sys.modules[parent], leaf):
                delattr(sys.modules[parent], leaf)
    gc.collect()
