"""The strict check takes exactly what RFC 8259 takes, less what it says it refuses."""

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import strictjson

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def depth(value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_takes_what_is_json(value, indent, plain):
    text = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    if depth(value) <= 5:
        assert strictjson.loads(text, 5) == value
    else:
        with pytest.raises(ValueError, match="nested too deep"):
            strictjson.loads(text, 5)


def strict_reference(data: bytes):
    def pairs(items):
        if len({key for key, _ in items}) != len(items):
            raise ValueError("twice")
        return dict(items)

    def constant(_):
        raise ValueError("no such number")

    return json.loads(data.decode(), object_pairs_hook=pairs, parse_constant=constant)


@given(st.lists(st.sampled_from(list('{}[]:,"ab01-.eE+ \t\n') + ["true", "null", '"a":', '"b":', "\\n", "\\"]),
                max_size=14).map("".join))  # fmt: skip
def test_takes_nothing_else(text):
    data = text.encode()
    try:
        wanted = strict_reference(data)
    except (ValueError, RecursionError):
        with pytest.raises(ValueError):
            strictjson.loads(data, 8)
        return
    try:
        assert strictjson.loads(data, 8) == wanted
    except ValueError as problem:
        assert str(problem) in ("nested too deep", "key with an escape")


@given(st.binary(max_size=64))
def test_any_bytes_give_a_value_or_a_reason(data):
    try:
        strictjson.loads(data, 5)
    except ValueError as problem:
        assert 0 < len(str(problem)) < 40


REFUSED = [
    (b'{"a":1,"a":2}', "key given twice"), (b'{"a":{"b":1,"b":2}}', "key given twice"),
    (b'{"\\u0061":1}', "key with an escape"), (b'{"a" 1}', "colon missing"), (b"[1 2]", "comma missing"),
    (b"[[[[[[1]]]]]]", "nested too deep"), (b"01", "bad number"), (b'"\\ud83d\\ude00"', "surrogate escape"),
    (b'{"a":1}x', "more after the end"), (b'{"a":1', "ends too early"), (b'"\xff"', "not UTF-8"),
    (b"NaN", "not a value"), (b"[1}", "wrong bracket"), (b'"a\nb"', "control character in a string"),
    (b'"ab', "string without an end"), (b"", "ends too early"), (b'"\xc3', "not UTF-8"),
]  # fmt: skip


def test_reasons_are_the_same_on_both_interpreters(micropython):
    printed = micropython(f"""
from lib import strictjson
for data, _ in {REFUSED!r}:
    try:
        print(strictjson.loads(data, 5))
    except ValueError as problem:
        print(problem)
print(strictjson.loads(b'{{"a":[1,-2.5e1,{{"b":null}}],"c":"\\\\u00e9"}}', 5))
""")
    lines = printed.rstrip("\n").split("\n")
    assert lines[:-1] == [reason for _, reason in REFUSED]
    assert ast.literal_eval(lines[-1]) == {"a": [1, -25.0, {"b": None}], "c": "é"}
    for data, reason in REFUSED:
        with pytest.raises(ValueError, match=reason):
            strictjson.loads(data, 5)


def test_a_bomb_is_cheap(micropython):
    printed = micropython("""
from lib import strictjson
bomb = b"[" * 100000
try:
    strictjson.loads(bomb, 5)
except ValueError as problem:
    print(problem)
""")
    assert printed.strip() == "nested too deep"
