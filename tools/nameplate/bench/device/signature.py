"""Times signatures against an empty loop, on MicroPython: signature.py DEVICE_ROOT COMB_FILE. Prints one JSON object.

Everything is timed many times in turn and the best of each counts, so that another program's turn on the processor
does not. What is compared is timed for about as long, so that it finds a quiet moment as often.
"""

import gc
import json
import sys
import time

sys.path.insert(0, sys.argv[1])

from lib import p256_sign, p256_verify
from lib.p256 import finish

ROUNDS = 60
SIGNATURES = 3  # in a round: about as long as the loop, and one or two garbage collections


def timed(function, *args):
    start = time.ticks_us()
    function(*args)
    return time.ticks_diff(time.ticks_us(), start)


def empty_loop():
    for i in range(100000):
        pass


def slices(steps):
    """Microseconds of each slice of a generator of work."""
    times = []
    while True:
        start = time.ticks_us()
        try:
            next(steps)
        except StopIteration:
            times.append(time.ticks_diff(time.ticks_us(), start))
            return times
        times.append(time.ticks_diff(time.ticks_us(), start))


def most_live(steps):
    """The most bytes that a generator of work holds between two slices."""
    gc.collect()
    before = gc.mem_alloc()
    most = 0
    for _ in steps:
        gc.collect()
        most = max(most, gc.mem_alloc() - before)
    return most


def best(old, new):
    return new if old is None else [min(pair) for pair in zip(old, new)]


def main(comb):
    key = bytes(range(1, 33))
    digest = bytes(range(64, 96))
    public = p256_sign.public_of(comb, key)
    signature = finish(p256_sign.steps(comb, key, digest))
    teeth = finish(p256_verify.teeth_steps(public))

    def signing():
        return p256_sign.steps(comb, key, digest)

    def verifying():
        return p256_verify.steps(comb, teeth, digest, signature)

    def preparing():
        return p256_verify.teeth_steps(public)

    def sign():
        for _ in range(SIGNATURES):
            finish(signing())

    def verify():
        if not finish(verifying()):
            raise ValueError("not verified")

    def prepare():
        finish(preparing())

    work = (empty_loop, sign, verify, prepare)
    times = None
    found = [None] * 3
    for _ in range(ROUNDS):
        times = best(times, [timed(function) for function in work])
        found = [best(old, slices(steps())) for old, steps in zip(found, (signing, verifying, preparing))]
    loop, sign_us, verify_us, prepare_us = times
    print(
        json.dumps(
            {
                "loop_us": loop,
                "sign_ns": sign_us * 1000 // SIGNATURES,
                "verify_ns": verify_us * 1000,
                "prepare_ns": prepare_us * 1000,
                "sign_slices_us": found[0],
                "verify_slices_us": found[1],
                "prepare_slices_us": found[2],
                "sign_bytes": most_live(signing()),
                "verify_bytes": most_live(verifying()),
                "prepare_bytes": most_live(preparing()),
            }
        )
    )


main(sys.argv[2])
