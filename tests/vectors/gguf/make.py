"""Makes the GGUF files of this folder and, read back with the same library, the index that each must have.

    pip install gguf==0.19.0 && python make.py

Nothing of Weighbridge takes part. What gguf-py reads is taken as the truth: names, types, shapes in file order,
absolute offsets, and sizes without padding.
"""

import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

HERE = pathlib.Path(__file__).parent
# gguf-py still measures Q8_1 as it was before ggml changed it; no model is stored in it.
TYPES = [t for t in T if t is not T.Q8_1]


def metadata(writer):
    writer.add_name("acme/tiny")
    writer.add_bool("tiny.flag", True)
    writer.add_float32("tiny.rate", 0.5)
    writer.add_int64("tiny.negative", -7)
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "</s>", "caf\u00e9", ""])
    writer.add_array("tokenizer.ggml.scores", [0.0, -1.0, -2.5, 3.0])
    writer.add_array("tokenizer.ggml.token_type", [3, 3, 1, 1])


def tensors(writer, types):
    random = np.random.default_rng(7)
    for kind in types:
        block, size = GGML_QUANT_SIZES[kind]
        # Three rows of two blocks each; given as bytes, the writer works out the shape.
        rows = random.integers(0, 256, (3, 2 * size), dtype=np.uint8)
        writer.add_tensor(f"blk.{kind.value}.{kind.name.lower()}", rows, raw_dtype=kind)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def expected(path):
    listed = [
        {
            "name": t.name,
            "dtype": t.tensor_type.name,
            "shape": [int(n) for n in t.shape],
            "begin": int(t.data_offset),
            "end": int(t.data_offset) + int(t.n_bytes),
        }
        for t in GGUFReader(path).tensors
    ]
    listed.sort(key=lambda t: (t["begin"], t["end"], t["name"].encode()))
    text = json.dumps(listed, separators=(",", ":"), ensure_ascii=False)
    path.with_suffix(".index.json").write_text(text, encoding="utf-8")


def whole(name, types=TYPES, alignment=None):
    path = HERE / f"{name}.gguf"
    writer = GGUFWriter(path, "tiny")
    if alignment:
        writer.add_custom_alignment(alignment)
    metadata(writer)
    tensors(writer, types)
    finish(writer)
    return path


v3 = whole("v3")
# Version 2 has the same layout; only big-endian files came with version 3.
data = bytearray(v3.read_bytes())
data[4:8] = (2).to_bytes(4, "little")
(HERE / "v2.gguf").write_bytes(data)

whole("aligned-256", [T.F32, T.Q4_K, T.I8], 256)
metadata_only = whole("no-tensors", [])

# The last tensor without the zeros behind it, as some programs leave them out.
padded = whole("padded-end", [T.Q4_K, T.F16])
last = max(t.data_offset + t.n_bytes for t in GGUFReader(padded).tensors)
assert last < padded.stat().st_size
(HERE / "unpadded-end.gguf").write_bytes(padded.read_bytes()[: int(last)])

# The same two tensors with their offsets exchanged: data need not be in the order of the descriptions.
shuffled = whole("shuffled", [T.F32, T.I32])
data = bytearray(shuffled.read_bytes())
fields = [t.field.parts[-1] for t in GGUFReader(shuffled).tensors]
places = [data.index(b"blk.0.f32") + 9 + 4 + 16 + 4, data.index(b"blk.26.i32") + 10 + 4 + 16 + 4]
offsets = [data[p : p + 8] for p in places]
assert [int.from_bytes(o, "little") for o in offsets] == [int(f[0]) for f in fields]
data[places[0] : places[0] + 8], data[places[1] : places[1] + 8] = offsets[1], offsets[0]
shuffled.write_bytes(data)

writer = GGUFWriter(HERE / "split.gguf", "tiny", split_max_tensors=2)
metadata(writer)
tensors(writer, [T.F32, T.F16, T.Q8_0, T.Q4_K, T.Q6_K])
finish(writer)

for path in sorted(HERE.glob("*.gguf")):
    expected(path)
