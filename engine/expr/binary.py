"""The functions under ``.bin``, and text encoded as hexadecimal digits or base 64."""

from __future__ import annotations

import binascii
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ComputeError, TypeMismatch
from .function import BINARY, TEXT, Example, Function, Kind, Parameter, Value, is_text

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE64 = np.frombuffer(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8
)


def bytes_of(value: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all values one after the other, and the offsets of each among them."""
    dtype = pa.large_string() if is_text(value.type) else pa.large_binary()
    # Nulls own no bytes here: what lies under them must not be encoded.
    plain = pc.fill_null(value.cast(dtype), pa.scalar("" if is_text(value.type) else b"", dtype))
    _, offsets, data = plain.buffers()
    ends = np.frombuffer(offsets, np.int64)[plain.offset : plain.offset + len(plain) + 1]
    if not len(plain):
        ends = np.zeros(1, np.int64)
    first, last = int(ends[0]), int(ends[-1])
    held = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)[first:last]
    return held, ends - first


def _built(data: np.ndarray, offsets: np.ndarray, like: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return values of the bytes of `data`, null where `like` is."""
    wide = pa.large_string() if is_text(dtype) else pa.large_binary()
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(data)]
    plain = pa.Array.from_buffers(wide, len(offsets) - 1, buffers)
    if like.null_count:
        plain = pc.if_else(like.is_valid(), plain, pa.scalar(None, wide))
    return plain.cast(dtype)


def _encode(value: Value, encoding: str) -> Value:
    large = pa.types.is_large_string(value.type) or pa.types.is_large_binary(value.type)
    dtype = pa.large_string() if large else pa.string()
    data, offsets = bytes_of(value)
    if encoding == "hex":
        digits = np.empty(2 * len(data), np.uint8)
        digits[0::2], digits[1::2] = _HEX[data >> 4], _HEX[data & 15]
        return _built(digits, 2 * offsets, value, dtype)
    lengths = np.diff(offsets)
    groups = (lengths + 2) // 3
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(groups)])
    padded = np.zeros(3 * int(ends[-1]), np.int64)
    within = np.arange(len(data)) - np.repeat(offsets[:-1], lengths)
    padded[np.repeat(3 * ends[:-1], lengths) + within] = data
    words = (padded[0::3] << 16) | (padded[1::3] << 8) | padded[2::3]
    letters = np.empty(4 * len(words), np.uint8)
    for place in range(4):
        letters[place::4] = _BASE64[(words >> (18 - 6 * place)) & 63]
    for missing in (1, 2):
        # A value of 3n + 2 bytes has one letter too many, one of 3n + 1 bytes two.
        short = np.flatnonzero((3 * groups - lengths) >= missing)
        letters[4 * ends[1:][short] - missing] = ord("=")
    return _built(letters, 4 * ends, value, dtype)


