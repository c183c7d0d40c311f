"""What records say: section 6, and the lists of section 4."""

from keys import public_key
from log import KEYSET
from strict import (
    folded,
    is_digest,
    is_path,
    is_publisher,
    is_shown,
    need,
    sha256_hex,
    strict_json,
)

CHUNK = 4_194_304
MAX_PAYLOAD_BYTES = 8 << 20
EMPTY = sha256_hex(b"")
SIGNATURE = "https://model_signing/signature/v1.0"
CHECK = "statement"


def has(holds, why):
    need(holds, CHECK, why)


def is_object(value):
    return isinstance(value, dict)


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def statement(payload):
    """A record's publisher, genesis and predicate; with its manifest or its keyset."""
    has(len(payload) <= MAX_PAYLOAD_BYTES, "is too long")
    value = strict_json(payload)
    has(is_object(value) and value.get("_type") == "https://in-toto.io/Statement/v1", "is no statement")
    subjects, predicate, kind = value.get("subject"), value.get("predicate"), value.get("predicateType")
    has(isinstance(subjects, list) and len(subjects) == 1 and is_object(subjects[0]), "has not one subject")
    has(is_object(predicate) and isinstance(kind, str), "has no predicate")
    subject = subjects[0]
    digests = subject.get("digest")
    has(is_object(digests) and all(isinstance(d, str) for d in digests.values()), "has no digests")
    if kind == KEYSET:
        return {"kind": kind, **keyset(subject, predicate)}
    found = {"kind": kind, **subject_facts(subject)}
    if kind == SIGNATURE:
        found["manifest"] = manifest(predicate)
        names = list(found["manifest"])
        raw = b"".join(bytes.fromhex(file["digest"]) for file in found["manifest"].values())
        has(digests["sha256"] == sha256_hex(raw), "the OMS root is another")
        listed = [f"{found['manifest'][name]['digest']}  {name}\n" for name in sorted(names, key=str.encode)]
        has(digests["dirHash1"] == sha256_hex("".join(listed).encode()), "dirHash1 is another")
    return found


def subject_facts(subject):
    digests, notes = subject["digest"], subject.get("annotations")
    has(is_digest(digests.get("sha256")) and is_digest(digests.get("dirHash1")), "lacks a digest")
    has(is_object(notes) and is_shown(subject.get("name")), "has no name or annotations")
    publisher, genesis = notes.get("weighbridge_publisher"), notes.get("weighbridge_genesis")
    has(is_publisher(publisher) and is_digest(genesis), "names no publisher")
    has(is_shown(notes.get("weighbridge_name")), "has no name")
    has("weighbridge_version" not in notes or is_shown(notes["weighbridge_version"]), "has a wrong version")
    for name, wanted in (("weighbridge_official", is_shown), ("weighbridge_provenance", is_digest)):
        items = notes.get(name, ["x"] if wanted is is_shown else [EMPTY])
        has(isinstance(items, list) and 1 <= len(items) <= 1024 and all(map(wanted, items)), f"{name} is wrong")
    return {"publisher": publisher, "genesis": genesis}


def manifest(predicate):
    form = predicate.get("serialization")
    has(is_object(form) and form.get("method") == "files" and form.get("hash_type") == "sha256", "is of another method")
    left_out = form.get("ignore_paths")
    has(form.get("allow_symlinks") is False and isinstance(left_out, list), "allows links")
    has(all(isinstance(path, str) for path in left_out), "ignores what is no path")
    resources = predicate.get("resources")
    has(isinstance(resources, list) and resources, "lists no files")
    files = dict(map(listed_file, resources))
    names = list(files)
    has(len(names) == len(resources) and names == sorted(names, key=str.encode), "is not sorted by name")
    spellings = {folded(name) for name in names}
    has(len(spellings) == len(names), "has two spellings of a path")
    for spelling in spellings:
        parts = spelling.split("/")
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        has(not above & spellings, "has a path that is a folder of another")
    return files


def listed_file(resource):
    has(is_object(resource) and is_path(resource.get("name")), "a file has no path")
    name, digest, notes = resource["name"], resource.get("digest"), resource.get("annotations")
    has(resource.get("algorithm") == "sha256" and is_digest(digest) and is_object(notes), f"{name} has no digest")
    size, chunks, chunk0 = (notes.get(f"weighbridge_{what}") for what in ("size", "chunks", "chunk0"))
    sized = is_count(size) and notes.get("weighbridge_chunk_size") == CHUNK
    has(sized and is_digest(chunks) and is_digest(chunk0), f"{name} has no chunks")
    tensors = notes.get("weighbridge_tensors")
    has_index = name.lower().endswith((".safetensors", ".gguf"))
    has(is_digest(tensors) if has_index else tensors is None, f"the tensor index of {name}")
    if size == 0:
        has(digest == chunks == chunk0 == EMPTY, f"{name} is empty and has other digests")
    elif size <= CHUNK:
        has(chunk0 == digest and chunks == sha256_hex(bytes.fromhex(digest)), f"{name} has one chunk and other digests")
    return name, {"size": size, "digest": digest, "chunks": chunks, "chunk0": chunk0, "tensors": tensors}


def only(value, names, why):
    has(is_object(value) and set(value) == set(names), why)


def keyset(subject, predicate):
    only(
        predicate,
        ("publisher", "origins", "version", "previous", "threshold", "keys", "revoked"),
        "a keyset has other members",
    )
    publisher, origins, keys = predicate["publisher"], predicate["origins"], predicate["keys"]
    has(is_publisher(publisher) and subject.get("name") == publisher, "is about another publisher")
    has(subject["digest"].get("sha256") == sha256_hex(publisher.encode()), "has another digest than its name's")
    notes = subject.get("annotations", {})
    has(is_object(notes) and not any(name.startswith("weighbridge_") for name in notes), "has annotations of ours")
    has(isinstance(origins, list) and 1 <= len(origins) <= 16, "has no origins")
    has(all(is_shown(origin, 256) for origin in origins), "has a wrong origin")
    version = predicate["version"]
    has(is_count(version) and version >= 1, "has no version")
    if version == 1:
        has(predicate["previous"] is None and predicate["revoked"] == [], "is the first, with something before it")
    has(isinstance(keys, list) and 1 <= len(keys) <= 16, "has no keys")
    members = dict(map(member, keys))
    has(len(members) == len(keys), "has a key twice")
    only(predicate["threshold"], ("root", "sign"), "has no thresholds")
    for role, threshold in predicate["threshold"].items():
        holders = {one["holder"] for one in members.values() if role in one["roles"]}
        has(is_count(threshold) and 1 <= threshold <= len(holders), f"the {role} threshold cannot be met")
    return {
        "publisher": publisher,
        "origins": origins,
        "version": version,
        "threshold": predicate["threshold"],
        "keys": members,
    }


def member(key):
    only(key, ("spki", "holder", "roles"), "a key has other members")
    roles = key["roles"]
    has(isinstance(key["spki"], str) and is_shown(key["holder"], 256), "a key has no text or holder")
    well = isinstance(roles, list) and roles and all(role in ("root", "sign") for role in roles)
    has(well and len(set(roles)) == len(roles), "a key has wrong roles")
    keyid = sha256_hex(key["spki"].encode())
    return keyid, {"key": public_key(key["spki"]), "holder": key["holder"], "roles": roles}


def holders(members, signatures, role):
    return {members[key]["holder"] for key, _ in signatures if key in members and role in members[key]["roles"]}
