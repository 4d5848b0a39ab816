"""What the tests of firmware/ share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tests.firmware.umqtt_fixtures import bare, hangs, ours  # noqa: F401 - fixtures
from lib import rare
from nameplate.sim import frozen


@pytest.fixture(autouse=True, scope="module")
def modules_stay() -> Iterator[None]:
    """On CPython the rare modules stay loaded: tests hold some, and collecting a test run's heap each time takes minutes.

    That they are really forgotten, and really come back, is shown on the device interpreter (test_rare.py).
    """
    forget, rare.forget = rare.forget, lambda names: None
    yield
    rare.forget = forget


@pytest.fixture(scope="session")
def umqtt() -> Path:
    """A folder for sys.path that holds umqtt.simple, which every ESP32 build has frozen in."""
    return frozen.ensure()


@pytest.fixture(scope="session")
def bare_umqtt() -> Path:
    """Likewise, and always the release whose faults are known: 1.3.4."""
    return frozen.pinned()
