"""What the tests of lib/ share."""

import pytest

from nameplate.factory import comb


@pytest.fixture(scope="session")
def comb_path(tmp_path_factory):
    """The comb table's file, as the factory writes it."""
    return comb.write(tmp_path_factory.mktemp("comb") / "p256_comb.bin")
