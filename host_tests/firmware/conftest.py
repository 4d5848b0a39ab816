"""What the tests of firmware/ share."""

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

UMQTT = "micropython-umqtt.simple==1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"


@pytest.fixture(scope="session")
def umqtt(tmp_path_factory) -> Path:
    """A folder for sys.path that holds umqtt.simple, which every ESP32 build has frozen in."""
    folder = tmp_path_factory.mktemp("umqtt")
    unearth = Path(sys.executable).with_name("unearth")
    subprocess.run([unearth, "--download", folder, UMQTT], check=True, capture_output=True, timeout=60)
    (archive,) = folder.glob("*.tar.gz")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == UMQTT_SHA256
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
    return archive.with_suffix("").with_suffix("")
