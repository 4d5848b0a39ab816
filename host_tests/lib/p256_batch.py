"""Works through a file of cases (see p256_cases) on any interpreter: the wrong ones, then the count of right ones."""

from lib.p256 import P256, finish


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
