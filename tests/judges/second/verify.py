"""A second verifier of offline bundles, written from docs/SPEC.md and sharing nothing with the product.

It is a judge in `tests/tests/second_verifier.rs`. Each line of standard input is a case, `{"folder", "bundle", "trust",
"now"}`; each line of standard output is what is said of it, `{"verdict", "detail"}`. It takes the one signature record of a
bundle, hashes whole files, and does not read GGUF headers, folders of other tools, advisories or later keysets.
"""

import json
import os
import struct
import sys
import unicodedata
from pathlib import Path

from bundle import bundle
from keys import pae, verifies_logged
from log import KEYSET, Trust, is_included, leaf_hash
from records import CHUNK, SIGNATURE, holders, statement
from strict import Refused, is_ignored, is_path, need, sha256, sha256_hex, strict_json

ENDINGS = (
    "bat bin cfg ckpt cmd cpickle dill dll dylib egg engine exe ggml gguf h5 hdf5 ipynb jar jinja jinja2 joblib js json keras "
    "llamafile mar marshal mjs mlmodel model msgpack nemo npy npz onnx onnx_data ot pb pdparams pickle pkl ps1 pt pt2 pte pth py "
    "pyc pyd pyo pyw pyz safetensors sh so spm tflite tiktoken toml torchscript wasm whl yaml yml ckpt.index pth.tar"
).split()
NAMES = ("checkpoint", "merges.txt", "modelfile", "sentencepiece.vocab", "vocab.bpe", "vocab.txt")
BITS = {
    4: "F4",
    6: "F6_E2M3 F6_E3M2",
    8: "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ",
    16: "U16 I16 F16 BF16",
    32: "U32 I32 F32",
    64: "U64 I64 F64 C64",
}
BITS_OF = {kind: bits for bits, kinds in BITS.items() for kind in kinds.split()}
MAX_HEADER_BYTES = 16 << 20


# The record: section 8, steps 1 to 9.


def prove(held, record, trust, now):
    """What is proved of a record: its statement, why its view is stale, and whether its publisher is pinned."""
    payload = held["payloads"][record]
    said = statement(payload)
    index, logged = next((i, e) for i, e in held["entries"].items() if e["payload"] == record)
    same = (logged["size"], logged["kind"], logged["publisher"]) == (len(payload), said["kind"], said["publisher"])
    need(same, "entry", "is for another payload")
    view = held["view"]
    stale = trust.staleness(trust.signed(view), now)

    def included(index, logged, check):
        proof = held["proofs"].get(index)
        need(proof, check, f"there is no proof of entry {index}")
        holds = is_included(leaf_hash(logged["bytes"]), index, view["size"], proof["hashes"], view["root"])
        need(holds, check, f"entry {index} is not in the tree")

    included(index, logged, "inclusion")
    state = held["states"].get(said["publisher"])
    need(state, "state", "there is no state proof")
    check_state(state, view)
    first = None
    for line in state["control"]:
        control, shown = held["entries"].get(line["index"]), held["payloads"].get(line["payload"])
        if control is None or shown is None or line["index"] not in held["proofs"]:
            return said, "withheld", False
        same = (control["payload"], control["kind"]) == (line["payload"], line["kind"])
        need(same and control["publisher"] == said["publisher"], "control", "is not the entry that the state lists")
        included(line["index"], control, "control")
        keys = statement(shown) if line["kind"] == KEYSET else {}
        if keys.get("version") == 1 and first is None:
            first = (line["index"], line["payload"], keys)
            check_creation(keys, control, shown, view["origin"])
        else:
            stale = "unsupported"
    need(first, "keyset", "there is none")
    created, genesis, keys = first
    if record != genesis:
        check_signatures(keys, logged, payload)
        need(index > created, "signatures", "is older than the keyset")
        need(said["genesis"] == genesis, "signatures", "names another genesis")
    return said, stale, trust.pins.get(said["publisher"]) == genesis


def check_state(state, view):
    last = state["entry"]
    need(state["proof"]["index"] == view["size"] - 1, "state", "is not of the last entry")
    leaf, hashes = leaf_hash(last["bytes"]), state["proof"]["hashes"]
    need(
        is_included(leaf, view["size"] - 1, view["size"], hashes, view["root"]), "state", "its entry is not in the tree"
    )
    leaf, root = leaf_hash(state["leaf"]), bytes.fromhex(last["state"])
    holds = is_included(leaf, state["index"], state["leaves"], state["hashes"], root)
    need(holds, "state", "its leaf is not in the state tree")


def check_creation(keys, logged, payload, origin):
    need(origin in keys["origins"], "keyset", "is not for this log")
    need({key for key, _ in logged["signatures"]} == set(keys["keys"]), "keyset", "is not signed by each of its keys")
    verified(keys, logged, payload, "keyset")
    enough = len(holders(keys["keys"], logged["signatures"], "root")) >= keys["threshold"]["root"]
    need(enough, "keyset", "is signed by too few")


