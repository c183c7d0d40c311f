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
