"""Strict JSON, names, paths and digests: sections 2 and 3 of docs/SPEC.md."""

import base64
import binascii
import hashlib
import json
import re
import unicodedata

HEX = re.compile(r"[0-9a-f]{64}")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

MAX_DEPTH = 32
MAX_PATH_BYTES = 4096
IGNORED = (".DS_Store", ".cache/huggingface", ".git", ".gitattributes", ".github", ".gitignore", "model.sig")

# Default_Ignorable_Code_Point, line and paragraph separators, and bidirectional controls.
HIDDEN = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip


class Refused(Exception):
    """A check that failed: its name as in section 8, and why."""

    def __init__(self, check, why="does not hold"):
        super().__init__(f"{check}: {why}")
        self.check = check


def need(holds, check, why="does not hold"):
    if not holds:
        raise Refused(check, why)


def sha256(data):
    return hashlib.sha256(data).digest()


def sha256_hex(data):
    return hashlib.sha256(data).hexdigest()


def is_digest(value):
    return isinstance(value, str) and HEX.fullmatch(value) is not None


def text(data, check):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(check, "is not UTF-8") from None


def decimal(word, check):
    need(DECIMAL.fullmatch(word), check, f"{word!r} is not a decimal number")
    number = int(word)
    need(number < 2**63, check, f"{word} is too large")
    return number


def from_base64(word, check, length=None):
    try:
        data = base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(check, "is not base64") from None
    need(base64.b64encode(data).decode() == word, check, "is not canonical base64")
    need(length in (None, len(data)), check, f"has {len(data)} bytes")
    return data


def strict_json(data):
    """Parses what section 2 allows, and nothing else."""
    check = "statement"
    source = text(data, check)
    need(not source.startswith("\ufeff"), check, "begins with a byte order mark")

    def members(pairs):
        found = dict(pairs)
        need(len(found) == len(pairs), check, "has a member twice")
        return found

    def whole(word):
        need(word != "-0" and abs(int(word)) < 2**53, check, f"{word} is out of range")
        return int(word)

    def refuse(word):
        raise Refused(check, f"{word} is not an integer")

    try:
        value = json.loads(
            source, object_pairs_hook=members, parse_int=whole, parse_float=refuse, parse_constant=refuse
        )
    except (ValueError, RecursionError) as error:
        raise Refused(check, str(error)) from None
    need(weight(value) <= 4096 + 5 * (len(data) // 8), check, "has too many values for its length")
    return value


def weight(value):
    """What the values of a text count: an object 15, an array 3, every item or member 1 more."""
    total, left = 0, [(value, 1)]
    while left:
        value, depth = left.pop()
        if isinstance(value, str):
            need(not any(0xD800 <= ord(c) < 0xE000 for c in value), "statement", "has a lone surrogate")
        if not isinstance(value, (dict, list)):
            continue
        need(depth <= MAX_DEPTH, "statement", "is nested too deep")
        total += (15 if isinstance(value, dict) else 3) + len(value)
        if isinstance(value, dict):
            left += [(name, depth + 1) for name in value]
            value = value.values()
        left += [(item, depth + 1) for item in value]
    return total


def is_hidden(character):
    code = ord(character)
    return unicodedata.category(character) == "Cc" or any(first <= code <= last for first, last in HIDDEN)


def is_shown(value, most=1024):
    """Text that people may be shown."""
    return isinstance(value, str) and 1 <= len(value.encode()) <= most and not any(map(is_hidden, value))


def is_publisher(name):
    labels = isinstance(name, str) and 1 <= len(name.encode()) <= 128 and name.split(".")
    return bool(labels) and all(LABEL.fullmatch(label) for label in labels)


def is_path(path):
    return (
        isinstance(path, str)
        and is_shown(path, MAX_PATH_BYTES)
        and "\\" not in path
        and unicodedata.normalize("NFC", path) == path
        and not {"", ".", ".."} & set(path.split("/"))
    )


def folded(path):
    return unicodedata.normalize("NFC", path.casefold())


def is_ignored(path):
    below = any(path == name or path.startswith(f"{name}/") for name in IGNORED)
    return below or ("/" not in path and path.endswith(".weighbridge"))
