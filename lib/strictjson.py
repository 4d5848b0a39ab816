"""JSON from strangers: one pass over the bytes, before the port's own parser builds anything.

MicroPython's `json.loads` takes `{"a" 1,,}`, numbers such as 01, keys given twice, and nests as deep as the heap
reaches. This check is RFC 8259 to the letter, with a depth limit, keys unique in their object, keys without escapes
(so that "a" and its escaped spelling are not two keys), and no surrogate escapes (the port cannot join them).
It needs no recursion.
"""

import json

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"

# What may come next.
_VALUE, _VALUE_OR_END, _KEY_OR_END, _KEY, _COLON, _COMMA_OR_END, _NOTHING = range(7)


def loads(data, depth):
    """The value of `data` (bytes); ValueError with a short reason. `depth` bounds how deep arrays and objects nest."""
    try:
        str(data, "utf-8")
    except UnicodeError:
        raise ValueError("not UTF-8")
    check(data, depth)
    return json.loads(data)


def check(data, depth):
    """ValueError with a short reason unless `data` (bytes) is one JSON value as described above."""
    keys = []  # one entry per open container: the keys so far of an object, None for an array
    expected = _VALUE
    at, end = 0, len(data)
    while True:
        while at < end and data[at] in _SPACE:
            at += 1
        if at == end:
            break
        byte = data[at]
        if expected == _NOTHING:
            raise ValueError("more after the end")
        if expected == _COLON:
            if byte != 0x3A:
                raise ValueError("colon missing")
            expected = _VALUE
            at += 1
        elif expected == _COMMA_OR_END and byte == 0x2C:
            expected = _VALUE if keys[-1] is None else _KEY
            at += 1
        elif byte in b"}]" and expected in (_COMMA_OR_END, _KEY_OR_END, _VALUE_OR_END):
            if (byte == 0x7D) == (keys.pop() is None):
                raise ValueError("wrong bracket")
            expected = _COMMA_OR_END if keys else _NOTHING
            at += 1
        elif expected == _KEY_OR_END or expected == _KEY:
            if byte != 0x22:
                raise ValueError("key missing")
            start = at + 1
            at = _string(data, at, end)
            key = data[start : at - 1]
            if b"\\" in key:
                raise ValueError("key with an escape")
            if key in keys[-1]:
                raise ValueError("key given twice")
            keys[-1].append(key)
            expected = _COLON
        elif expected == _COMMA_OR_END:
            raise ValueError("comma missing")
        elif byte in b"{[":
            if len(keys) == depth:
                raise ValueError("nested too deep")
            keys.append([] if byte == 0x7B else None)
            expected = _KEY_OR_END if byte == 0x7B else _VALUE_OR_END
            at += 1
        else:
            at = _scalar(data, at, end)
            expected = _COMMA_OR_END if keys else _NOTHING
    if expected != _NOTHING:
        raise ValueError("ends too early")


def _scalar(data, at, end):
    byte = data[at]
    if byte == 0x22:
        return _string(data, at, end)
    if byte == 0x2D or byte in _DIGITS:
        return _number(data, at, end)
    for word in (b"true", b"false", b"null"):
        if data[at : at + len(word)] == word:
            return at + len(word)
    raise ValueError("not a value")


def _string(data, at, end):
    at += 1
    while at < end:
        byte = data[at]
        if byte == 0x22:
            return at + 1
        if byte < 0x20:
            raise ValueError("control character in a string")
        at += 1
        if byte != 0x5C:
            continue
        if at < end and data[at] == 0x75:
            digits = data[at + 1 : at + 5]
            if len(digits) < 4 or any(digit not in _HEX for digit in digits):
                raise ValueError("bad escape")
            if 0xD800 <= int(digits, 16) < 0xE000:
                raise ValueError("surrogate escape")
            at += 5
        elif at < end and data[at] in b'"\\/bfnrt':
            at += 1
        else:
            raise ValueError("bad escape")
    raise ValueError("string without an end")


def _number(data, at, end):
    if data[at] == 0x2D:
        at += 1
    start = at
    at = _digits(data, at, end)
    if at == start or data[start] == 0x30 and at - start > 1:
        raise ValueError("bad number")
    if at < end and data[at] == 0x2E:
        start = at + 1
        at = _digits(data, start, end)
        if at == start:
            raise ValueError("bad number")
    if at < end and data[at] in b"eE":
        at += 1
        if at < end and data[at] in b"+-":
            at += 1
        start = at
        at = _digits(data, at, end)
        if at == start:
            raise ValueError("bad number")
    return at


def _digits(data, at, end):
    while at < end and data[at] in _DIGITS:
        at += 1
    return at
