"""What the reference safetensors library says of intact and damaged files.

usage: python safetensors_verdicts.py COUNT OUT.json     (safetensors 0.8)

OUT.json is read by packages/nn/src/safetensors/header.test.ts.
"""

import base64
import json
import os
import random
import struct
import sys
import tempfile

import safetensors
from safetensors import safe_open


def file_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, ensure_ascii=False).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def x(**fields):
    return {**{"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, **fields}


def raw(fields, name=b'"x"', before=b"", after=b""):
    return b"{" + before + name + b":{" + fields + b"}" + after + b"}"


U8 = b'"dtype":"U8","shape":[1],"data_offsets":[0,1]'
Y = b'"y":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}'

named = {
    "one tensor": file_of({"x": x()}, b"\0"),
    "two tensors, the later one first": file_of({"y": x(data_offsets=[1, 2]), "x": x()}, b"\0\0"),
    "metadata": file_of({"__metadata__": {"format": "pt"}, "x": x()}, b"\0"),
    "metadata null": file_of({"__metadata__": None, "x": x()}, b"\0"),
    "metadata alone": file_of({"__metadata__": {}}),
    "no tensor": file_of({}),
    "scalar": file_of({"x": x(shape=[])}, b"\0"),
    "no numbers": file_of({"x": x(shape=[0], data_offsets=[0, 0]), "y": x()}, b"\0"),
    "no numbers, last": file_of({"x": x(shape=[0], data_offsets=[1, 1]), "y": x()}, b"\0"),
    "a huge shape without numbers": file_of({"x": x(shape=[0, 2**40, 2**40], data_offsets=[0, 0])}),
    "half a byte for each": file_of({"x": x(dtype="F4", shape=[2])}, b"\0"),
    "no whole bytes": file_of({"x": x(dtype="F4", shape=[3])}, b"\0"),
    "spaces around": file_of(b' {"x":{' + U8 + b"}}\n\t ", b"\0"),
    "unicode name": file_of({"é😀": x()}, b"\0"),
    "escaped pair": file_of(raw(U8, b'"\\ud83d\\ude00"'), b"\0"),
    "unknown field": file_of({"x": x(note="a")}, b"\0"),
    "empty name": file_of({"": x()}, b"\0"),
    "empty file": b"",
    "seven bytes": b"\x02\0\0\0\0\0\0",
    "empty header": file_of(b""),
    "array": file_of(b"[]"),
    "cut JSON": file_of(b'{"x":'),
    "byte order mark": file_of(b"\xef\xbb\xbf" + raw(U8), b"\0"),
    "NUL after the header": file_of(raw(U8) + b"\0", b"\0"),
    "comma at the end": file_of(raw(U8, after=b","), b"\0"),
    "comment": file_of(raw(U8) + b"//", b"\0"),
    "single quotes": file_of(raw(U8, b"'x'"), b"\0"),
    "two names alike": file_of(raw(U8, after=b',"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}'), b"\0\0"),
    "two equal tensors of one name": file_of(raw(U8, after=b',"x":{' + U8 + b"}"), b"\0"),
    "two dtypes": file_of(raw(b'"dtype":"U8",' + U8), b"\0"),
    "two metadata": file_of(raw(U8, before=b'"__metadata__":{},"__metadata__":{},'), b"\0"),
    "two metadata keys": file_of(raw(U8, before=b'"__metadata__":{"a":"1","a":"2"},'), b"\0"),
    "metadata of numbers": file_of({"__metadata__": {"a": 1}, "x": x()}, b"\0"),
    "metadata is text": file_of({"__metadata__": "a", "x": x()}, b"\0"),
    "no offsets": file_of({"x": {"dtype": "U8", "shape": [1]}}, b"\0"),
    "no shape": file_of({"x": {"dtype": "U8", "data_offsets": [0, 1]}}, b"\0"),
    "no dtype": file_of({"x": {"shape": [1], "data_offsets": [0, 1]}}, b"\0"),
    "tensor is null": file_of({"x": None}),
    "tensor is a number": file_of({"x": 1}),
    "tensor is an array": file_of({"x": ["U8", [1], [0, 1]]}, b"\0"),
    "unknown dtype": file_of({"x": x(dtype="F7")}, b"\0"),
    "dtype in small letters": file_of({"x": x(dtype="u8")}, b"\0"),
    "negative shape": file_of({"x": x(shape=[-1])}, b"\0"),
    "shape 1.0": file_of(raw(b'"dtype":"U8","shape":[1.0],"data_offsets":[0,1]'), b"\0"),
    "shape 1e0": file_of(raw(b'"dtype":"U8","shape":[1e0],"data_offsets":[0,1]'), b"\0"),
    "shape 01": file_of(raw(b'"dtype":"U8","shape":[01],"data_offsets":[0,1]'), b"\0"),
    "shape true": file_of({"x": x(shape=[True])}, b"\0"),
    "shape of text": file_of({"x": x(shape="1")}, b"\0"),
    "overflow": file_of({"x": x(shape=[2**40, 2**40, 0], data_offsets=[0, 0])}),
    "too many numbers": file_of({"x": x(shape=[2])}, b"\0"),
    "three offsets": file_of({"x": x(data_offsets=[0, 1, 1])}, b"\0"),
    "reversed offsets": file_of({"x": x(data_offsets=[1, 0])}, b"\0"),
    "hole at the start": file_of({"x": x(data_offsets=[1, 2])}, b"\0\0"),
    "hole between": file_of({"x": x(), "y": x(data_offsets=[2, 3])}, b"\0\0\0"),
    "overlap": file_of({"x": x(shape=[2], data_offsets=[0, 2]), "y": x(data_offsets=[1, 2])}, b"\0\0"),
    "the same bytes twice": file_of({"x": x(), "y": x()}, b"\0"),
    "nothing inside something": file_of(
        {"x": x(shape=[2], data_offsets=[0, 2]), "y": x(shape=[0], data_offsets=[1, 1])}, b"\0\0"
    ),
    "bytes after the end": file_of({"x": x()}, b"\0\0"),
    "cut off": file_of({"x": x(shape=[2], data_offsets=[0, 2])}, b"\0"),
    "lone surrogate": file_of(raw(U8, b'"\\ud800"'), b"\0"),
    "invalid UTF-8": file_of(raw(U8, b'"\xff"'), b"\0"),
    "overlong UTF-8": file_of(raw(U8, b'"\xc0\x80"'), b"\0"),
    "raw control character": file_of(raw(U8, b'"\x01"'), b"\0"),
    "escaped NUL": file_of({"a\0b": x()}, b"\0"),
    "unknown escape": file_of(raw(U8, b'"\\x41"'), b"\0"),
    "header claims more than there is": file_of({"x": x()}, b"\0", length=1000),
    "header claims 100 MB and one byte": file_of({"x": x()}, b"\0", length=100_000_001),
    "header claims 2^63 bytes": file_of({"x": x()}, b"\0", length=2**63),
    "deep": file_of(raw(b'"a":' + b"[" * 200 + b"]" * 200 + b"," + U8), b"\0"),
    "ZIP": b"PK\x03\x04\x14\0\0\0\0\0",
    "pickle": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.",
}


def mutations(count):
    """A file of three tensors with one to three bytes of its header changed, doubled or left out."""
    drawn = random.Random(1)
    whole = file_of(
        {
            "__metadata__": {"format": "pt"},
            "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
            "b": {"dtype": "F16", "shape": [], "data_offsets": [8, 10]},
            "c": {"dtype": "BF16", "shape": [0], "data_offsets": [10, 10]},
        },
        bytes(range(10)),
    )
    for number in range(count):
        text = bytearray(whole[8:-10])
        for _ in range(drawn.randint(1, 3)):
            at = drawn.randrange(len(text))
            kind = drawn.choice(["digit", "byte", "drop", "double", "swap"])
            if kind == "digit":
                digits = [i for i, byte in enumerate(text) if chr(byte).isdigit()] or [at]
                text[drawn.choice(digits)] = drawn.choice(b"0123456789")
            elif kind == "byte":
                text[at] = drawn.choice(b'0129-.eE"\\{}[],:_ abcFIU\x00\x1f\x80\xff')
            elif kind == "drop":
                del text[at : at + drawn.choice([1, 1, 1, 8, 30])]
            elif kind == "double":
                end = at + drawn.choice([1, 1, 30, 50])
                text[end:end] = text[at:end]
            else:
                other = drawn.randrange(len(text))
                text[at], text[other] = text[other], text[at]
        yield f"mutation {number}", file_of(bytes(text), whole[-10:])


def accepts(content):
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(content)
    try:
        with safe_open(file.name, "np"):
            return True
    except BaseException:
        return False
    finally:
        os.remove(file.name)


count, out = int(sys.argv[1]), sys.argv[2]
cases = [
    {"what": what, "file": base64.b64encode(content).decode(), "accepted": accepts(content)}
    for what, content in [*named.items(), *mutations(count)]
]
lines = ",\n".join(json.dumps(case) for case in cases)
with open(out, "w") as file:
    file.write('{"producedBy": "safetensors %s", "cases": [\n%s\n]}\n' % (safetensors.__version__, lines))
print(len(cases), "cases,", sum(case["accepted"] for case in cases), "accepted")