def _decode(value: Value, encoding: str, strict: bool) -> Value:
    large = pa.types.is_large_string(value.type) or pa.types.is_large_binary(value.type)
    dtype = pa.large_binary() if large else pa.binary()
    text = value if is_text(value.type) else value.cast(pa.large_string())
    pattern = (
        "^([0-9a-fA-F]{2})*$"
        if encoding == "hex"
        else "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
    )
    right = pc.match_substring_regex(text, pattern)
    if not pc.all(right).as_py() and pc.any(pc.invert(right)).as_py():
        if strict:
            wrong = text.filter(pc.fill_null(pc.invert(right), False))
            raise ComputeError(
                f"{len(wrong)} of {len(value)} values are not {encoding}, the first is"
                f" {wrong[0].as_py()!r}. With strict=False they become null."
            )
        text = pc.if_else(right, text, pa.scalar(None, text.type))
    data, offsets = bytes_of(text)
    if encoding == "hex":
        # Every value has whole bytes, so all of them are one long value.
        return _built(
            np.frombuffer(binascii.unhexlify(data.tobytes()), np.uint8), offsets // 2, text, dtype
        )
    back = np.zeros(256, np.int64)
    back[_BASE64] = np.arange(64)
    letters = back[data].reshape(-1, 4)
    words = (letters * (1 << np.array([18, 12, 6, 0]))).sum(axis=1)
    triples = np.stack([words >> 16, words >> 8, words], axis=1).astype(np.uint8)
    fill = (data.reshape(-1, 4) == ord("=")).sum(axis=1)
    held = np.arange(3)[None, :] < (3 - fill)[:, None]
    sizes = np.concatenate([np.zeros(1, np.int64), np.cumsum(3 - fill)])
    return _built(triples[held], sizes[offsets // 4], text, dtype)


_PER_UNIT = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}


def _size(value: Value, unit: str) -> Value:
    size = pc.binary_length(value).cast(pa.int64())
    return size if unit == "b" else pc.divide(size.cast(pa.float64()), float(_PER_UNIT[unit]))


def _search(kernel: Callable[..., Value]) -> Callable[[Value, Value], Value]:
    def search(value: Value, wanted: Value) -> Value:
        if not isinstance(wanted, pa.Scalar):
            raise TypeMismatch("Give one value to look for in all rows, not a column of them.")
        if pa.types.is_fixed_size_binary(value.type):
            value = value.cast(pa.binary())
        if not wanted.is_valid:
            return pa.nulls(len(value), pa.bool_())
        return kernel(value, wanted.as_py())

    return search


def _entry(
    name: str,
    kernel: Callable[..., Value],
    doc: str,
    given: list[object],
    call: str,
    gives: list[object],
    *parameters: Parameter,
    kind: Kind = BINARY,
) -> Function:
    second = (kind,) if any(each.expr for each in parameters) else ()
    return Function(
        name=name,
        kernel=kernel,
        accepts=(kind, *second),
        parameters=parameters,
        doc=doc,
        example=Example(code=f"pt.col('a').{name}({call})", data={"a": given}, gives=gives),
    )


_ENCODING = Parameter(name="encoding", types=(str,), choices=("hex", "base64"))
_STRICT = Parameter(name="strict", default=True, types=(bool,), keyword_only=True)
_ENCODED = "Return the bytes as text: two hexadecimal digits each, or base 64."
_DECODED = """Return the bytes that text in hexadecimal digits or base 64 stands for.

        What is none raises, or is null without `strict`."""

BINARIES = (
    _entry(
        "bin.size",
        _size,
        "Return the number of bytes, or of ``kb``, ``mb`` and so on (of 1024).",
        [b"abc", b"", None],
        "",
        [3, 0, None],
        Parameter(name="unit", default="b", types=(str,), choices=tuple(_PER_UNIT)),
    ),
    _entry(
        "bin.contains",
        _search(pc.match_substring),
        "Return whether `literal` occurs in it.",
        [b"abc", b"c", None],
        "b'b'",
        [True, False, None],
        Parameter(name="literal", expr=True),
    ),
    _entry(
        "bin.starts_with",
        _search(pc.starts_with),
        "Return whether it begins with `prefix`.",
        [b"abc", b"c", None],
        "b'a'",
        [True, False, None],
        Parameter(name="prefix", expr=True),
    ),
    _entry(
        "bin.ends_with",
        _search(pc.ends_with),
        "Return whether it ends with `suffix`.",
        [b"abc", b"a", None],
        "b'c'",
        [True, False, None],
        Parameter(name="suffix", expr=True),
    ),
    _entry(
        "bin.encode", _encode, _ENCODED, [b"\x01\xff", None], "'hex'", ["01ff", None], _ENCODING
    ),
    _entry(
        "bin.decode",
        _decode,
        _DECODED,
        [b"01ff", None],
        "'hex'",
        [b"\x01\xff", None],
        _ENCODING,
        _STRICT,
    ),
    _entry(
        "str.encode",
        _encode,
        _ENCODED,
        ["ab", None],
        "'base64'",
        ["YWI=", None],
        _ENCODING,
        kind=TEXT,
    ),
    _entry(
        "str.decode",
        _decode,
        _DECODED,
        ["YWI=", None],
        "'base64'",
        [b"ab", None],
        _ENCODING,
        _STRICT,
        kind=TEXT,
    ),
)
"""The functions of binary values."""
