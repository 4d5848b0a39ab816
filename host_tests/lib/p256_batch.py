"""Works through a file of cases (see p256_cases) on any interpreter: the wrong ones, then the count of right ones."""

from lib import p256_sign, p256_verify
from lib.p256 import finish


class P256:
    """Signs and verifies; a public key is prepared when it is met."""

    def __init__(self, comb_path):
        self.comb_path = comb_path
        self.teeth = {}

    def public(self, key):
        return p256_sign.public_of(self.comb_path, key)

    def sign_steps(self, key, digest):
        return p256_sign.steps(self.comb_path, key, digest)

    def verify_steps(self, public, digest, signature):
        public = bytes(public)
        if public not in self.teeth:
            self.teeth[public] = yield from p256_verify.teeth_steps(public)
        teeth = self.teeth[public]
        if teeth is None:
            return False
        return (yield from p256_verify.steps(self.comb_path, teeth, digest, signature))


def work(p256, line):
    words = line.split()
    a, b, c = [bytes.fromhex(word) for word in words[1:4]]
    if words[0] == "sign":
        return finish(p256.sign_steps(a, b)) == c
    return finish(p256.verify_steps(a, b, c)) is (words[4] == "1")


def main(comb, cases):
    p256 = P256(comb)
    right = 0
    with open(cases) as lines:
        for line in lines:
            if work(p256, line):
                right += 1
            else:
                print("wrong:", line)
    print("right:", right)
