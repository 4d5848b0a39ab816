"""What the tests of firmware/ share."""

from pathlib import Path

import pytest

from nameplate.sim import frozen


@pytest.fixture(scope="session")
def umqtt() -> Path:
    """A folder for sys.path that holds umqtt.simple, which every ESP32 build has frozen in."""
    return frozen.ensure()
