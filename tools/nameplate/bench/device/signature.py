"""Times signatures against an empty loop, on MicroPython: signature.py DEVICE_ROOT COMB_FILE. Prints one JSON object.

Everything is timed many times in turn and the best of each counts, so that another program's turn on the processor
does not. What is compared is timed for about as long, so that it finds a quiet moment as often.
"""

import json
import sys
import time

sys.path.insert(0, sys.argv[1])

from lib.p256 import P256, finish

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


def best(old, new):
    return new if old is None else [min(pair) for pair in zip(old, new)]


def main(comb):
    p256 = P256(comb)
    key = bytes(range(1, 33))
    digest = bytes(range(64, 96))
    public = p256.public(key)
    signature = finish(p256.sign_steps(key, digest))

    def sign():
        for _ in range(SIGNATURES):
            finish(p256.sign_steps(key, digest))

    def verify():
        if not finish(p256.verify_steps(public, digest, signature)):
            raise ValueError("not verified")

    def verify_first():
        finish(P256(comb).verify_steps(public, digest, signature))

    work = (empty_loop, sign, verify, verify_first)
    times = sign_slices = verify_slices = None
    for _ in range(ROUNDS):
        times = best(times, [timed(function) for function in work])
        sign_slices = best(sign_slices, slices(p256.sign_steps(key, digest)))
        verify_slices = best(verify_slices, slices(P256(comb).verify_steps(public, digest, signature)))
    loop, sign_us, verify_us, verify_first_us = times
    print(
        json.dumps(
            {
                "loop_us": loop,
                "sign_ns": sign_us * 1000 // SIGNATURES,
                "verify_ns": verify_us * 1000,
                "verify_first_ns": verify_first_us * 1000,
                "sign_slices_us": sign_slices,
                "verify_slices_us": verify_slices,
            }
        )
    )


main(sys.argv[2])
