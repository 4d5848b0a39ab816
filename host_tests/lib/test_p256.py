"""P-256 against the published vectors, and what it refuses."""

import hashlib
import hmac
import io
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_tests.lib import p256_cases
from host_tests.lib.p256_batch import P256
from lib import p256 as p256_module
from lib import p256_sign, p256_verify
from lib.p256 import B, N, P, TableError, add, affine, double, finish, inverse, on_curve
from lib.p256_sign import nonces

NIST = json.loads((Path(__file__).parent / "vectors" / "nist_p256_sha256.json").read_text())

# RFC 6979, A.2.5: the key, and (message, nonce, r || s) with SHA-256.
RFC_6979_KEY = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"
RFC_6979_PUBLIC = (
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
)
RFC_6979 = [
    (
        b"sample",
        "A6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60",
        (
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
        ),
    ),
    (
        b"test",
        "D16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0",
        (
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
            "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"
        ),
    ),
]
KEY = bytes.fromhex(RFC_6979_KEY)
PUBLIC = bytes.fromhex(RFC_6979_PUBLIC)
DIGEST = hashlib.sha256(b"sample").digest()
SIGNATURE = bytes.fromhex(RFC_6979[0][2])

# RFC 7515, A.3: the signing input, the key's x and y, and the signature.
RFC_7515_INPUT = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RFC_7515_KEY = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
RFC_7515_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"


@pytest.fixture
def p256(comb_path):
    return P256(comb_path)


def number(value):
    return value.to_bytes(32, "big")


def verify(p256, public=PUBLIC, digest=DIGEST, signature=SIGNATURE):
    return finish(p256.verify_steps(public, digest, signature))


def test_rfc_6979(p256):
    assert p256.public(KEY) == PUBLIC
    for message, nonce, signature in RFC_6979:
        digest = hashlib.sha256(message).digest()
        assert next(nonces(KEY, digest, N)) == int(nonce, 16)
        assert finish(p256.sign_steps(KEY, digest)) == bytes.fromhex(signature)
        assert verify(p256, PUBLIC, digest, bytes.fromhex(signature))


def test_nist_signature_generation(p256, monkeypatch):
    for case in NIST["generate"]:
        key, digest = bytes.fromhex(case["private"]), hashlib.sha256(bytes.fromhex(case["message"])).digest()
        monkeypatch.setattr(p256_sign, "nonces", lambda *_, k=int(case["nonce"], 16): iter([k]))
        assert p256.public(key).hex() == case["public"]
        assert finish(p256.sign_steps(key, digest)).hex() == case["signature"]


def test_nist_signature_verification(p256):
    for case in NIST["verify"]:
        public, signature = bytes.fromhex(case["public"]), bytes.fromhex(case["signature"])
        digest = hashlib.sha256(bytes.fromhex(case["message"])).digest()
        assert p256_cases.is_valid(public, digest, signature) is case["valid"], "the vector itself"
        assert verify(p256, public, digest, signature) is case["valid"], case["why"]


def test_nist_public_keys(p256):
    for case in NIST["public_keys"]:
        if len(case["x"]) == len(case["y"]) == 64:
            x, y = int(case["x"], 16), int(case["y"], 16)
            assert (x < P and y < P and on_curve((x, y, 1, 1))) is case["valid"], case["why"]
        else:  # JOSE has no way to spell a number of 257 bits
            public = b"".join(int(case[name], 16).to_bytes(33, "big").lstrip(b"\0") for name in "xy")
            assert verify(p256, public=public) is case["valid"] is False


def test_rfc_7515_a_3(p256):
    from lib import base64url

    public = b"".join(base64url.decode(part) for part in RFC_7515_KEY)
    digest = hashlib.sha256(RFC_7515_INPUT.encode()).digest()
    assert verify(p256, public, digest, base64url.decode(RFC_7515_SIGNATURE))