def check_signatures(keys, logged, payload):
    verified(keys, logged, payload, "signatures")
    enough = len(holders(keys["keys"], logged["signatures"], "sign")) >= keys["threshold"]["sign"]
    need(enough, "signatures", "is signed by too few")


def verified(keys, logged, payload, check):
    for keyid, signature in logged["signatures"]:
        known = keys["keys"].get(keyid)
        need(known and verifies_logged(known["key"], signature, pae(payload)), check, "a signature does not verify")


# The files: sections 4 and 8.


def compare(folder, listed):
    """The gravest difference of a folder from its list; none when it is whole."""
    found = on_disk(folder)
    paths = {unicodedata.normalize("NFC", path): place for path, place in found.items()}
    contradictions, differing = [], []
    for path, file in listed.items():
        if path in paths:
            outcome = compare_file(paths[path], path, file)
            contradictions += ["log-fault"] * (outcome == "log-fault")
            differing += [path] * (outcome == "mismatch")
    if contradictions:
        return "log-fault"
    if differing or any(could_be_loaded(path, listed) for path in found if path not in listed):
        return "mismatch"
    return None if set(listed) <= set(paths) else "incomplete"


def on_disk(folder):
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            place = Path(above, name)
            path = str(place.relative_to(folder))
            if place.exists() and not is_ignored(path):
                found[path] = place
    return found


def compare_file(place, path, file):
    with place.open("rb") as data:
        content = data.read()
    chunks = [sha256(content[at : at + CHUNK]) for at in range(0, len(content), CHUNK)]
    if len(content) != file["size"] or sha256_hex(b"".join(chunks)) != file["chunks"]:
        return "mismatch"
    first = chunks[0].hex() if chunks else file["chunk0"]
    own = file["tensors"]
    if content[:4] != b"GGUF" and own:
        own = tensor_index(content)
    honest = first == file["chunk0"] and sha256_hex(content) == file["digest"] and own == file["tensors"]
    return None if honest else "log-fault"


def tensor_index(content):
    """The digest of a safetensors file's own index; none when its header does not read."""
    try:
        length = struct.unpack("<Q", content[:8])[0]
        need(length <= MAX_HEADER_BYTES and 8 + length <= len(content), "tensor-index", "is too long")
        header, data = strict_json(content[8 : 8 + length]), 8 + length
        rows = [row(name, one, data) for name, one in header.items() if name != "__metadata__"]
    except (Refused, struct.error, AttributeError):
        return None
    rows.sort(key=lambda one: (one["begin"], one["end"], one["name"].encode()))
    edges = [data, *(one["end"] for one in rows)]
    if [one["begin"] for one in rows] != edges[:-1] or edges[-1] != len(content):
        return None
    return sha256_hex(json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode())


def row(name, tensor, data):
    well = isinstance(tensor, dict) and set(tensor) == {"dtype", "shape", "data_offsets"}
    need(well and len(tensor["data_offsets"]) == 2, "tensor-index", f"{name} does not read")
    begin, end = tensor["data_offsets"]
    size = BITS_OF.get(tensor["dtype"])
    for length in tensor["shape"]:
        size = size and size * length
    need(size is None or size == 8 * (end - begin), "tensor-index", f"{name} has another size")
    return {
        "name": name,
        "dtype": tensor["dtype"],
        "shape": tensor["shape"],
        "begin": data + begin,
        "end": data + end,
    }


def could_be_loaded(path, listed):
    name = path.rsplit("/", 1)[-1].lower()
    named = name in NAMES or name.startswith("tokenizer") or ".so." in name or ".data-" in name
    composed = unicodedata.normalize("NFC", path)
    strange = not is_path(composed) or (composed in listed and composed != path)
    return named or strange or any(name.endswith(f".{ending}") for ending in ENDINGS)


# Both together.


def judge(case):
    try:
        trust = Trust(Path(case["trust"]).read_bytes())
        held = bundle(Path(case["bundle"]).read_bytes())
    except Refused as error:
        return "refused", str(error)
    signed = [
        e["payload"] for e in held["entries"].values() if e["kind"] == SIGNATURE and e["payload"] in held["payloads"]
    ]
    if len(signed) != 1:
        return "refused", "the bundle has not one signature record"
    try:
        said, stale, pinned = prove(held, signed[0], trust, case["now"])
    except Refused as error:
        return "log-fault", str(error)
    different = compare(case["folder"], said["manifest"])
    if different == "mismatch" and (stale == "withheld" or not pinned):
        return "unknown", "near"
    if different:
        return different, ""
    if stale:
        return "stale", stale
    return ("authentic" if pinned else "untrusted"), ""


def main():
    for line in sys.stdin:
        verdict, detail = judge(json.loads(line))
        print(json.dumps({"verdict": verdict, "detail": detail}), flush=True)


if __name__ == "__main__":
    main()
