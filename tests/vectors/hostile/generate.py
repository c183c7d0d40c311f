#!/usr/bin/env python3
"""Writes the hostile corpus: one JSON file a defect, below a folder for each kind of input.

Nothing of the project is used: every input is built here from docs/SPEC.md, so that a mistake of the code under test
cannot hide in its own test data. Run it to write the files, or with --check to compare them with what is committed.

    {"name": sentence, "source": where the attack is known from, "kind": what reads it,
     "parts": [{"text": T} | {"base64": B} | {"repeat": T, "times": N}],
     "says": text that every surface shows, or null where the input is taken}
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ORIGIN = "registry.example/log"
PUBLISHER = "acme.example"
# The public key of the seed 07 07 ... 07, as `openssl pkey -pubout` writes it. It is thrown away.
SPKI = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n-----END PUBLIC KEY-----\n"
SIGNATURE = "https://model_signing/signature/v1.0"
KEYSET = "https://weighbridge.dev/keyset/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
IGNORED = [".DS_Store", ".cache/huggingface", ".git", ".gitattributes", ".github", ".gitignore", "model.sig"]
CHUNK = 4 << 20

DISAGREE = "Two JSON parsers that disagree on one text (RFC 8259 section 4; the payload confusion of many signed-JSON schemes)"
MEMORY = "A small text that becomes large in memory"
UNICODE = "Trojan Source, CVE-2021-42574, for file names"
SLIP = "Zip Slip: a listed name that leads out of the folder"
COLLIDE = "Git's CVE-2021-21300: two names that one file system keeps as one file"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# Statements, as an honest lab writes them.


def file(path, content=b"x", **changes):
    chunk0 = sha256(content[:CHUNK])
    raw = hashlib.sha256(content).digest() if content else b""
    annotations = {
        "weighbridge_size": len(content),
        "weighbridge_chunk_size": CHUNK,
        "weighbridge_chunks": sha256(raw),
        "weighbridge_chunk0": chunk0,
    }
    resource = {"name": path, "algorithm": "sha256", "digest": sha256(content), "annotations": annotations}
    for name, value in changes.items():
        (annotations if name.startswith("weighbridge_") else resource)[name] = value
    return resource


def subject(files, name="acme/tiny", **changes):
    lines = sorted((f["name"].encode("utf-8", "surrogatepass"), f["digest"]) for f in files)
    order = sorted(files, key=lambda f: f["name"])
    try:
        root = sha256(b"".join(bytes.fromhex(f["digest"]) for f in order))
    except ValueError:
        root = sha256(b"")
    digests = {"sha256": root, "dirHash1": sha256(b"".join(d.encode() + b"  " + n + b"\n" for n, d in lines))}
    annotations = {
        "weighbridge_publisher": PUBLISHER,
        "weighbridge_genesis": GENESIS,
        "weighbridge_name": name,
    }
    annotations.update(changes)
    return {"name": name, "digest": digests, "annotations": annotations}


def statement(predicate_type, subjects, predicate):
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def signature(files, **changes):
    predicate = {
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": IGNORED},
        "resources": sorted(files, key=lambda f: f["name"]),
    }
    return statement(SIGNATURE, [subject(files, **changes)], predicate)


def keyset(**changes):
    predicate = {
        "publisher": PUBLISHER,
        "origins": [ORIGIN],
        "version": 1,
        "previous": None,
        "threshold": {"root": 1, "sign": 1},
        "keys": [{"spki": SPKI, "holder": "alice", "roles": ["root", "sign"]}],
        "revoked": [],
    }
    predicate.update(changes)
    name = predicate["publisher"]
    return statement(KEYSET, [{"name": name, "digest": {"sha256": sha256(name.encode())}}], predicate)


GENESIS = sha256(compact(keyset()).encode())


def provenance(stage="merge", metrics=None, inputs=()):
    predicate = {
        "buildDefinition": {
            "buildType": f"https://weighbridge.dev/buildtypes/{stage}/v1",
            "externalParameters": {},
            "resolvedDependencies": list(inputs),
        },
        "runDetails": {"builder": {"id": f"https://{PUBLISHER}/"}},
    }
    if metrics is not None:
        predicate["runDetails"]["metadata"] = {"weighbridge_metrics": metrics}
    return statement(PROVENANCE, [subject([file("README.md")])], predicate)


def envelope(**changes):
    payload = compact(signature([file("README.md")])).encode()
    value = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"keyid": sha256(SPKI.encode()), "sig": base64.b64encode(bytes(64)).decode()}],
    }
    value.update(changes)
    return value


def tensor_header(tensors):
    return compact(tensors)


def safetensors(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def tensor(begin, end, shape=None, dtype="U8"):
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


CASES = []


def case(kind, slug, name, source, *parts, says):
    CASES.append((kind, slug, name, source, list(parts), says))


def text(value):
    return {"text": value if isinstance(value, str) else compact(value)}


def raw(data):
    return {"base64": base64.b64encode(data).decode()}


def repeat(value, times):
    return {"repeat": value, "times": times}


# One defect of JSON in every text that is read as strict JSON. `x` stands where a member of no meaning is inserted.

JSON_DEFECTS = [
    ("duplicate-member", "a member twice", DISAGREE, [text('"x":1,"x":2,')], 'the member "x" stands twice'),
    ("duplicate-member-escaped", "a member twice, once escaped", DISAGREE, [text('"x":1,"\\u0078":2,')], 'the member "x" stands twice'),
    ("deep-nesting", "nesting one deeper than is read", "Stack exhaustion by nesting, as in CVE-2022-25857", [text('"x":' + "[" * 32 + "]" * 32 + ",")], "nested deeper than 32"),
    ("very-deep-nesting", "nesting of a hundred thousand", "Stack exhaustion by nesting, as in CVE-2022-25857", [text('"x":'), repeat("[", 100_000), repeat("]", 100_000), text(",")], "nested deeper than 32"),
    ("integer-2-53", "the integer 2^53", "RFC 8259 section 6: beyond it doubles and integers disagree", [text('"x":9007199254740992,')], "the integer 9007199254740992 is not below 2^53"),
    ("integer-minus-2-53", "the integer -2^53", "RFC 8259 section 6: beyond it doubles and integers disagree", [text('"x":-9007199254740992,')], "the integer -9007199254740992 is not above -2^53"),
    ("integer-huge", "an integer of four hundred digits", "RFC 8259 section 6: numbers of any length", [text('"x":'), repeat("9", 400), text(",")], "number out of range"),
    ("number-1e400", "the number 1e400", "RFC 8259 section 6: infinity to one parser, an error to another", [text('"x":1e400,')], "number out of range"),
    ("number-minus-zero", "the number -0", "Equal to 0 for integers, another bit pattern for doubles", [text('"x":-0,')], "a number is not an integer below 2^64"),
    ("number-decimal", "a decimal", "Decimals differ in the last digit from parser to parser", [text('"x":0.1,')], "decimals are written as strings"),
    ("number-nan", "NaN", "A JavaScript number that JSON does not have", [text('"x":NaN,')], "expected value"),
    ("control-in-string", "a NUL within a text", "C strings end at NUL: CVE-2009-2408 for names in certificates", [text('"x":"a\x00b",')], "control character"),
    ("lone-surrogate", "half of a surrogate pair", "RFC 8259 section 8.2: no UTF-8 for it, and parsers replace it differently", [text('"x":"\\ud800",')], "hex escape"),
    ("many-small-values", "hundreds of thousands of small values", MEMORY, [text('"x":['), repeat("[],", 100_000), text("0],")], "too many small values for a text of its length"),
    ("trailing-comma", "a comma too many", DISAGREE, [text('"x":[1,],')], "trailing comma"),
    ("comment", "a comment", DISAGREE, [text('/* x */')], "key must be a string"),
]


def with_json_defects(kind, what, honest, frame=lambda parts: parts):
    assert honest[0] == "{"
    for slug, name, source, parts, says in JSON_DEFECTS:
        case(kind, f"json-{slug}", f"{what} with {name}", source, *frame([text("{")] + parts + [text(honest[1:])]), says=says)
    whole = [
        ("byte-order-mark", "behind a byte order mark", "Some parsers skip it, others refuse it", [raw(b"\xef\xbb\xbf"), text(honest)], "byte order mark"),
        ("invalid-utf8", "that is not UTF-8", "Some parsers put U+FFFD in its place", [text('{"x":"'), raw(b"\xff"), text('",' + honest[1:])], "not UTF-8"),
        ("overlong-utf8", "with a slash written in two bytes", "Overlong UTF-8: MS00-057, a path check passed before decoding", [text('{"x":"'), raw(b"\xc0\xaf"), text('",' + honest[1:])], "not UTF-8"),
        ("utf16", "in UTF-16", "Some parsers guess the encoding", [raw(honest.encode("utf-16"))], "not UTF-8"),
        ("trailing-text", "with a second value behind it", DISAGREE, [text(honest + "{}")], "trailing characters"),
        ("cut-off", "that breaks off", "A download that stopped", [text(honest[: len(honest) // 2])], "EOF while parsing"),
        ("empty", "of no bytes", "A download that never began", [text("")], "EOF while parsing"),
        ("not-json", "that is a web page", "A login page or an error page in place of the file", [text("<!DOCTYPE html><html></html>")], "expected value"),
    ]
    for slug, name, source, parts, says in whole:
        if kind == "safetensors" and slug == "empty":
            says = "the header length 0 is not possible in a file of 9 bytes"
        case(kind, f"json-{slug}", f"{what} {name}", source, *frame(parts), says=says)


with_json_defects("envelope", "an envelope", compact(envelope()))
with_json_defects("statement", "a statement", compact(signature([file("README.md")])))
ONE_TENSOR = compact({"a": tensor(0, 1)})


def as_header(parts):
    length = sum(len(expand(part)) for part in parts)
    return [raw(struct.pack("<Q", length))] + parts + [raw(b"\0")]


def expand(part):
    if "text" in part:
        return part["text"].encode("utf-8", "surrogatepass")
    if "base64" in part:
        return base64.b64decode(part["base64"])
    return part["repeat"].encode() * part["times"]


with_json_defects("safetensors", "a safetensors header", ONE_TENSOR, as_header)
EMPTY_LOOKUP = '{"v":1,"keys":0,"digits":0,"as_of_size":1,"matches":[]}'
with_json_defects("lookup", "a lookup answer", EMPTY_LOOKUP)

# Envelopes.

KEYID = sha256(SPKI.encode())
SIG = base64.b64encode(bytes(64)).decode()
BASE64 = "Base64 decoders that skip what they do not know: one signature, many texts"


def envelopes():
    def one(slug, name, source, value, says):
        case("envelope", slug, name, source, text(value), says=says)

    without = envelope()
    del without["payload"]
    one("no-payload", "an envelope without a payload", "A member left out", without, 'payload is missing')
    without = envelope()
    del without["signatures"]
    one("no-signatures-member", "an envelope without signatures", "A member left out", without, "signatures is missing")
    one("no-signature", "an envelope with an empty list of signatures", "Signature stripping: what is not signed by anybody passes a loop over all signatures", envelope(signatures=[]), "an envelope has 1 to 32 signatures, got 0")
    one("many-signatures", "an envelope with 33 signatures", "Work without end for one request", envelope(signatures=[{"keyid": KEYID, "sig": SIG}] * 33), "an envelope has 1 to 32 signatures, got 33")
    case("envelope", "very-many-signatures", "an envelope with a hundred thousand signatures", "Work without end for one request", text(compact(envelope())[: compact(envelope()).index("[") + 1]), repeat('{"sig":""},', 100_000), text('{"sig":""}]}'), says="too many small values for a text of its length")
    one("other-payload-type", "an envelope for another payload type", "Cross-protocol confusion, which the payload type of DSSE is there to stop", envelope(payloadType="application/vnd.oci.image.manifest.v1+json"), 'wanted the payload type application/vnd.in-toto+json, got')
    one("payload-base64url", "a payload in the URL alphabet", BASE64, envelope(payload="e-_-"), "the member payload is not padded standard base64")
    one("payload-unpadded", "a payload without padding", BASE64, envelope(payload="e30"), "the member payload is not padded standard base64")
    one("payload-line-breaks", "a payload broken into lines", BASE64, envelope(payload="e3\n0="), "the member payload is not padded standard base64")
    one("payload-loose-bits", "a payload with bits that mean nothing", BASE64, envelope(payload="e31="), "the member payload is not padded standard base64")
    one("sig-not-base64", "a signature that is no base64", BASE64, envelope(signatures=[{"keyid": KEYID, "sig": "?"}]), "is not padded standard base64")
    one("sig-long", "a signature of 300 bytes", "Buffers made for signatures of one length", envelope(signatures=[{"keyid": KEYID, "sig": base64.b64encode(bytes(300)).decode()}]), "a signature has at most 256 bytes, got 300")
    one("payload-number", "a payload that is a number", "Type confusion", envelope(payload=7), "payload is not text")
    one("signatures-object", "signatures that are an object", "Type confusion", envelope(signatures={"0": {"sig": SIG}}), "signatures is not a list")
    one("top-level-list", "a list in place of an envelope", "Type confusion", [envelope()], "top level is not an object")
    one("payload-not-a-statement", "a payload of no statement", "Something else that was signed", envelope(payload=base64.b64encode(b"hello").decode()), "the statement does not parse")


envelopes()

# Statements about files.


def statements():
    def files(slug, name, source, listed, says):
        case("statement", slug, name, source, text(signature(listed)), says=says)

    def paths(slug, name, source, listed, says):
        files(slug, name, source, [file(path) for path in listed], says)

    paths("path-up", "a file above the folder", SLIP, ["../x"], 'the component "..", which could lead out of the folder')
    paths("path-up-inside", "a file that climbs out from within", SLIP, ["a/../../x"], 'the component ".."')
    paths("path-absolute", "an absolute path", SLIP, ["/etc/passwd"], 'the component "", which could lead out of the folder')
    paths("path-dot", "the folder itself", SLIP, ["."], 'the component "."')
    paths("path-double-slash", "a path with an empty component", SLIP, ["a//b"], 'the component ""')
    paths("path-trailing-slash", "a path that ends in a slash", SLIP, ["a/"], 'the component ""')
    paths("path-backslash", "a path with backslashes", "Zip Slip on Windows", ["..\\x"], "which has no place in a file name")
    paths("path-drive", "a path on another drive", "Zip Slip on Windows", ["C:\\x"], "which has no place in a file name")
    paths("path-nul", "a path with a NUL", "C strings end at NUL: poison null byte", ["a.txt\0.safetensors"], "which has no place in a file name")
    paths("path-newline", "a path with a line break", "One file that reads like two lines of dirHash1", ["a\n" + "0" * 64 + "  b"], "which has no place in a file name")
    paths("path-bidi", "a path that reads backwards", UNICODE, ["model\u202egpj.py"], "which has no place in a file name")
    paths("path-bidi-isolate", "a path with a bidirectional isolate", UNICODE, ["a\u2067b"], "which has no place in a file name")
    paths("path-zero-width", "a path with a zero-width space", UNICODE, ["config\u200b.json"], "which has no place in a file name")
    paths("path-soft-hyphen", "a path with a soft hyphen", UNICODE, ["con\u00adfig.json"], "which has no place in a file name")
    paths("path-tag", "a path with invisible tag characters", "Text hidden in U+E0000 to E007F", ["a\U000e0041b"], "which has no place in a file name")
    paths("path-escape", "a path with a terminal's escape sequence", "Terminal injection by file name, as in CVE-2003-0063", ["a\x1b[2Jb"], "which has no place in a file name")
    paths("path-nfd", "a path in decomposed form", "macOS and Linux keep the same name in other bytes", ["cafe\u0301.txt"], "is not in Unicode form NFC")
    paths("path-long", "a path of 4,097 bytes", "No file system could hold it", ["a/" * 2048 + "b"], "a path has 1 to 4096 bytes, got 4097")
    paths("path-empty", "a path of no bytes", SLIP, [""], "a path has 1 to 4096 bytes, got 0")
    paths("path-twice", "a path listed twice", "Two entries of one name in a zip: which one counts?", ["a", "a"], "predicate.resources is not sorted by name")
    paths("path-case", "two paths that differ in case", COLLIDE, ["Config.json", "config.json"], "are the same file on systems that ignore case")
    paths("path-case-sharp-s", "two paths that fold to one", COLLIDE, ["strasse", "stra\u00dfe"], "are the same file on systems that ignore case")
    paths("path-case-kelvin", "a Kelvin sign beside a K", COLLIDE, ["k.bin", "\u212a.bin"], "is not in Unicode form NFC")
    paths("path-case-folder", "two folders that differ in case, with one file", COLLIDE, ["A/x", "a/x"], "are the same file on systems that ignore case")
    paths("path-file-and-folder", "a path that is file and folder", "A tar that writes through its own link", ["a", "a/b"], "is listed as a file and as a folder")
    paths("no-file", "a list of no file", "An empty list that every folder satisfies", [], "there is no file to list")
    files("size-negative", "a file of -1 bytes", "Integer confusion", [file("a", weighbridge_size=-1)], "weighbridge_size is not a whole number")
    files("size-huge", "a file of 2^53 - 1 bytes", MEMORY, [file("a", weighbridge_size=2**53 - 1)], "at most 17592186044416 are allowed")
    files("size-text", "a size that is text", "Type confusion", [file("a", weighbridge_size="1")], "weighbridge_size is not a whole number")
    files("chunk-size-other", "chunks of 64 bytes", MEMORY, [file("a", weighbridge_chunk_size=64)], "weighbridge_chunk_size")
    files("chunk0-other", "a first chunk that is not the file's", "A manifest that contradicts itself", [file("a", weighbridge_chunk0=sha256(b"y"))], "contradict its size of 1 bytes")
    files("empty-with-digest", "an empty file with somebody's digest", "A manifest that contradicts itself", [file("a", b"", digest=sha256(b"y"))], "contradict its size of 0 bytes")
    files("digest-uppercase", "a digest in capitals", "One value, two spellings", [file("a", digest=sha256(b"x").upper())], "digest")
    files("digest-short", "a digest of 63 digits", "Truncated digests compare equal to many", [file("a", digest=sha256(b"x")[:63])], "digest")
    files("algorithm-sha1", "a file by its SHA-1", "Algorithm downgrade: shattered.io", [file("a", algorithm="sha1")], "algorithm")
    files("tensors-missing", "a safetensors file without its tensor index", "An annotation left out to switch a check off", [file("a.safetensors")], "must have a tensor index")
    files("tensors-extra", "a text file with a tensor index", "A sidecar nobody asked for", [file("a.txt", weighbridge_tensors=sha256(b"[]"))], "must not have a tensor index")
    no_size = file("a")
    del no_size["annotations"]["weighbridge_size"]
    files("size-missing", "a file without its size", "An annotation left out to switch a check off", [no_size], "weighbridge_size is missing")

    unsorted = signature([file("a"), file("b")])
    unsorted["predicate"]["resources"].reverse()
    case("statement", "files-unsorted", "files out of order", "One list, two spellings", text(unsorted), says="the statement's predicate.resources is not sorted by name")
    other = signature([file("a")])
    other["subject"][0]["digest"]["dirHash1"] = sha256(b"y")
    case("statement", "dirhash-other", "a subject that is not the listed files", "A signature over other files than those listed", text(other), says="the subject's dirHash1 is")
    other = signature([file("a")])
    other["subject"][0]["digest"]["sha256"] = sha256(b"y")
    case("statement", "oms-root-other", "an OMS root that is not that of the listed files", "A signature over other files than those listed", text(other), says="the subject's sha256 is")
    two = signature([file("a")])
    two["subject"] *= 2
    case("statement", "two-subjects", "a statement about two subjects", "Which one was verified?", text(two), says="subject")
    none = signature([file("a")])
    none["subject"] = []
    case("statement", "no-subject", "a statement about nothing", "Which one was verified?", text(none), says="subject")
    other = signature([file("a")])
    other["_type"] = "https://in-toto.io/Statement/v0.1"
    case("statement", "old-statement", "a statement of another version", "Version confusion", text(other), says="_type")
    other = signature([file("a")])
    other["predicateType"] = "https://example.com/other/v1"
    case("statement", "unknown-kind", "a statement of an unknown kind", "Something else that was signed", text(other), says=None)
    symlinks = signature([file("a")])
    symlinks["predicate"]["serialization"]["allow_symlinks"] = True
    case("statement", "allow-symlinks", "a list made with links followed", "A link may lead elsewhere tomorrow", text(symlinks), says="allow_symlinks")
    ignore = signature([file("a")])
    ignore["predicate"]["serialization"]["ignore_paths"] = IGNORED + ["pickle.pkl"]
    case("statement", "ignore-anything", "a list that leaves a loadable file out", "A verifier that believes the list of what to skip", text(ignore), says=None)

    def named(slug, name, source, value, says):
        case("statement", slug, name, source, text(signature([file("a")], **value)), says=says)

    named("publisher-capitals", "a publisher in capitals", "Homographs of names", {"weighbridge_publisher": "Acme.Example"}, "weighbridge_publisher")
    named("publisher-cyrillic", "a publisher with a Cyrillic letter", "Homographs of names: the IDN attack of 2001", {"weighbridge_publisher": "\u0430cme.example"}, "weighbridge_publisher")
    named("publisher-missing", "a record that names nobody", "An annotation left out to switch a check off", {"weighbridge_publisher": None}, "weighbridge_publisher")
    named("genesis-malformed", "a genesis that is no record id", "Type confusion", {"weighbridge_genesis": "latest"}, "weighbridge_genesis")
    named("name-bidi", "an artifact's name that reads backwards", UNICODE, {"weighbridge_name": "acme\u202etset"}, "weighbridge_name")
    named("name-long", "an artifact's name of 1,025 bytes", "A name that fills the screen", {"weighbridge_name": "n" * 1025}, "weighbridge_name")
    named("version-empty", "a version of no bytes", "One value, two spellings", {"weighbridge_version": ""}, "weighbridge_version")
    named("official-many", "an artifact with 1,025 addresses", MEMORY, {"weighbridge_official": ["https://a.example"] * 1025}, "weighbridge_official")
    named("official-empty", "an empty list of addresses", "One value, two spellings", {"weighbridge_official": []}, "weighbridge_official")

    case("statement", "stage-unknown", "a stage that there is not", "Something else that was signed", text(provenance("alchemy")), says="buildType")
    case("statement", "metric-number", "a metric that is a number", "Decimals differ in the last digit from parser to parser", text(provenance(metrics={"loss": 2})), says="weighbridge_metrics")
    case("statement", "metric-nan", "a metric that is NaN", "Every comparison with it is false", text(provenance(metrics={"loss": "NaN"})), says="weighbridge_metrics")
    case("statement", "parent-without-role", "a parent without its role", "An annotation left out to switch a check off", text(provenance(inputs=[{"uri": "x", "annotations": {"weighbridge_record": GENESIS}}])), says="weighbridge_role")


statements()

# Keysets: who may sign.


def ed25519(point):
    der = bytes.fromhex("302a300506032b6570032100") + point
    return "-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der).decode() + "\n-----END PUBLIC KEY-----\n"


def spki(prefix, point):
    encoded = base64.b64encode(bytes.fromhex(prefix) + point).decode()
    lines = "".join(encoded[at : at + 64] + "\n" for at in range(0, len(encoded), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}-----END PUBLIC KEY-----\n"


# SPKI of P-256 and P-384 up to the point (RFC 5480).
P256 = "3059301306072a8648ce3d020106082a8648ce3d030107034200"
P256_COMPRESSED = "3039301306072a8648ce3d020106082a8648ce3d030107032200"
P384 = "3076301006072a8648ce3d020106052b81040022036200"


def key(spki=SPKI, holder="alice", roles=("root", "sign")):
    return {"spki": spki, "holder": holder, "roles": list(roles)}


def keysets():
    case("keyset", "honest", "the keyset of the publisher of all others, as it should be", "None: what is refused elsewhere is not refused for it", text(keyset()), says=None)

    def one(slug, name, source, says, **changes):
        case("keyset", slug, name, source, text(keyset(**changes)), says=says)

    order8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    small = "Small-order keys, for which one signature fits every message (Chalkias, Garillot, Nikolaenko 2020)"
    one("key-identity", "the neutral element as a key", small, "of small order; anybody could sign for it", keys=[key(ed25519(b"\x01" + bytes(31)))])
    one("key-zero", "a key of zeros", small, "of small order; anybody could sign for it", keys=[key(ed25519(bytes(32)))])
    one("key-order-8", "a key of order eight", small, "of small order; anybody could sign for it", keys=[key(ed25519(order8))])
    one("key-not-canonical", "a key whose number is above the field", "Two encodings of one key: ZIP 215", "not canonically encoded", keys=[key(ed25519(b"\xee" + b"\xff" * 30 + b"\x7f"))])
    one("key-no-point", "32 bytes that are no key", "Keys that are never checked at parse", "are not an Ed25519 public key", keys=[key(ed25519(b"\x02" + bytes(31)))])
    one("p256-off-curve", "a P-256 key that is no point of the curve", "Invalid curve attacks (Biehl, Meyer, Müller 2000)", "not a point of the curve", keys=[key(spki(P256, b"\x04" + (1).to_bytes(32) * 2))])
    one("p256-compressed", "a P-256 key as a compressed point", "One key, two texts, two key ids", "compressed point", keys=[key(spki(P256_COMPRESSED, b"\x02" + (1).to_bytes(32)))])
    one("p384", "a key on another curve", "Algorithm confusion", "another elliptic curve than P-256", keys=[key(spki(P384, b"\x04" + (1).to_bytes(48) * 2))])
    one("key-one-line", "a key's text in one line", "One key, two texts, two key ids", "canonical PEM", keys=[key(SPKI.replace("\n", ""))])
    one("key-crlf", "a key's text with CRLF", "One key, two texts, two key ids", "canonical PEM", keys=[key(SPKI.replace("\n", "\r\n"))])
    one("key-private", "a private key in a public place", "A key that was pasted whole", "key", keys=[key("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n")])
    one("key-long", "a key's text of 9,000 bytes", MEMORY, "key", keys=[key(SPKI + "A" * 9000)])
    one("no-key", "a keyset of nobody", "Signature stripping", "a keyset has 1 to 16 keys, got 0", keys=[])
    one("many-keys", "a keyset of 17 keys", "Work without end for one request", "a keyset has 1 to 16 keys, got 17", keys=[key()] * 17)
    one("key-twice", "one key twice, for two holders", "One person who counts as two toward the threshold", "is listed twice", keys=[key(), key(holder="bob")])
    one("threshold-zero", "a threshold of nobody", "Signature stripping", "threshold is 0", threshold={"root": 1, "sign": 0})
    one("threshold-high", "a threshold that nobody can reach", "A name that is taken and can never be used", "threshold is 2, and 1 different holders have that role", threshold={"root": 1, "sign": 2})
    one("role-unknown", "a role that there is not", "Rights by misspelling", "roles", keys=[key(roles=["root", "sign", "admin"])])
    one("role-twice", "a role twice", "One value, two spellings", "must have each of its roles once", keys=[key(roles=["root", "root", "sign"])])
    one("role-none", "a key without a role", "Rights by misspelling", "must have each of its roles once, and at least one", keys=[key(roles=[])])
    one("holder-bidi", "a holder whose name reads backwards", UNICODE, "hidden characters", keys=[key(holder="alice\u202e")])
    one("holder-long", "a holder's name of 257 bytes", "A name that fills the screen", "empty, too long or has hidden characters", keys=[key(holder="a" * 257)])
    one("origins-none", "a keyset for no log", "A keyset that counts on every log", "origins, got 0", origins=[])
    one("version-zero", "version 0", "A version before the first", "version 0 of a keyset does not go with", version=0)
    one("previous-in-first", "a first version with a predecessor", "A name taken over by a forged history", "version 1 of a keyset does not go with", previous=GENESIS)
    one("revoked-in-first", "a first version that revokes", "A name taken over by a forged history", "version 1 of a keyset does not go with", revoked=[{"keyid": KEYID, "cutoff": 0}])
    other = keyset()
    other["subject"][0]["name"] = "other.example"
    case("keyset", "subject-other", "a keyset about another name", "Which name was signed?", text(other), says="subject")


keysets()

# Trust files: what a user is asked to paste.

LOG = "registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
GOOD_TRUST = f"log {LOG} https://registry.example/log\nquorum none\nmax_age none\n"


def trust_files():
    def one(slug, name, source, value, says):
        parts = value if isinstance(value, list) else [text(value)]
        case("trust", slug, name, source, *parts, says=says)

    one("empty", "a trust file of nothing", "A file that was never written", "", "names no log")
    one("no-quorum", "a trust file without a quorum line", "A line left out to switch a check off", f"log {LOG}\n", "has no quorum")
    one("two-quorums", "a trust file with two quorums", "Which one counts?", GOOD_TRUST + "quorum none\n", "line 4 of the trust file")
    one("quorum-unknown", "a quorum of nobody known", "A name that is never defined", f"log {LOG}\nquorum w\n", "line 2 of the trust file")
    one("quorum-of-none", "a group that needs none of its members", "A quorum that everything satisfies", f"log {LOG}\nwitness w {WITNESS}\ngroup g 0 w\nquorum g\n", "line 3 of the trust file")
    one("group-loop", "a group that contains itself", "A loop in a tree", f"log {LOG}\ngroup g all g\nquorum g\n", "line 2 of the trust file")
    one("log-key-for-other-name", "a log key whose id is not its own", "A key line edited by hand", f"log other.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\nquorum none\n", "line 1 of the trust file")
    one("log-key-small-order", "a log key of small order", "Small-order keys, for which one signature fits every message", "log registry.example/log+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nquorum none\n", "line 1 of the trust file")
    one("witness-as-log", "a witness key as the log's", "One key in two roles", f"log {WITNESS}\nquorum none\n", "line 1 of the trust file")
    one("witness-twice", "one witness under two names", "One witness that counts as two toward the quorum", f"log {LOG}\nwitness a {WITNESS}\nwitness b {WITNESS}\ngroup g all a b\nquorum g\n", "line 3 of the trust file")
    one("publisher-twice", "one publisher pinned to two geneses", "Which one counts?", GOOD_TRUST + f"publisher {PUBLISHER} {GENESIS}\npublisher {PUBLISHER} {sha256(b'x')}\n", "line 5 of the trust file")
    one("genesis-short", "a genesis of eight digits", "Truncated digests compare equal to many", GOOD_TRUST + f"publisher {PUBLISHER} {GENESIS[:8]}\n", "line 4 of the trust file")
    one("publisher-cyrillic", "a publisher with a Cyrillic letter", "Homographs of names: the IDN attack of 2001", GOOD_TRUST + f"publisher \u0430cme.example {GENESIS}\n", "line 4 of the trust file")
    one("hidden-comment", "a comment that hides a line", UNICODE, GOOD_TRUST + "# \u2028publisher evil.example " + GENESIS + "\n", "line 4 of the trust file")
    one("bidi-comment", "a comment that reads backwards", UNICODE, GOOD_TRUST + "# \u202eenon muroq\n", "line 4 of the trust file")
    one("nul", "a trust file with a NUL", "C strings end at NUL", GOOD_TRUST + "\0", "line 4 of the trust file")
    one("escape", "a trust file with a terminal's escape sequence", "Terminal injection", GOOD_TRUST + "# \x1b[2J\n", "line 4 of the trust file")
    one("carriage-return", "a line with a carriage return in it", "A terminal shows the second half only", GOOD_TRUST + f"publisher evil.example {GENESIS}\r# nothing\n", "line 4 of the trust file")
    one("unknown-line", "a line of no known kind", "A typing mistake that would be passed over", GOOD_TRUST + "publishers acme.example\n", "line 4 of the trust file")
    one("max-age-negative", "an age below zero", "Integer confusion", f"log {LOG}\nquorum none\nmax_age -1h\n", "line 3 of the trust file")
    one("max-age-huge", "an age of 2^64 hours", "Integer overflow", f"log {LOG}\nquorum none\nmax_age 18446744073709551616h\n", "line 3 of the trust file")
    one("long", "a trust file of 300,000 bytes", MEMORY, [text(GOOD_TRUST + "# "), repeat("x", 300_000), text("\n")], "a trust file has at most 262144 bytes")
    one("many-witnesses", "a trust file of a thousand groups", MEMORY, [text(GOOD_TRUST)] + [text("".join(f"group g{n} any g{n}\n" for n in range(1000)))], "line 4 of the trust file")
    one("html", "a web page in place of a trust file", "A login page or an error page in place of the file", "<!DOCTYPE html>\n<html></html>\n", "line 1 of the trust file")
    one("not-utf8", "a trust file that is not UTF-8", "Some editors write UTF-16", [raw(GOOD_TRUST.encode("utf-16"))], "not UTF-8")


trust_files()

# Safetensors files.

HEADER = "A header that claims more than the file has: the bounds checks of safetensors and GGUF loaders, CVE-2024-23496"


def safetensors_files():
    def one(slug, name, source, data, says):
        case("safetensors", slug, name, source, raw(data), says=says)

    def tensors(slug, name, source, header, data, says):
        one(slug, name, source, safetensors(compact(header), data), says)

    one("length-2-63", "a header of 2^63 bytes", HEADER, safetensors("{}", length=2**63), "header")
    one("length-2-64", "a header of 2^64 - 1 bytes", HEADER, safetensors("{}", length=2**64 - 1), "header")
    one("length-past-end", "a header longer than the file", HEADER, safetensors("{}", length=3), "header")
    one("length-zero", "a header of no bytes", HEADER, safetensors(""), "header")
    one("short", "a file of seven bytes", HEADER, b"\x02\0\0\0\0\0\0", "the file has 7 bytes; a safetensors file starts with an 8-byte header length")
    tensors("overlap", "two tensors on the same bytes", "Overlapping files in a zip bomb (Fifield 2019)", {"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12), "the bytes 118 to 126; wanted it to start at 122")
    tensors("hole", "bytes that belong to no tensor", "Data that a loader reads and an index does not name", {"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12), "the bytes 122 to 126; wanted it to start at 118")
    tensors("trailing", "bytes behind the last tensor", "Data that a loader reads and an index does not name: polyglot files", {"a": tensor(0, 4)}, bytes(12), "the last tensor ends at")
    tensors("past-end", "a tensor past the end of the file", HEADER, {"a": tensor(0, 400)}, bytes(4), "the bytes 65 to 465")
    tensors("backwards", "a tensor that ends before it begins", "Integer confusion", {"a": {"dtype": "U8", "shape": [0], "data_offsets": [4, 0]}}, bytes(4), "a does not hold U8 of shape [0] in the bytes 65 to 61")
    tensors("shape-negative", "a shape of -1", "Integer confusion", {"a": tensor(0, 4, [-4])}, bytes(4), "a.shape[0] is not a whole number")
    tensors("shape-overflow", "a shape whose product is beyond 64 bits", "Integer overflow in a product of dimensions, as in CVE-2021-29529", {"a": tensor(0, 4, [2**40, 2**40])}, bytes(4), "a does not hold U8 of shape [1099511627776, 1099511627776]")
    tensors("shape-overflow-to-fit", "a shape whose product wraps to what fits", "Integer overflow in a product of dimensions, as in CVE-2021-29529", {"a": tensor(0, 4, [2**33, 2**31, 1], "F32")}, bytes(4), "a does not hold F32 of shape [8589934592, 2147483648, 1]")
    tensors("shape-long", "a shape of 65 dimensions", MEMORY, {"a": tensor(0, 1, [1] * 65)}, bytes(1), "a.shape has more than 64 dimensions")
    tensors("shape-other", "a shape that does not fit its bytes", "A loader that reads past a tensor", {"a": tensor(0, 4, [5])}, bytes(4), "a does not hold U8 of shape [5]")
    tensors("offsets-three", "a tensor with three offsets", "Type confusion", {"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4, 8]}}, bytes(4), "a.data_offsets does not have two items")
    tensors("dtype-number", "a type that is a number", "Type confusion", {"a": {"dtype": 8, "shape": [4], "data_offsets": [0, 4]}}, bytes(4), "a.dtype is not text")
    tensors("no-shape", "a tensor without a shape", "A member left out", {"a": {"dtype": "U8", "data_offsets": [0, 4]}}, bytes(4), "a.shape is missing")
    tensors("metadata-number", "metadata that is a number", "Type confusion", {"__metadata__": 7, "a": tensor(0, 4)}, bytes(4), None)


safetensors_files()

# Sidecars: what an upload or a registry's answer holds. A chunk list is for a file of nine MiB.


def sidecars():
    def one(kind, slug, name, source, data, says):
        case(kind, slug, name, source, raw(data) if isinstance(data, bytes) else text(data), says=says)

    one("chunks", "short", "a chunk list of two chunks and a half", "A download that stopped", bytes(80), "has 96 bytes, got 80")
    one("chunks", "long", "a chunk list of four chunks", MEMORY, bytes(128), "has 96 bytes, got 128")
    one("chunks", "hex", "a chunk list in hex digits", "Another spelling of the same bytes", "0" * 192, "has 96 bytes, got 192")
    entry = {"name": "a", "dtype": "U8", "shape": [4], "begin": 10, "end": 14}
    not_canonical = "not in its one canonical form"
    one("tensors", "white-space", "a tensor index with a space", "One value, two spellings", "[" + compact(entry) + " ]", not_canonical)
    one("tensors", "member-order", "a tensor index with its members in another order", "One value, two spellings", compact([dict(reversed(entry.items()))]), not_canonical)
    one("tensors", "further-member", "a tensor index with a member more", "One value, two spellings", compact([entry | {"x": 1}]), not_canonical)
    one("tensors", "unsorted", "a tensor index out of order", "One value, two spellings", compact([entry, entry | {"begin": 2, "end": 6}]), not_canonical)
    one("tensors", "escape", "a tensor index with an escape that need not be", "One value, two spellings", compact([entry]).replace('"a"', '"\\u0061"'), not_canonical)
    one("tensors", "overlap", "a tensor index with two tensors on the same bytes", "Overlapping files in a zip bomb (Fifield 2019)", compact([entry, entry | {"name": "b", "begin": 12, "end": 16}]), None)
    one("tensors", "object", "an object in place of a tensor index", "Type confusion", "{}", not_canonical)
    one("tensors", "negative", "a tensor that begins at -1", "Integer confusion", compact([entry | {"begin": -1}]), not_canonical)


sidecars()

# Notes and proofs.

CHECKPOINT = (HERE.parent / "tlog" / "checkpoint").read_text()
PROOF = (HERE.parent / "tlog" / "proof-1.tlog-proof").read_text()


def notes():
    def note(slug, name, source, value, says):
        case("note", slug, name, source, *(value if isinstance(value, list) else [text(value)]), says=says)

    body, lines = CHECKPOINT.split("\n\n")
    note("no-signature", "a note without a signature", "Signature stripping", body + "\n\n", "no such line break was found")
    note("no-blank-line", "a note without its blank line", "c2sp.org/signed-note, Format", body + "\n" + lines, "an empty line, and signature lines; no such line break was found")
    note("crlf", "a note with CRLF", "One note, two spellings", CHECKPOINT.replace("\n", "\r\n"), "no control characters but line feeds")
    note("control", "a note with a control character", "Terminal injection", CHECKPOINT.replace("registry", "reg\x1bistry", 1), "no control characters but line feeds")
    note("hyphen", "a signature line with a hyphen for its dash", "One note, two spellings", CHECKPOINT.replace("\u2014", "-"), "does not read '\u2014 NAME BASE64'")
    note("no-final-newline", "a note that breaks off", "A download that stopped", CHECKPOINT[:-1], "an empty line, and signature lines; no such line break was found")
    note("many-signatures", "a note with 65 signatures", "Work without end for one answer", body + "\n\n" + "".join(f"\u2014 w{n}.example AAAAAAAA\n" for n in range(65)), "a note has at most 64 signatures, got 65")
    note("long", "a note of 70,000 bytes", MEMORY, [text(body + "\n"), repeat("x", 70_000), text("\n\n" + lines)], "a note has at most 65536 bytes, got 70316")
    note("base64-loose-bits", "a signature with bits that mean nothing", BASE64, CHECKPOINT.replace("DDws=", "DDwt="), "does not read '\u2014 NAME BASE64'")

    def checkpoint(slug, name, source, value, says):
        case("checkpoint", slug, name, source, text(value), says=says)

    body += "\n"
    checkpoint("size-leading-zero", "a size with a zero in front", "One value, two spellings", body.replace("\n5\n", "\n05\n"), "wanted a decimal size without leading zeros")
    checkpoint("size-plus", "a size with a plus", "One value, two spellings", body.replace("\n5\n", "\n+5\n"), "wanted a decimal size without leading zeros")
    checkpoint("size-2-64", "a size of 2^64", "Integer overflow", body.replace("\n5\n", "\n18446744073709551616\n"), "wanted a decimal size without leading zeros")
    checkpoint("empty-with-root", "an empty tree with a root", "A checkpoint that contradicts itself", body.replace("\n5\n", "\n0\n"), "an empty log has another root than that of nothing")
    checkpoint("no-root", "a checkpoint without a root", "A line left out", "\n".join(body.split("\n")[:2]) + "\n", "three or more lines, none of them empty")
    checkpoint("root-short", "a root of 31 bytes", "Truncated digests compare equal to many", "registry.example/log\n5\n" + base64.b64encode(bytes(31)).decode() + "\n", "wanted the base64 of a 32-byte root")
    checkpoint("origin-empty", "a checkpoint of no log", "A line left out", body[body.index("\n"):], "three or more lines, none of them empty")

    def proof(slug, name, source, value, says):
        case("tlog-proof", slug, name, source, text(value), says=says)

    head, rest = PROOF.split("index 1\n")
    proof("other-version", "a proof of another version", "Version confusion", PROOF.replace("@v1", "@v2"), "line 1 of the log proof: wanted the header line")
    proof("index-negative", "a proof of entry -1", "Integer confusion", PROOF.replace("index 1", "index -1"), "line 2 of the log proof: wanted index DECIMAL")
    proof("index-leading-zero", "an index with a zero in front", "One value, two spellings", PROOF.replace("index 1", "index 01"), "line 2 of the log proof: wanted index DECIMAL")
    proof("index-past-end", "a proof of an entry past the end", "Integer confusion", PROOF.replace("index 1", "index 5"), None)
    proof("many-hashes", "a proof of 64 hashes", "Work without end for one answer", head + "index 1\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 64 + rest[rest.index("\n\n") + 1 :], "wanted at most 63 hashes")
    proof("two-extras", "a proof with two extra lines", "Which one counts?", PROOF.replace("index 1", "extra AA==\nextra AA==\nindex 1"), "line 3 of the log proof: wanted index DECIMAL")
    proof("no-checkpoint", "a proof without a checkpoint", "A download that stopped", head + "index 1\n", "wanted an empty line later on")


notes()

# Keys that a lab types in.


def private_keys():
    def one(slug, name, source, value, says):
        case("private-key", slug, name, source, *(value if isinstance(value, list) else [text(value)]), says=says)

    good = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n-----END PRIVATE KEY-----\n"
    one("empty", "a key file of nothing", "A file that was never written", "", "key")
    one("public", "a public key in its place", "The wrong one of two files", SPKI, "key")
    one("cut", "a key that breaks off", "A copy that stopped", good[:60], "key")
    one("ssh", "a key of SSH", "Another tool's key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n", "key")
    one("rsa", "a key of another kind", "Another tool's key", "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n", "key")
    one("not-base64", "a key that is no base64", "A key line edited by hand", good.replace("MC4C", "!!!!"), "key")
    one("seed-short", "a key of 31 bytes", "Keys that are never checked at parse", "-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(bytes.fromhex("302d020100300506032b657004210 41f".replace(" ", "")) + bytes(31)).decode() + "\n-----END PRIVATE KEY-----\n", "key")
    one("binary", "a key file of random bytes", "The wrong file", [raw(bytes(range(256)))], "key")
    one("long", "a key file of a mebibyte", MEMORY, [repeat("A", 1 << 20)], "key")


private_keys()

# GGUF headers, from the format's own description (ggml, docs/gguf.md).


def gguf_text(value):
    raw_value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw_value)) + raw_value


def gguf_tensor(name="a", shape=(4,), kind=0, offset=0):
    return gguf_text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in shape) + struct.pack("<IQ", kind, offset)


def gguf(values=(), tensors=(gguf_tensor(),), data=bytes(16), version=3, counts=None, magic=b"GGUF"):
    n_tensors, n_values = counts or (len(tensors), len(values))
    head = magic + struct.pack("<IQQ", version, n_tensors, n_values) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def gguf_value(key, kind, value):
    return gguf_text(key) + struct.pack("<I", kind) + value


U32, STRING, ARRAY = 4, 8, 9
HEADROOM = "Counts that are believed before they are read: CVE-2024-23496 and its neighbours in GGUF readers"


def gguf_files():
    def one(slug, name, source, data, says):
        case("gguf", slug, name, source, raw(data), says=says)

    alignment = lambda kind, value: gguf([gguf_value("general.alignment", kind, value)])
    nested = lambda depth: gguf_value("x", ARRAY, struct.pack("<IQ", ARRAY, 1) * (depth - 1) + struct.pack("<IQB", 0, 1, 0))
    one("honest", "a GGUF file as it should be", "None: what is refused elsewhere is not refused for it", gguf(), None)
    one("version-1", "version 1, whose counts have 32 bits", "Version confusion", gguf(version=1), "GGUF version 1; versions 2 and 3 are read")
    one("version-4", "a version that there is not yet", "Version confusion", gguf(version=4), "GGUF version 4; versions 2 and 3 are read")
    one("big-endian", "a big-endian file", "Version confusion", b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + bytes(8), "big-endian GGUF")
    one("many-tensors", "2^60 tensors", HEADROOM, gguf(counts=(1 << 60, 0)), "gives 1152921504606846976 for tensors")
    one("many-values", "2^60 pieces of metadata", HEADROOM, gguf(counts=(1, 1 << 60)), "gives 1152921504606846976")
    one("long-key", "a key of 2^63 bytes", HEADROOM, gguf([struct.pack("<Q", 1 << 63)], counts=(1, 1)), "for the length of a metadata key, at most 65535 is possible")
    one("long-array", "an array of 2^60 numbers", HEADROOM, gguf([gguf_value("x", ARRAY, struct.pack("<IQ", U32, 1 << 60))]), "for the items of an array, at most 16777216 is possible")
    one("long-string", "a text of 2^40 bytes", HEADROOM, gguf([gguf_value("x", STRING, struct.pack("<Q", 1 << 40))]), "its GGUF header needs at least 1099511627821")
    one("deep-array", "arrays in arrays, one deeper than is read", "Stack exhaustion by nesting, as in CVE-2022-25857", gguf([nested(5)]), "gives 5 for nested arrays, at most 4 is possible")
    one("value-type", "a value of a type that there is not", "Type confusion", gguf([gguf_value("x", 13, bytes(8))]), "a value of type 13, which GGUF does not have")
    one("cut-off", "a header that breaks off", "A download that stopped", gguf()[:40], "its GGUF header needs at least")
    one("no-data", "a header without its data", "A download that stopped", gguf(data=b""), "ends behind the end of the file")
    one("name-long", "a tensor with a name of 1,025 bytes", MEMORY, gguf(tensors=[gguf_tensor("a" * 1025)]), "gives 1025 for the length of a tensor's name, at most 1024 is possible")
    one("name-not-utf8", "a tensor with a name that is not UTF-8", "Some parsers put U+FFFD in its place", gguf(tensors=[gguf_tensor(b"\xff")]), "the name of a tensor is not UTF-8")
    one("name-twice", "two tensors with one name", "Which one counts?", gguf(tensors=[gguf_tensor(), gguf_tensor(offset=32)], data=bytes(48)), "stands twice")
    one("many-dimensions", "a tensor of five dimensions, one more than ggml has", "A limit that the format does not have", gguf(tensors=[gguf_tensor(shape=(1,) * 5)]), None)
    one("shape-overflow", "a tensor of 2^64 numbers", "Integer overflow", gguf(tensors=[gguf_tensor(shape=(1 << 32, 1 << 32))]), "has a shape that its type cannot have")
    one("type-unknown", "a tensor of a type that is not known", "Something newer, or something else", gguf(tensors=[gguf_tensor(kind=999)]), 'has ggml type 999, which this version does not know')
    one("offset-unaligned", "a tensor that begins between two places", "Two readers that round differently", gguf(tensors=[gguf_tensor(offset=1)], data=bytes(64)), "does not begin at a multiple of the alignment")
    one("offset-past-end", "a tensor beyond the end of the file", "A read out of bounds", gguf(tensors=[gguf_tensor(offset=1 << 40)]), "ends behind the end of the file")
    one("offset-overflow", "a tensor that ends past 2^64", "Integer overflow", gguf(tensors=[gguf_tensor(offset=(1 << 64) - 32)]), "ends behind the end of the file")
    one("overlap", "two tensors in one place", "One change, two tensors", gguf(tensors=[gguf_tensor(), gguf_tensor("b")]), "begins before the one in front of it ends")
    one("block-cut", "a row that is no whole number of blocks", "A size that rounds down", gguf(tensors=[gguf_tensor(shape=(33,), kind=2)], data=bytes(64)), "has a shape that its type cannot have")
    one("alignment-zero", "an alignment of zero", "Division by zero", alignment(U32, struct.pack("<I", 0)), "general.alignment is given twice, or is not a u32 power of two of at most 2 MiB")
    one("alignment-three", "an alignment that is no power of two", "Two readers that round differently", alignment(U32, struct.pack("<I", 3)), "general.alignment is given twice, or is not a u32 power of two of at most 2 MiB")
    one("alignment-huge", "an alignment of 2^31", HEADROOM, alignment(U32, struct.pack("<I", 1 << 31)), "general.alignment is given twice, or is not a u32 power of two of at most 2 MiB")
    one("alignment-text", "an alignment that is a text", "Type confusion", alignment(STRING, gguf_text("32")), "general.alignment is given twice, or is not a u32 power of two of at most 2 MiB")


gguf_files()

# Offline bundles: one form of tar.


def octal(value, digits):
    return format(value, f"0{digits}o").encode()


def tar_member(name, data, mode=b"0000644\0", mtime=b"00000000000\0", kind=b"0", magic=b"ustar\x0000", size=None, checksum=None, owner=b"", pad=None):
    raw_name = name if isinstance(name, bytes) else name.encode()
    head = raw_name.ljust(100, b"\0") + mode + b"0000000\0" * 2 + (size or octal(len(data), 11) + b"\0") + mtime + b" " * 8 + kind
    head = (head.ljust(257, b"\0") + magic + owner).ljust(512, b"\0")
    total = octal(sum(head), 6) + b"\0 "
    head = head[:148] + (checksum or total) + head[156:]
    return head + data + (bytes(-len(data) % 512) if pad is None else pad)


def tar(*members, end=bytes(1024)):
    return b"".join(members) + end


def bundles():
    def one(slug, name, source, data, says):
        case("bundle", slug, name, source, raw(data), says=says)

    note = CHECKPOINT.encode()
    checkpoint = tar_member("checkpoint", note)
    blob = lambda data, digest=None: tar_member("blob/" + (digest or sha256(data)), data)
    after = lambda *members: tar(checkpoint, *members)
    one("honest", "a bundle with nothing but a checkpoint", "None: what is refused elsewhere is not refused for it", tar(checkpoint), None)
    one("empty", "a bundle of no bytes", "A download that never began", b"", "this is no bundle")
    one("web-page", "a web page", "A login page in place of the file", b"<!DOCTYPE html><html></html>".ljust(1024), "this is no bundle")
    one("zip", "a zip archive", "The wrong archive", (b"PK\x03\x04" + bytes(26)).ljust(1024, b"x"), "this is no bundle")
    one("cut-off", "a bundle that breaks off", "A download that stopped", tar(checkpoint)[:700], "cut short")
    one("no-end", "a bundle without its end", "A download that stopped", tar(checkpoint, end=b""), "cut short")
    one("one-end-block", "a bundle with half of its end", "Two archives in one file", tar(checkpoint, end=bytes(512)), "a bundle ends with two empty blocks")
    one("behind-the-end", "something behind the end", "Two archives in one file", tar(checkpoint, end=bytes(1024) + b"x" * 512), "a bundle ends with two empty blocks")
    one("no-checkpoint", "a bundle without a checkpoint", "A member left out", tar(blob(bytes(32))), "every bundle has one")
    one("checkpoint-twice", "two checkpoints", "Which one counts?", after(checkpoint), "members are in bytewise order, each once")
    one("out-of-order", "members out of order", "One set, two archives", after(blob(bytes(32))), "members are in bytewise order, each once")
    one("trust-file", "a bundle that brings a trust file", "Trust slipped in with the data", after(tar_member("trust", GOOD_TRUST.encode())), "a bundle has no member of that name")
    one("path-up", "a member that leads out of the folder", SLIP, tar(tar_member("../x", b"x"), checkpoint), "a bundle has no member of that name")
    one("path-absolute", "a member with an absolute name", SLIP, tar(tar_member("/etc/passwd", b"x"), checkpoint), "a bundle has no member of that name")
    one("name-bidi", "a name that reads backwards", UNICODE, after(tar_member("\u202etxt", b"")), "the name in the header")
    one("link", "a symbolic link", "Tar links: CVE-2007-4559 and its neighbours", tar(tar_member("checkpoint", b"", kind=b"2")), "in the header is not what a bundle has there")
    one("pax", "an extended header", "Two tar readers that see different names", tar(tar_member("checkpoint", b"18 path=checkpoint\n", kind=b"x")), "in the header is not what a bundle has there")
    one("gnu-magic", "the old GNU form", "Two tar readers that see different names", tar(tar_member("checkpoint", note, magic=b"ustar  \0")), "in the header is not what a bundle has there")
    one("mode", "a member that may be run", "One set, two archives", tar(tar_member("checkpoint", note, mode=b"0000755\0")), "the mode in the header")
    one("mtime", "a member with a time", "One set, two archives", tar(tar_member("checkpoint", note, mtime=b"00000000001\0")), "the modification time in the header")
    one("owner", "a member with an owner", "One set, two archives", tar(tar_member("checkpoint", note, owner=b"root")), "in the header is not what a bundle has there")
    one("checksum", "a header with a wrong sum", "A flipped bit", tar(tar_member("checkpoint", note, checksum=b"000000\0 ")), "the checksum in the header")
    one("size-base256", "a size in base 256", "Two tar readers that see different sizes", tar(tar_member("checkpoint", note, size=b"\x80" + bytes(10) + b"\1")), "the size in the header")
    one("size-huge", "a size of 8 GiB", HEADROOM, tar(tar_member("checkpoint", note, size=b"77777777777\0")), "cut short")
    one("padding", "something in the padding", "Data that nothing covers", tar(tar_member("checkpoint", note, pad=b"x" * (-len(note) % 512))), "padding")
    one("blob-other", "a blob with another digest than its name", "Content swapped under a name", tar(blob(b"x", sha256(b"y")), checkpoint), "its content has the SHA-256")
    one("blob-uppercase", "a digest in capitals", "One value, two spellings", tar(blob(b"x", sha256(b"x").upper()), checkpoint), "a bundle has no member of that name")
    one("payload-other", "a payload with another digest than its name", "Content swapped under a name", after(tar_member("payload/" + sha256(b"y"), b"x")), "its content has the SHA-256")
    one("entry-leading-zero", "an index with a zero in front", "One value, two spellings", after(tar_member("entry/01", b"x")), "a bundle has no member of that name")
    one("entry-not-one", "an entry that is none", "Something else in its place", after(tar_member("entry/1", b"x\n")), "line 1 of the entry: wanted the header line")
    one("proof-other-index", "a proof for another entry", "A proof of something else", after(tar_member("proof/2.tlog-proof", PROOF.encode())), "it is for")
    one("proof-extra", "a proof with data that nothing authenticates", "Data that nothing covers", after(tar_member("proof/1.tlog-proof", PROOF.replace("index 1", "extra AA==\nindex 1").encode())), "extra line")
    one("checkpoint-not-text", "a checkpoint that is not UTF-8", "Some parsers put U+FFFD in its place", tar(tar_member("checkpoint", b"\xff\n")), "it is not UTF-8 text")
    one("checkpoint-unsigned", "a checkpoint without a signature", "Signature stripping", tar(tar_member("checkpoint", note.split(b"\n\n")[0] + b"\n\n")), "no such line break was found")


bundles()

# Signatures of OpenSSF Model Signing.


def oms_bundle(**changes):
    payload = compact(signature([file("README.md")])).encode()
    value = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": sha256(P256_PEM.encode())}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": "MAYCAQECAQE=", "keyid": ""}],
        },
    }
    value.update(changes)
    return value


def oms_bundles():
    def one(slug, name, source, value, says):
        case("oms", slug, name, source, *(value if isinstance(value, list) else [text(value)]), says=says)

    material = lambda **members: oms_bundle(verificationMaterial=members)
    inner = lambda **changes: oms_bundle(dsseEnvelope={**oms_bundle()["dsseEnvelope"], **changes})
    honest = compact(oms_bundle())
    one("duplicate-member", "a bundle with a member twice", DISAGREE, '{"mediaType":"x",' + honest[1:], "stands twice")
    one("deep-nesting", "a bundle nested a hundred thousand deep", "Stack exhaustion by nesting, as in CVE-2022-25857", [text('{"x":'), repeat("[", 100_000), repeat("]", 100_000), text("," + honest[1:])], "nested deeper than")
    one("cut-off", "a bundle that breaks off", "A download that stopped", honest[: len(honest) // 2], "EOF while parsing")
    one("not-json", "a web page", "A login page in place of the file", "<!DOCTYPE html><html></html>", "expected value")
    one("unknown-member", "a member that the format does not have", "Protobuf parsers refuse it, others skip it", oms_bundle(extra=1), "extra")
    one("version-02", "a bundle of version 0.2", "Version confusion", oms_bundle(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"), "version")
    one("media-type", "another kind of file", "Something else that was signed", oms_bundle(mediaType="application/json"), "application/json")
    one("keyless", "a keyless bundle", "A method that needs a certificate authority", material(certificate={"rawBytes": ""}), "keyless")
    one("certificate", "a bundle with certificates", "A method that needs a certificate authority", material(x509CertificateChain={"certificates": []}), "certificate")
    one("message-signature", "a signature over a digest", "Something else that was signed", oms_bundle(messageSignature={}), "signs a bare digest, not a statement that lists files")
    one("no-key", "a bundle that has no key at all", "A member left out", material(tlogEntries=[]), "publicKey")
    one("no-signature", "a bundle with an empty list of signatures", "Signature stripping: what is not signed by anybody passes a loop over all signatures", inner(signatures=[]), "it has 0 signatures, wanted 1 to 32")
    one("many-signatures", "a bundle with 33 signatures", "Work without end for one file", inner(signatures=[{"sig": ""}] * 33), "it has 33 signatures, wanted 1 to 32")
    one("payload-type", "a bundle for another payload type", "Cross-protocol confusion, which the payload type of DSSE is there to stop", inner(payloadType="text/plain"), "text/plain")
    one("payload-unpadded", "a payload without padding", BASE64, inner(payload="e30"), "base64")
    one("payload-number", "a payload that is a number", "Type confusion", inner(payload=1), "payload")
    one("list", "a list in place of an object", "Type confusion", "[]", "its top level is not an object")


# ECDSA on P-256, from SEC 1 and FIPS 186-5, just enough to sign once. The key and the nonce are thrown away.

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SECRET, NONCE, MESSAGE = 3, 5, b"weighed"


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    if p == q:
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k, p=G):
    out = None
    for bit in format(k, "b"):
        out = add(out, out)
        if bit == "1":
            out = add(out, p)
    return out


def number(value, length=32):
    return value.to_bytes(length, "big")


def point(p, lead=b"\x04"):
    return lead + number(p[0]) + number(p[1])


PUBLIC = multiply(SECRET)
P256_PEM = spki(P256, point(PUBLIC))
assert (PUBLIC[1] ** 2 - PUBLIC[0] ** 3 + 3 * PUBLIC[0] - B) % P == 0


def der_integer(value, content=None):
    content = number(value, (value.bit_length() // 8) + 1) if content is None else content
    return b"\x02" + bytes([len(content)]) + content


def der_signature(r, s):
    body = der_integer(r) + der_integer(s)
    return b"\x30" + bytes([len(body)]) + body


def p256():
    def key_of(slug, name, source, pem, says):
        case("public-key", slug, name, source, text(pem), says=says)

    off = (PUBLIC[0], (PUBLIC[1] + 1) % P)
    twisted = (PUBLIC[0] + 1, PUBLIC[1])
    key_of("honest", "a P-256 key as it should be", "None: what is refused elsewhere is not refused for it", P256_PEM, None)
    key_of("not-on-the-curve", "a point that is not on the curve", "Invalid curve attacks: CVE-2015-7940", spki(P256, point(off)), "not a point of the curve")
    key_of("other-x", "a point with another x", "Invalid curve attacks: CVE-2015-7940", spki(P256, point(twisted)), "not a point of the curve")
    key_of("infinity", "the point at infinity", "Every signature holds, or none", spki("301a301306072a8648ce3d020106082a8648ce3d030107030300", b"\0\0"), "not an uncompressed point in its one DER form")
    key_of("coordinate-over", "a coordinate past the prime", "One point, two encodings", spki(P256, b"\x04" + b"\xff" * 64), "not a point of the curve")
    key_of("compressed", "a compressed point", "One key, two spellings, two key ids", spki(P256_COMPRESSED, bytes([2 + PUBLIC[1] % 2]) + number(PUBLIC[0])), "is a compressed point; it must be written uncompressed")
    key_of("hybrid", "a point in the hybrid form", "One key, two spellings, two key ids", spki(P256, point(PUBLIC, bytes([6 + PUBLIC[1] % 2]))), "not an uncompressed point in its one DER form")
    key_of("other-curve", "a key on secp256k1", "A curve that looks the same", spki("3056301006072a8648ce3d020106052b8104000a034200", point(PUBLIC)), "on another elliptic curve than P-256")
    key_of("p384", "a key on P-384", "A curve that is not taken", spki(P384, b"\x04" + bytes(96)), "on another elliptic curve than P-256")
    key_of("trailing", "bytes behind the key", "One key, two spellings, two key ids", spki(P256, point(PUBLIC) + b"\0"), "not an uncompressed point in its one DER form")
    key_of("crlf", "a key with CRLF", "One key, two spellings, two key ids", P256_PEM.replace("\n", "\r\n"), "not in its canonical PEM form")
    key_of("no-final-newline", "a key without its last line feed", "One key, two spellings, two key ids", P256_PEM[:-1], "not in its canonical PEM form")
    key_of("columns-76", "a key in lines of 76", "One key, two spellings, two key ids", pem_columns(76), "not in its canonical PEM form")
    key_of("two-keys", "two keys in one text", "Which one counts?", P256_PEM * 2, "wanted an Ed25519 or P-256 public key in PEM form")
    key_of("private", "a private key in place of the public one", "A secret that goes where everybody reads", P256_PEM.replace("PUBLIC", "PRIVATE"), "wanted an Ed25519 or P-256 public key in PEM form")
    key_of("rsa", "an RSA key", "An algorithm that is not taken", spki("301a300d06092a864886f70d01010105000309", b"\0\x30\x06\x02\x01\x03\x02\x01\x03"), "neither an Ed25519 nor a P-256 key")

    def signed(slug, name, source, data, says):
        case("p256-signature", slug, name, source, raw(data), says=says)

    digest = int.from_bytes(hashlib.sha256(MESSAGE).digest(), "big")
    r = multiply(NONCE)[0] % N
    s = pow(NONCE, -1, N) * (digest + r * SECRET) % N
    low, high = min(s, N - s), max(s, N - s)
    not_this = "the signature does not verify"
    good = der_signature(r, low)
    wrap = lambda body: b"\x30" + bytes([len(body)]) + body
    signed("low-s", "a signature with low s", "None: what is refused elsewhere is not refused for it", good, None)
    signed("high-s", "a signature with high s", "Malleability: OpenSSL writes both; the log keeps the low one", der_signature(r, high), None)
    signed("raw", "64 bytes in place of DER", "One signature, two spellings", number(r) + number(low), not_this)
    signed("zeros", "r and s of zero", "CVE-2022-21449, psychic signatures", der_signature(0, 0), not_this)
    signed("r-zero", "an r of zero", "CVE-2022-21449, psychic signatures", der_signature(0, low), not_this)
    signed("s-order", "an s of the order", "CVE-2022-21449, psychic signatures", der_signature(r, N), not_this)
    signed("r-plus-order", "r with the order added", "One signature, two spellings", der_signature(r + N, low), not_this)
    signed("s-plus-order", "s with the order added", "One signature, two spellings", der_signature(r, low + N), not_this)
    signed("negative", "a negative s", "One signature, two spellings", wrap(der_integer(r) + der_integer(0, b"\xff" + number(low))), not_this)
    signed("leading-zero", "an integer with a zero too many", "BER where DER is wanted: CVE-2014-8275", wrap(der_integer(r) + der_integer(0, b"\0\0" + number(low))), not_this)
    signed("long-length", "a length in the long form", "BER where DER is wanted: CVE-2014-8275", b"\x30\x81" + good[1:], not_this)
    signed("indefinite", "a length without an end", "BER where DER is wanted: CVE-2014-8275", b"\x30\x80" + good[2:] + b"\0\0", not_this)
    signed("trailing", "a byte behind the signature", "One signature, two spellings", good + b"\0", not_this)
    signed("trailing-inside", "a byte behind the integers", "One signature, two spellings", wrap(good[2:] + b"\0"), not_this)
    signed("empty", "no bytes", "Signature stripping", b"", not_this)
    signed("other-message", "a signature over another message", "A signature that was moved", der_signature(multiply(7)[0] % N, low), not_this)


def pem_columns(columns):
    encoded = base64.b64encode(bytes.fromhex(P256) + point(PUBLIC)).decode()
    lines = "".join(encoded[at : at + columns] + "\n" for at in range(0, len(encoded), columns))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}-----END PUBLIC KEY-----\n"


p256()
oms_bundles()

# Files that are no weights, and files that look like one of those. What they are found to be is what is expected.


def no_weights():
    def one(slug, name, source, value, says):
        case("junk", slug, name, source, *(value if isinstance(value, list) else [text(value)]), says=says)

    oid = sha256(b"x")
    pointer = lambda first="version https://git-lfs.github.com/spec/v1", oid_line=f"oid sha256:{oid}", size="size 1", more="": f"{first}\n{oid_line}\n{size}\n{more}"
    lfs = "A pointer that stands for the weights: git-lfs.com, spec.md"
    one("empty", "a file of no bytes", "A download that never began", "", "empty")
    one("pointer", "a Git LFS pointer", lfs, pointer(), "lfs-pointer")
    one("pointer-crlf", "a pointer with CRLF", "A checkout that changes line ends", pointer().replace("\n", "\r\n"), "lfs-pointer")
    one("pointer-no-size", "a pointer that breaks off", "A download that stopped", pointer(size=""), "lfs-pointer")
    one("pointer-oid-short", "a pointer with a short digest", "A pointer made by hand", pointer(oid_line="oid sha256:00"), "lfs-pointer")
    one("pointer-oid-capitals", "a pointer with a digest in capitals", "One value, two spellings", pointer(oid_line=f"oid sha256:{oid.upper()}"), "lfs-pointer")
    one("pointer-size-huge", "a pointer with a size past 2^64", "Integer overflow", pointer(size="size 99999999999999999999"), "lfs-pointer")
    one("pointer-other-hash", "a pointer with another kind of digest", "Version confusion", pointer(oid_line="oid sha1:" + "0" * 40), "lfs-pointer")
    one("pointer-two-oids", "a pointer with two digests", "Which one counts?", pointer(oid_line=f"oid sha256:{oid}\noid sha256:{'0' * 64}"), "lfs-pointer")
    one("html", "a web page", "A login page in place of the file", "<!DOCTYPE html><html></html>", "html")
    one("html-capitals", "a web page in capitals behind blank lines", "A login page in place of the file", "\n\n <HTML>", "html")
    one("html-bom", "a web page behind a byte order mark", "A login page in place of the file", [raw(b"\xef\xbb\xbf"), text("<!doctype html>")], "html")
    one("xml", "an error of an object store", "An error page in place of the file", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "wrong-format")
    one("json", "an error in JSON", "An error page in place of the file", '{"error":"Repository not found"}', "wrong-format")
    one("zip", "a zip archive, which may hold a pickle", "torch.save under another name", [raw(b"PK\x03\x04" + bytes(60))], "wrong-format")
    one("pickle", "a pickle", "Code that runs when it is loaded", [raw(b"\x80\x02}q\x00." + bytes(60))], "wrong-format")
    one("gzip", "a gzip file", "A download that was not unpacked", [raw(b"\x1f\x8b\x08" + bytes(60))], "wrong-format")
    one("gguf", "GGUF under the name of safetensors", "The wrong file", [raw(gguf())], "wrong-format")
    one("zeros", "nothing but zeros", "A download that was allotted and never written", [repeat("\0", 64)], None)


no_weights()

# What a visitor pastes, and what stands in links.


def queries():
    def one(slug, name, source, value, says=""):
        case("query", slug, name, source, *(value if isinstance(value, list) else [text(value)]), says=says)

    digest = sha256(b"x")
    one("short", "63 digits", "A digest that was copied short", digest[:-1])
    one("long", "65 digits", "A digest that was copied with more", digest + "0")
    one("not-hex", "a digest with a letter that is none", "A digest that was typed", "g" + digest[1:])
    one("full-width", "digits of another script", "Homographs of digits", "\uff10" * 64)
    one("bidi", "a digest that reads backwards", UNICODE, "\u202e" + digest)
    one("nul", "a digest with a NUL", "C strings end at NUL", digest + "\0")
    one("script", "a script", "Cross-site scripting", "<script>alert(1)</script>")
    one("image", "an image that runs", "Cross-site scripting", "#record=<img src=x onerror=alert(1)>")
    one("javascript", "a javascript: link", "Cross-site scripting", "javascript:alert(1)")
    one("path-up", "a link that climbs", "Path traversal by a client that builds addresses", "https://registry.example/record/../../trust")
    one("trust-in-link", "a link that brings a trust file", "Trust slipped in by a link", "https://registry.example/verify#trust=" + base64.b64encode(GOOD_TRUST.encode()).decode())
    one("percent", "a link with an id in percent escapes", "Decoded twice, checked once", "https://registry.example/verify#record=%2e%2e%2f")
    one("very-long", "a hundred thousand characters", MEMORY, [repeat("a", 100_000)])


queries()


def files_of_corpus():
    files = {}
    for kind, slug, name, source, parts, says in CASES:
        path = f"{kind}/{slug}.json"
        assert path not in files, path
        value = {"name": name, "source": source, "kind": kind, "parts": parts, "says": says}
        files[path] = json.dumps(value, indent=1, ensure_ascii=True) + "\n"
    return files


def main():
    files = files_of_corpus()
    committed = {str(p.relative_to(HERE)): p.read_text() for p in HERE.glob("*/*.json")}
    if sys.argv[1:] == ["--check"]:
        wrong = sorted(path for path in files.keys() | committed.keys() if files.get(path) != committed.get(path))
        if wrong:
            sys.exit(f"{len(wrong)} files are not what this program writes, such as {wrong[0]}: run it again")
        return
    for path in committed.keys() - files.keys():
        (HERE / path).unlink()
    for path, content in files.items():
        (HERE / path).parent.mkdir(exist_ok=True)
        (HERE / path).write_text(content)
    print(f"{len(files)} files")


if __name__ == "__main__":
    main()