def test_vectors_on_micropython(micropython, comb_path, tmp_path):
    lines = [f"sign {RFC_6979_KEY} {hashlib.sha256(m).hexdigest()} {s}" for m, _, s in RFC_6979]
    for case in NIST["verify"]:
        digest = hashlib.sha256(bytes.fromhex(case["message"])).hexdigest()
        lines.append(f"verify {case['public']} {digest} {case['signature']} {case['valid']:d}")
    (tmp_path / "cases").write_text("\n".join(lines) + "\n")
    out = micropython(
        p256_cases.SCRIPT + "import sys\nmain(*sys.argv[1:])", str(comb_path), str(tmp_path / "cases")
    )
    assert out.split() == ["right:", "17"]


REFUSED = {
    "r = 0": {"signature": bytes(32) + SIGNATURE[32:]},
    "s = 0": {"signature": SIGNATURE[:32] + bytes(32)},
    "r = n": {"signature": number(N) + SIGNATURE[32:]},
    "s = n": {"signature": SIGNATURE[:32] + number(N)},
    "r = 2^256 - 1": {"signature": b"\xff" * 32 + SIGNATURE[32:]},
    "s = 2^256 - 1": {"signature": SIGNATURE[:32] + b"\xff" * 32},
    "all zero": {"signature": bytes(64)},
    "a cut signature": {"signature": SIGNATURE[:-1]},
    "a longer signature": {"signature": SIGNATURE + b"\0"},
    "no signature": {"signature": b""},
    "r and s exchanged": {"signature": SIGNATURE[32:] + SIGNATURE[:32]},
    "a zero key": {"public": bytes(64)},
    "x = p": {"public": number(P) + PUBLIC[32:]},
    "y = p": {"public": PUBLIC[:32] + number(P)},
    "y + p": {"public": PUBLIC[:32] + b"\xff" * 32},
    "a point off the curve": {"public": PUBLIC[:63] + bytes([PUBLIC[63] ^ 1])},
    "the other point of that x": {"public": PUBLIC[:32] + number(P - int.from_bytes(PUBLIC[32:], "big"))},
    "a compressed key": {"public": b"\x02" + PUBLIC[:32]},
    "a key with its prefix": {"public": b"\x04" + PUBLIC},
    "no key": {"public": b""},
    "another digest": {"digest": hashlib.sha256(b"another").digest()},
    "a short digest": {"digest": DIGEST[:31]},
    "a long digest": {"digest": DIGEST + b"\0"},
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_refuses(p256, change):
    assert verify(p256)
    assert verify(p256, **change) is False


def point_with_x_from(x):
    """The first point whose x is at least that, as (x, y)."""
    while True:
        y = pow(x**3 - 3 * x + B, (P + 1) // 4, P)
        if on_curve((x, y, 1, 1)):
            return x, y
        x += 1


def times(scalar, point):
    """scalar * (x, y), the plain way."""
    total = None
    for bit in bin(scalar)[2:]:
        total = double(total)
        if bit == "1":
            total = add(total, *point)
    return affine([total])[0]


def times_base(scalar):
    public = p256_cases.public_bytes(p256_cases.private_key(scalar))
    return int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")


def spelled(a, b):
    return number(a) + number(b)


def key_for(nonce_point, s):
    """The public key under which (x of that point, s) signs DIGEST: Q = (s R - z G) / r."""
    r, z = nonce_point[0] % N, int.from_bytes(DIGEST, "big")
    one_over_r = inverse(r, N)
    base = times_base(-z * one_over_r % N)
    return affine([add((*times(s * one_over_r % N, nonce_point), 1, 1), *base)])[0]


def test_r_is_reduced_from_an_x_above_n(p256):
    """x of the nonce's point may lie between n and p: the one case in which r is not x itself."""
    nonce_point = point_with_x_from(N + 1)
    r, public = nonce_point[0] - N, spelled(*key_for(nonce_point, 7))
    assert p256_cases.is_valid(public, DIGEST, spelled(r, 7))
    assert verify(p256, public, DIGEST, spelled(r, 7))
    assert not verify(p256, public, DIGEST, spelled(r + 1, 7))


def test_numbers_above_their_modulus_are_refused(p256):
    """r + n, s + n, x + p and y + p mean the same and fit in 32 bytes, if the number is small: one spelling each."""
    nonce_point = point_with_x_from(5)
    r, public = nonce_point[0], spelled(*key_for(nonce_point, 7))
    assert verify(p256, public, DIGEST, spelled(r, 7))
    assert not verify(p256, public, DIGEST, spelled(r + N, 7))
    assert not verify(p256, public, DIGEST, spelled(r, 7 + N))
    small_x = point_with_x_from(5)
    small_y = (0xD7325D7646CD60D80A92738CEB345F844CFFAF35841022CAB176F692DE8DE1D7, 5)
    for x, y in (small_x, small_y):
        # For any key there is a signature over some digest: R = G + Q, s = r, z = r.
        r = affine([add((x, y, 1, 1), *times_base(1))])[0][0] % N
        digest, signature = number(r), spelled(r, r)
        assert p256_cases.is_valid(spelled(x, y), digest, signature)
        assert verify(p256, spelled(x, y), digest, signature)
        for other in ((x + P, y), (x, y + P)):
            if max(other) < 2**256:
                assert not verify(p256, spelled(*other), digest, signature)


def test_sums_with_special_cases():
    for scalar in (1, 2, 12345):
        x, y = times_base(scalar)
        for z in (1, 2, P - 3):  # the same point in other coordinates
            point = (x * z**2 % P, y * z**3 % P, z**2 % P, z**3 % P)
            assert on_curve(point)
            assert add(point, x, P - y) is None
            assert affine([add(point, x, y), double(point)]) == [times_base(2 * scalar)] * 2
            assert affine([add(point, *times_base(3 * scalar))]) == [times_base(4 * scalar)]
    assert double(None) is None
    assert add(None, 3, 4) == (3, 4, 1, 1)


AWKWARD = [
    1,
    2,
    3,
    4,
    5,
    15,
    16,
    1 << 32,
    1 << 52,
    1 << 128,
    1 << 224,
    N // 2,
    N // 2 + 1,
    N - 3,
    N - 2,
    N - 1,
]


@pytest.mark.parametrize("d", AWKWARD)
def test_awkward_private_keys(p256, d):
    """Keys and digests that make the sums meet equal points, opposite points and infinity on the way."""
    key = p256_cases.private_key(d)
    public = p256_cases.public_bytes(key)
    assert p256.public(number(d)) == public
    for z in (0, 1, N - 1, N, N + 1, d, N - d, 2**256 - 1):
        digest = number(z % 2**256)
        signature = finish(p256.sign_steps(number(d), digest))
        assert signature == p256_cases.sign(key, digest, deterministic=True)
        assert verify(p256, public, digest, signature)
        # u1 G + u2 Q is infinity when z = -r d.
        r = int.from_bytes(signature[:32], "big")
        assert verify(p256, public, number(-r * d % N), signature) is False
        # u1 G = u2 Q when z = r d: the whole sum is a doubling.
        for s in (1, 2, r, N - r):
            chosen = number(r) + number(s)
            same = number(r * d % N)
            assert verify(p256, public, same, chosen) is p256_cases.is_valid(public, same, chosen)


@pytest.mark.parametrize("k", AWKWARD)
def test_awkward_nonces(p256, monkeypatch, k):
    monkeypatch.setattr(p256_sign, "nonces", lambda *_: iter([k]))
    assert verify(p256, PUBLIC, DIGEST, finish(p256.sign_steps(KEY, DIGEST)))


@pytest.mark.parametrize(
    "key",
    [bytes(32), number(N), b"\xff" * 32, KEY[:31], KEY + b"\0", b"\0" + KEY, b""],
    ids=lambda key: key.hex(),
)
def test_no_private_key(p256, key):
    with pytest.raises(ValueError):
        p256.public(key)
    with pytest.raises(ValueError):
        finish(p256.sign_steps(key, DIGEST))


def test_no_digest(p256):
    with pytest.raises(ValueError):
        finish(p256.sign_steps(KEY, DIGEST[:31]))


def test_another_nonce_when_r_or_s_is_zero(p256, monkeypatch):
    """A nonce that makes s zero is passed over (z = -r d, with r from that very nonce)."""
    r = times_base(5)[0] % N
    digest = number(-r * int(RFC_6979_KEY, 16) % N)
    monkeypatch.setattr(p256_sign, "nonces", lambda *_: iter([5, 7]))
    signature = finish(p256.sign_steps(KEY, digest))
    assert int.from_bytes(signature[:32], "big") == times_base(7)[0] % N
    assert p256_cases.is_valid(PUBLIC, digest, signature)


def literal_nonces(key, digest, order):
    """RFC 6979 section 3.2, letter by letter, with the standard library's HMAC."""
    octets = key + (int.from_bytes(digest, "big") % order).to_bytes(32, "big")
    v, k = b"\x01" * 32, b"\x00" * 32  # b, c
    k = hmac.digest(k, v + b"\x00" + octets, "sha256")  # d
    v = hmac.digest(k, v, "sha256")  # e
    k = hmac.digest(k, v + b"\x01" + octets, "sha256")  # f
    v = hmac.digest(k, v, "sha256")  # g
    while True:  # h
        v = hmac.digest(k, v, "sha256")
        if 1 <= int.from_bytes(v, "big") < order:
            yield int.from_bytes(v, "big")
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")


# The second order has 256 bits too, but half of all candidates are above it and must be passed over.
@pytest.mark.parametrize("order", [N, (1 << 255) + 95])
def test_nonces_after_the_first(order):
    for count in range(20):
        digest = hashlib.sha256(bytes([count])).digest()
        expected = list(itertools.islice(literal_nonces(KEY, digest, order), 5))
        assert list(itertools.islice(nonces(KEY, digest, order), 5)) == expected


def test_a_damaged_table_makes_no_signature(p256, comb_path, tmp_path):
    good = comb_path.read_bytes()
    path = tmp_path / "comb.bin"
    damaged = P256(path)
    path.write_bytes(bytes(byte ^ (at % 64 == 5) for at, byte in enumerate(good)))
    with pytest.raises(TableError):
        finish(damaged.sign_steps(KEY, DIGEST))
    with pytest.raises(TableError):
        verify(damaged)
    for filling in (b"\0", b"\xff"):  # a file the flash has lost
        path.write_bytes(filling * len(good))
        with pytest.raises(TableError):
            finish(damaged.sign_steps(KEY, DIGEST))
    path.write_bytes(good[:64] * (len(good) // 64))  # a point, but everywhere the same
    with pytest.raises(TableError):
        finish(damaged.sign_steps(KEY, DIGEST))
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(TableError):
        finish(damaged.sign_steps(KEY, DIGEST))
    path.unlink()
    with pytest.raises(OSError):
        finish(damaged.sign_steps(KEY, DIGEST))
    assert finish(p256.sign_steps(KEY, DIGEST)) == SIGNATURE


def test_one_flipped_bit_in_a_point_that_is_read(comb_path, tmp_path):
    """Each of the 32 points a signature reads, one at a time."""
    good = comb_path.read_bytes()
    read = _offsets_read(comb_path)
    assert len(read) == 32
    path = tmp_path / "comb.bin"
    for offset in read:
        bad = bytearray(good)
        bad[offset + 17] ^= 4
        path.write_bytes(bad)
        with pytest.raises(TableError):
            finish(P256(path).sign_steps(KEY, DIGEST))


def _offsets_read(comb_path):
    offsets = []

    class File(io.FileIO):
        def readinto(self, buffer):
            assert len(buffer) == 64
            offsets.append(self.tell())
            return super().readinto(buffer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(p256_module, "open", File, raising=False)
        finish(P256(comb_path).sign_steps(KEY, DIGEST))
    return offsets


def test_keys_take_turns(p256):
    """The table kept for one key is never used for another."""
    keys = [p256_cases.private_key(d) for d in (11, 12)]
    publics = [p256_cases.public_bytes(key) for key in keys]
    signatures = [p256_cases.sign(key, DIGEST) for key in keys]
    for turn in (0, 1, 1, 0):
        assert verify(p256, publics[turn], DIGEST, signatures[turn])
        assert not verify(p256, publics[turn], DIGEST, signatures[1 - turn])
    # Two at once, step by step, as tasks would.
    both = [p256.verify_steps(publics[i], DIGEST, signatures[i]) for i in (0, 1)]
    results = {}
    while len(results) < 2:
        for i in (0, 1):
            if i not in results:
                try:
                    next(both[i])
                except StopIteration as done:
                    results[i] = done.value
    assert results == {0: True, 1: True}


@settings(max_examples=300)
@given(st.integers(1, N - 1), st.sampled_from((P, N)))
@example(1, P)
@example(2, N)
@example(N - 1, N)
@example(N - 1, P)
@example(1 << 30, P)
@example((1 << 30) - 1, N)
@example((1 << 255) + 1, P)
@example(P // 3, P)
@example(0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95, N)
def test_inverse(a, m):
    found = inverse(a % m, m)
    assert 0 < found < m
    assert found * a % m == 1


def prepared(public):
    return finish(p256_verify.teeth_steps(public))


def test_teeth_are_multiples_of_the_key():
    teeth = prepared(PUBLIC)
    assert len(teeth) == p256_verify.TEETH_SIZE == 320
    x, y = int.from_bytes(PUBLIC[:32], "big"), int.from_bytes(PUBLIC[32:], "big")
    for tooth in range(5):
        assert teeth[64 * tooth : 64 * tooth + 64] == spelled(*times(1 << 52 * tooth, (x, y)))


@pytest.mark.parametrize("at", [0, 40, 64, 100, 130, 191, 200, 255, 256, 319])
def test_a_flipped_bit_in_the_teeth_proves_nothing(comb_path, at):
    teeth = bytearray(prepared(PUBLIC))
    teeth[at] ^= 16
    assert finish(p256_verify.steps(comb_path, teeth, DIGEST, SIGNATURE)) is False
    assert not p256_verify.on_curve_all(teeth)


def test_other_teeth_prove_nothing(comb_path):
    teeth = prepared(PUBLIC)
    other = prepared(p256_cases.public_bytes(p256_cases.private_key(12)))
    parts = [teeth[at : at + 64] for at in range(0, 320, 64)]
    assert finish(p256_verify.steps(comb_path, teeth, DIGEST, SIGNATURE)) is True
    wrong = [other, teeth[:64] + other[64:], teeth[:256], teeth + teeth[:64], b"", bytes(320), b"\xff" * 320]
    wrong += [b"".join(parts[:at] + [parts[at + 1], parts[at]] + parts[at + 2 :]) for at in range(4)]
    wrong += [PUBLIC * 5, parts[0] + parts[1] * 4]  # sums of these meet the same point, where no slope is
    for bad in wrong:
        try:
            assert finish(p256_verify.steps(comb_path, bad, DIGEST, SIGNATURE)) is False
        except TableError:
            assert bad in (PUBLIC * 5, parts[0] + parts[1] * 4)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, N - 1), st.integers(0, 2**256 - 1), st.integers(1, N - 1), st.integers(1, N - 1))
@example(1, 0, 1, 1)
@example(N - 1, N, N - 1, N - 1)
@example(1, 2**256 - 1, 2**255, 2**128)
def test_any_numbers_get_the_other_librarys_verdict(comb_path, d, z, r, s):
    """Nearly always no; for the yes see those made from a chosen sum below."""
    public = p256_cases.public_bytes(p256_cases.private_key(d))
    digest, signature = number(z), spelled(r, s)
    found = finish(p256_verify.steps(comb_path, prepared(public), digest, signature))
    assert found is p256_cases.is_valid(public, digest, signature)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, N - 1), st.integers(0, N - 1), st.integers(1, N - 1))
@example(5, 0, 1)  # nothing of the base point
@example(5, 1, N - 1)
@example(5, N - 1, 2)
@example(1, 3, 3)  # the key is the base point: equal points meet
@example(1, 3, N - 4)
@example(2, 1 << 52, 1 << 51)
@example(5, 1 << 255, 1 << 208)
@example(N - 1, 1 << 128, (1 << 128) + 1)
def test_sums_of_chosen_multiples_are_found_right(comb_path, d, u1, u2):
    """R = u1 G + u2 Q for numbers of our choice: r = x(R), s = r / u2, z = u1 s."""
    total = (u1 + u2 * d) % N
    if total == 0:
        return
    public = p256_cases.public_bytes(p256_cases.private_key(d))
    r = times_base(total)[0] % N
    s = r * inverse(u2, N) % N
    digest, signature = number(u1 * s % N), spelled(r, s)
    assert p256_cases.is_valid(public, digest, signature)
    assert finish(p256_verify.steps(comb_path, prepared(public), digest, signature)) is True
