"""No slice of work is longer than a fifth of a signature: counted in operations, so that no clock has a say."""

import hashlib
import io
import random

import pytest

from host_tests.lib import p256_cases
from lib import p256, p256_sign, p256_verify

# What a step costs, in multiplications with reduction (a * b % p), as measured on MicroPython's unix port.
INVERSE = 35
HMAC = 3
READ = 1
DIGEST = hashlib.sha256(b"sample").digest()


class Counter:
    def __init__(self):
        self.count = 0

    def slices(self, steps):
        """(value, [cost of each slice])."""
        costs = []
        while True:
            self.count = 0
            try:
                next(steps)
            except StopIteration as done:
                return done.value, [*costs, self.count]
            costs.append(self.count)


@pytest.fixture
def counter(monkeypatch):
    """Counts every reduction modulo p or n, and by weight what is not one."""
    counter = Counter()

    class Modulus(int):
        def __rmod__(self, other):
            counter.count += 1
            return int(other) % int(self)

    def weighing(cost, function):
        def weighed(*args):
            counter.count += cost
            return function(*args)

        return weighed

    modules = (p256, p256_sign, p256_verify)
    for module in modules:
        for name in ("P", "N"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, Modulus(getattr(module, name)))
    inverse = weighing(INVERSE, lambda a, m: pow(int(a), -1, int(m)))
    for module in modules:
        monkeypatch.setattr(module, "inverse", inverse)
    monkeypatch.setattr(p256_sign, "hmac_sha256", weighing(HMAC, p256_sign.hmac_sha256))

    class File(io.FileIO):
        def readinto(self, buffer):
            counter.count += READ
            return super().readinto(buffer)

    monkeypatch.setattr(p256, "open", File, raising=False)
    return counter


def test_no_slice_is_longer_than_a_fifth_of_a_signature(counter, comb_path):
    key = (5).to_bytes(32, "big")
    signature, signing = counter.slices(p256_sign.steps(comb_path, key, DIGEST))
    public = p256_cases.public_bytes(p256_cases.private_key(5))
    teeth, preparing = counter.slices(p256_verify.teeth_steps(public))
    right, verifying = counter.slices(p256_verify.steps(comb_path, teeth, DIGEST, signature))
    assert right is True
    total = sum(signing)
    assert total > 300, "the counter sees the work"
    for costs in (signing, preparing, verifying):
        assert max(costs) <= total / 5, costs
    # What docs/signing.md says of the work; a change here is a change of cost.
    assert total < 430
    assert sum(verifying) < 3.6 * total, sum(verifying)
    assert sum(preparing) < 4.3 * total, sum(preparing)


def test_each_signature_is_the_same_work(counter, comb_path):
    """The sequence of operations tells nothing about the nonce."""
    chance = random.Random(4)
    seen = set()
    for _ in range(20):
        key, digest = chance.randrange(1, p256_cases.N).to_bytes(32, "big"), chance.randbytes(32)
        seen.add(tuple(counter.slices(p256_sign.steps(comb_path, key, digest))[1]))
    assert len(seen) == 1
