"""Trust files, checkpoints, entries and proofs: section 7, and the C2SP formats that it names."""

import re
import struct

from keys import is_point, verifies_ed25519
from strict import (
    decimal,
    from_base64,
    is_digest,
    is_hidden,
    is_publisher,
    need,
    sha256,
    text,
)

MAX_NOTE_SIGNATURES = 64
MAX_ENTRY_BYTES = 32 << 10
KEYSET = "https://weighbridge.dev/keyset/v1"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


# RFC 6962


def leaf_hash(data):
    return sha256(b"\0" + data)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def is_included(leaf, index, size, hashes, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in hashes:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


# Trust files


def verifier_key(word, kind):
    """`<name>+<hash>+<base64 of a type byte and a key>`."""
    parts = word.split("+", 2)
    need(len(parts) == 3 and parts[0] and not re.search(r"\s", parts[0]), "trust", "is not a verifier key")
    name, stated, key = parts[0], parts[1], from_base64(parts[2], "trust", 33)
    need(key[0] == kind and is_point(key[1:]), "trust", f"the key of {name} is of another kind")
    key_hash = sha256(name.encode() + b"\n" + key)[:4]
    need(stated == key_hash.hex(), "trust", f"the key hash of {name} is another")
    return {"name": name, "hash": key_hash, "key": key[1:]}


class Trust:
    """Whom the user believes."""

    def __init__(self, data):
        self.logs, self.witnesses, self.groups, self.pins = {}, {}, {}, {}
        self.quorum, self.max_age = None, None
        content = text(data, "trust")
        need(not any(is_hidden(c) and c not in "\t\n" for c in content), "trust", "has a hidden character")
        for line in content.split("\n"):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if words and not words[0].startswith("#"):
                self.line(words)
        need(self.logs and self.quorum, "trust", "names no log or no quorum")
        self.max_age = self.max_age or 86400

    def line(self, words):
        name, rest = words[0], words[1:]
        known = {"log": (1, 2), "witness": (2, 3), "group": (3, 999), "quorum": (1, 1), "publisher": (2, 2)}
        least, most = known.get(name, (1, 1))
        need(name in known or name == "max_age", "trust", f"{name!r} begins no line")
        need(least <= len(rest) <= most, "trust", f"{name!r} has {len(rest)} words")
        getattr(self, f"line_{name}")(rest)

    def new_key(self, key):
        known = [*self.logs.values(), *self.witnesses.values()]
        need(all(key["key"] != other["key"] for other in known), "trust", "a key stands twice")
        return key

    def new_name(self, name):
        need(name not in self.witnesses and name not in self.groups and name != "none", "trust", f"{name} stands twice")

    def line_log(self, words):
        key = self.new_key(verifier_key(words[0], 1))
        at = words[1] if words[1:] else "https://"
        need(at.startswith(("https://", "http://")), "trust", "an address begins with https:// or http://")
        self.logs[key["name"]] = key

    def line_witness(self, words):
        self.new_name(words[0])
        self.witnesses[words[0]] = self.new_key(verifier_key(words[1], 4))

    def line_group(self, words):
        name, threshold, members = words[0], words[1], words[2:]
        self.new_name(name)
        taken = {member for _, others in self.groups.values() for member in others}
        free = len(set(members)) == len(members) and not taken & set(members)
        need(free, "trust", "a member stands in two places")
        need(all(m in self.witnesses or m in self.groups for m in members), "trust", "a member is not known")
        count = {"any": 1, "all": len(members)}.get(threshold) or decimal(threshold, "trust")
        need(1 <= count <= len(members), "trust", f"a threshold of {count}")
        self.groups[name] = (count, members)

    def line_quorum(self, words):
        known = words[0] == "none" or words[0] in self.witnesses or words[0] in self.groups
        need(self.quorum is None and known, "trust", "the quorum stands twice or is not known")
        self.quorum = words[0]

    def line_publisher(self, words):
        name, genesis = words
        need(is_publisher(name) and is_digest(genesis) and name not in self.pins, "trust", f"the pin of {name}")
        self.pins[name] = genesis

    def line_max_age(self, words):
        need(self.max_age is None, "trust", "max_age stands twice")
        if words[0] == "none":
            self.max_age = "none"
            return
        unit = UNITS.get(words[0][-1])
        need(unit, "trust", "an age has a unit")
        age = decimal(words[0][:-1], "trust")
        need(age > 0, "trust", "an age of nothing")
        self.max_age = age * unit

    def signed(self, checkpoint):
        """Checks the lines of all known keys; gives the newest time at which each witness signed."""
        log = self.logs.get(checkpoint["origin"])
        need(log, "log-signature", "the log is not in the trust file")
        by_log, times = False, {}
        for name, key_hash, signature in checkpoint["signatures"]:
            if (name, key_hash) == (log["name"], log["hash"]):
                holds = verifies_ed25519(log["key"], signature, checkpoint["text"])
                need(holds, "log-signature", "the log's line does not verify")
                by_log = True
            for witness, key in self.witnesses.items():
                if (name, key_hash) == (key["name"], key["hash"]):
                    time = cosigned(key["key"], signature, checkpoint["text"])
                    times[witness] = max(time, times.get(witness, 0))
        need(by_log, "log-signature", "no line is the log's")
        return times

    def staleness(self, times, now):
        """Why the view is not confirmed; none when it is."""
        if self.quorum == "none":
            return None if self.max_age == "none" else "no-witness"
        if any(time > now + 300 for time in times.values()):
            return "clock"
        if not self.confirmed(self.quorum, set(times)):
            return "quorum"
        fresh = {w for w, time in times.items() if self.max_age == "none" or time >= now - self.max_age}
        return None if self.confirmed(self.quorum, fresh) else "old"

    def confirmed(self, name, by):
        if name in self.witnesses:
            return name in by
        count, members = self.groups[name]
        return sum(self.confirmed(member, by) for member in members) >= count


def cosigned(key, signature, checkpoint):
    """The time of a cosignature/v1."""
    need(len(signature) == 72, "log-signature", "a cosignature has another length")
    time = struct.unpack(">Q", signature[:8])[0]
    message = b"cosignature/v1\ntime %d\n" % time + checkpoint
    holds = time < 2**63 and verifies_ed25519(key, signature[8:], message)
    need(holds, "log-signature", "a witness's line does not verify")
    return time


# Notes


def checkpoint(data):
    """A signed note whose text is a checkpoint."""
    content = text(data, "checkpoint")
    body, gap, lines = content.rpartition("\n\n")
    need(gap and lines.endswith("\n"), "checkpoint", "is not a signed note")
    rows = body.split("\n")
    need(len(rows) >= 3 and rows[0], "checkpoint", "has too few lines")
    signatures = []
    for line in lines[:-1].split("\n"):
        parts = re.fullmatch(r"\u2014 (\S+) (\S+)", line)
        need(parts, "checkpoint", "a line is not a signature")
        signature = from_base64(parts[2], "checkpoint")
        need(len(signature) > 4, "checkpoint", "a signature is too short")
        signatures.append((parts[1], signature[:4], signature[4:]))
    need(len(signatures) <= MAX_NOTE_SIGNATURES, "checkpoint", "has too many signatures")
    return {
        "origin": rows[0],
        "size": decimal(rows[1], "checkpoint"),
        "root": from_base64(rows[2], "checkpoint", 32),
        "text": body.encode() + b"\n",
        "signatures": signatures,
        "note": data,
    }


def tlog_proof(data):
    """c2sp.org/tlog-proof, without its `extra` line."""
    head, gap, note = text(data, "inclusion").partition("\n\n")
    rows = head.split("\n")
    is_proof = gap and rows[0] == "c2sp.org/tlog-proof@v1" and len(rows) >= 2 and rows[1].startswith("index ")
    need(is_proof, "inclusion", "is not a tlog-proof")
    return {
        "index": decimal(rows[1][6:], "inclusion"),
        "hashes": [from_base64(row, "inclusion", 32) for row in rows[2:]],
        "checkpoint": checkpoint(note.encode()),
    }


def entry(data):
    check = "entry"
    rows = text(data, check).split("\n")
    need(len(data) <= MAX_ENTRY_BYTES and rows[-1] == "", check, "is too long or has no last line end")
    need(len(rows) >= 8 and rows[0] == "weighbridge.dev/entry/v1", check, "is of another version")
    found = {"bytes": data, "signatures": []}
    for row, name in zip(rows[1:6], ("publisher", "kind", "size", "payload", "state"), strict=True):
        need(row.startswith(f"{name} "), check, f"has no {name} where it belongs")
        found[name] = row[len(name) + 1 :]
    well = is_publisher(found["publisher"]) and is_digest(found["payload"]) and is_digest(found["state"])
    need(well and found["kind"] and " " not in found["kind"], check, "has a wrong value")
    found["size"] = decimal(found["size"], check)
    for row in rows[6:-1]:
        parts = re.fullmatch(r"sig ([0-9a-f]{64}) (\S+)", row)
        need(parts, check, "a line is not a signature")
        found["signatures"].append((parts[1], from_base64(parts[2], check, 64)))
    keys = [key for key, _ in found["signatures"]]
    need(keys == sorted(set(keys)), check, "its signatures are not in order")
    return found


def state_proof(data):
    """The publisher's complete list of keysets and advisories, and what proves it."""
    check = "state"
    head, gap, rest = text(data, check).partition("\n\n")
    rows = head.split("\n")
    need(gap and rows[0] == "weighbridge.dev/state-proof/v1" and len(rows) >= 2, check, "is of another version")
    leaf = re.fullmatch(r"leaf (\S+) (\S+) (\S+)", rows[1])
    need(leaf, check, "has no leaf")
    last, end, proof = rest.partition("\n")
    need(end and last.startswith("entry "), check, "has no entry")
    listed = from_base64(leaf[3], check)
    lines = text(listed, check).split("\n")
    need(lines[-1] == "" and is_publisher(lines[0]), check, "its leaf does not read")
    return {
        "index": decimal(leaf[1], check),
        "leaves": decimal(leaf[2], check),
        "leaf": listed,
        "publisher": lines[0],
        "control": control_lines(lines[1:-1]),
        "hashes": [from_base64(row, check, 32) for row in rows[2:]],
        "entry": entry(from_base64(last[6:], check)),
        "proof": tlog_proof(proof.encode()),
    }


def control_lines(rows):
    found = []
    for row in rows:
        words = row.split(" ")
        need(len(words) == 4 and is_digest(words[2]), "state", "a line of the leaf does not read")
        target = words[3] == "-" or (words[1] != KEYSET and is_digest(words[3]))
        need(target, "state", "a line of the leaf has a wrong target")
        found.append({"index": decimal(words[0], "state"), "kind": words[1], "payload": words[2]})
    indices = [line["index"] for line in found]
    need(indices == sorted(set(indices)), "state", "the leaf is not in order")
    return found
