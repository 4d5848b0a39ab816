"""On CPython the rare modules stay loaded: collecting a test run's heap thousands of times takes minutes.

That they are really forgotten, and really come back, is shown on the device interpreter (test_rare.py).
"""

import pytest

from lib import rare


@pytest.fixture(autouse=True, scope="module")
def modules_stay():
    """Import this name into a test module to have it."""
    forget, rare.forget = rare.forget, lambda names: None
    yield
    rare.forget = forget
