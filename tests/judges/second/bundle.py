"""Bundles: section 10. An archive has one form only, so the header of every member is made anew and compared."""

import re

from log import checkpoint, entry, state_proof, tlog_proof
from strict import decimal, need, sha256_hex

MAX_BUNDLE_BYTES = 256 << 20
MAX_MEMBERS = 180_000
BLOCK = 512
KINDS = {
    "blob": (r"blob/([0-9a-f]{64})", 128 << 20),
    "checkpoint": (r"(checkpoint)", 64 << 10),
    "entry": (r"entry/(0|[1-9][0-9]*)", 32 << 10),
    "payload": (r"payload/([0-9a-f]{64})", 8 << 20),
    "proof": (r"proof/(0|[1-9][0-9]*)\.tlog-proof", 136 << 10),
    "state": (r"state/(.+)", 2 << 20),
}
CHECK = "bundle"


def header(name, size):
    block = bytearray(BLOCK)
    fields = (
        (0, name),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"%011o\0" % size),
        (136, b"00000000000\0"),
        (148, b" " * 8),
        (156, b"0"),
        (257, b"ustar\x0000"),
    )
    for at, field in fields:
        block[at : at + len(field)] = field
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def members(data):
    """Name and content of each member, in order."""
    need(len(data) <= MAX_BUNDLE_BYTES and len(data) % BLOCK == 0, CHECK, "has a size that no archive has")
    at, before = 0, b""
    for _ in range(MAX_MEMBERS + 1):
        block = data[at : at + BLOCK]
        if block == bytes(BLOCK):
            need(data[at:] == bytes(2 * BLOCK), CHECK, "does not end as an archive does")
            return
        name = block[:100].rstrip(b"\0")
        size = re.fullmatch(rb"([0-7]{11})\0", block[124:136])
        need(name and all(32 <= byte < 127 for byte in name) and size, CHECK, "a header does not read")
        size = int(size[1], 8)
        need(block == header(name, size), CHECK, "a header is in another form")
        need(name > before, CHECK, "its members are not in order")
        begin, end = at + BLOCK, at + BLOCK + size
        at = end + -size % BLOCK
        need(at <= len(data) and not any(data[end:at]), CHECK, "a member is cut short or not filled up")
        yield name.decode(), data[begin:end]
        before = name
    need(False, CHECK, "has too many members")


def bundle(data):
    """Everything that a bundle holds, by kind and name."""
    found = {kind: {} for kind in KINDS}
    for name, content in members(data):
        kind = name.split("/")[0]
        pattern, most = KINDS.get(kind, (r"(?!)", 0))
        place = re.fullmatch(pattern, name)
        need(place and len(content) <= most, CHECK, f"{name} has no place here")
        found[kind][place[1]] = content
    need(found["checkpoint"], CHECK, "has no checkpoint")
    for digest, content in [*found["blob"].items(), *found["payload"].items()]:
        need(sha256_hex(content) == digest, CHECK, f"{digest} is not the digest of its content")
    view = checkpoint(found["checkpoint"]["checkpoint"])
    entries = {decimal(index, CHECK): entry(content) for index, content in found["entry"].items()}
    proofs = {decimal(index, CHECK): tlog_proof(content) for index, content in found["proof"].items()}
    states = {name: state_proof(content) for name, content in found["state"].items()}
    for index, proof in proofs.items():
        own = proof["index"] == index and proof["checkpoint"]["note"] == view["note"]
        need(own, CHECK, f"the proof of entry {index} is for another")
    for name, state in states.items():
        own = state["publisher"] == name and state["proof"]["checkpoint"]["note"] == view["note"]
        need(own, CHECK, f"the state of {name} is of another")
    named = [one["payload"] for one in entries.values()]
    need(len(set(named)) == len(named), CHECK, "two entries name one payload")
    return {"view": view, "entries": entries, "proofs": proofs, "states": states, "payloads": found["payload"]}
