"""What the tests of firmware/ share."""

from pathlib import Path

import pytest

from host_tests.firmware.umqtt_fixtures import bare, hangs, ours  # noqa: F401 - fixtures
from nameplate.sim import frozen


@pytest.fixture(scope="session")
def umqtt() -> Path:
    """A folder for sys.path that holds umqtt.simple, which every ESP32 build has frozen in."""
    return frozen.ensure()


@pytest.fixture(scope="session")
def bare_umqtt() -> Path:
    """Likewise, and always the release whose faults are known: 1.3.4."""
    return frozen.pinned()
