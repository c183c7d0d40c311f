"""Makes the vectors in this folder. Needs Python 3 and the package `cryptography`, whose ECDSA is OpenSSL's.

Everything random comes from SHA-256 of fixed texts, and the signatures are computed here from their definition (FIPS
186-5), so that running it again gives the same files. OpenSSL then checks every signature and key that is said to
hold, and refuses those that must not.
"""

import hashlib
import json
import os
import subprocess
import tempfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
HERE = os.path.dirname(os.path.abspath(__file__))
MESSAGE = "weighbridge p256 vectors"


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def mul(k, point):
    found = None
    while k:
        if k & 1:
            found = add(found, point)
        point = add(point, point)
        k >>= 1
    return found


def lift(x):
    square = (x**3 - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    return (x, y) if y * y % P == square else None


def number(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") % N


def hashed(message):
    return int.from_bytes(hashlib.sha256(message.encode()).digest(), "big")


def sign(d, message, nonce):
    k = number(nonce)
    r = mul(k, G)[0] % N
    return r, pow(k, -1, N) * (hashed(message) + r * d) % N


def key_for(point, r, s, message):
    """The public key under which (r, s) holds, when point is the nonce's."""
    inverse = pow(r, -1, N)
    return add(mul(s * inverse % N, point), mul(-hashed(message) * inverse % N, G))


def tlv(tag, content):
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def der(r, s):
    return tlv(0x30, integer(r) + integer(s))


def raw(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


EC = bytes.fromhex("06072a8648ce3d0201")
CURVE = bytes.fromhex("06082a8648ce3d030107")


def spki(point, algorithm=EC + CURVE, unused=b"\0"):
    return tlv(0x30, tlv(0x30, algorithm) + tlv(3, unused + point))


def uncompressed(q):
    return b"\4" + raw(*q)


def pem(der, columns=64, label="PUBLIC KEY", end="\n"):
    import base64

    text = base64.b64encode(der).decode()
    lines = [text[at : at + columns] for at in range(0, len(text), columns)]
    return end.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def openssl_verifies(q, message, signature):
    key = ec.EllipticCurvePublicNumbers(*q, ec.SECP256R1()).public_key()
    try:
        key.verify(signature, message.encode(), ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def write(folder, name, value):
    with open(os.path.join(HERE, folder, name + ".json"), "w") as out:
        json.dump({"name": name, **value}, out, indent=1)
        out.write("\n")


def signature(name, about, q, envelope, logged=None, message=MESSAGE, openssl=None):
    """`logged` is the raw form with low s of a signature that holds; none for those that must be refused."""
    if openssl is not None:
        assert openssl_verifies(q, message, envelope) == openssl, name
    write(
        "signatures",
        name,
        {
            "about": about,
            "message": message,
            "key": pem(spki(uncompressed(q))),
            "envelope": envelope.hex(),
            "logged": logged.hex() if logged else None,
        },
    )


def key(name, about, text, error=None):
    """`error` is the name of the KeyError; none for a key that is read."""
    write("keys", name, {"about": about, "pem": text, "error": error})


def signatures():
    d = number("key")
    q = mul(d, G)
    r, s = sign(d, MESSAGE, "nonce")
    low, high = min(s, N - s), max(s, N - s)
    good = raw(r, low)
    hold = lambda name, about, s: signature(name, about, q, der(r, s), good, openssl=True)
    hold("low-s", "an ordinary signature", low)
    hold("high-s", "the same with n - s; it is logged with the low s", high)

    no = lambda name, about, envelope, **more: signature(name, about, q, envelope, **more)
    no("other-message", "of another message", der(r, low), message=MESSAGE + ".", openssl=False)
    other = sign(number("other key"), MESSAGE, "nonce")
    no("other-key", "by another key", der(*other), openssl=False)
    no("r-zero", "r is 0", der(0, low), openssl=False)
    no("s-zero", "s is 0", der(r, 0), openssl=False)
    no("both-zero", "r and s are 0: would hold for every message if it were not checked", der(0, 0), openssl=False)
    no("r-is-n", "r is n, so 0 when reduced", der(N, low), openssl=False)
    no("s-is-n", "s is n, so 0 when reduced", der(r, N), openssl=False)
    no("r-plus-n", "r + n, the same when reduced, 257 bits", der(r + N, low), openssl=False)
    no("s-plus-n", "s + n, the same when reduced, 257 bits", der(r, low + N), openssl=False)
    no("r-is-p", "r is the prime of the field", der(P, low), openssl=False)
    no("one-one", "r and s are 1", der(1, 1), openssl=False)
    no("s-far-too-long", "s of 600 bits", der(r, low << 344))
    no("swapped", "s and r in the wrong order", der(low, r), openssl=False)
    no("raw", "64 raw bytes, the form of the log, in an envelope", good)
    no("empty", "no bytes", b"")
    no("empty-sequence", "a sequence of nothing", tlv(0x30, b""))
    no("one-integer", "s is missing", tlv(0x30, integer(r)))
    no("three-integers", "a third number", tlv(0x30, integer(r) + integer(low) + integer(1)))
    ok = der(r, low)
    no("truncated", "the last byte is missing", ok[:-1])
    no("trailing-byte", "a byte after the sequence", ok + b"\0")
    no("trailing-inside", "a byte after s, inside the sequence", tlv(0x30, ok[2:] + b"\0"))
    no("trailing-null", "a NULL after s, inside the sequence", tlv(0x30, ok[2:] + b"\5\0"))
    no("long-form-length", "the length of the sequence in two bytes", bytes([0x30, 0x81]) + ok[1:])
    inner = integer(r)
    no("long-form-integer", "the length of r in two bytes", tlv(0x30, bytes([2, 0x81]) + inner[1:] + integer(low)))
    no("indefinite-length", "BER of indefinite length", bytes([0x30, 0x80]) + ok[2:] + b"\0\0")
    no("length-too-large", "the sequence says one byte more", bytes([0x30, ok[1] + 1]) + ok[2:])
    no("length-of-four-gigabytes", "a length of 2^32 - 1", bytes([0x30, 0x84, 255, 255, 255, 255]) + ok[2:])
    no("set", "a set in place of the sequence", b"\x31" + ok[1:])
    no("octet-string", "r as an octet string", tlv(0x30, b"\4" + inner[1:] + integer(low)))
    padded = tlv(2, b"\0" + inner[2:])
    no("r-not-minimal", "a zero too many in front of r", tlv(0x30, padded + integer(low)))
    padded = tlv(2, b"\0" + integer(low)[2:])
    no("s-not-minimal", "a zero too many in front of s", tlv(0x30, inner + padded))
    no("empty-integer", "s of no bytes", tlv(0x30, inner + b"\2\0"))
    # The zero that keeps a number with its top bit set from being negative is left out.
    big = next(v for v in (high, low) if v >> 255) if high >> 255 else None
    assert big, "n - s has its top bit set"
    no("negative", "s with its top bit set and no zero in front", tlv(0x30, inner + tlv(2, big.to_bytes(32, "big"))))
    no("minus-r", "-r", tlv(0x30, tlv(2, (2**264 - r).to_bytes(33, "big")) + integer(low)))

    # Keys made for a signature: r and s are chosen, and the key is what makes them hold.
    nonce = mul(number("another nonce"), G)
    x = nonce[0] % N
    for name, about, s in [
        ("s-is-one", "s is 1", 1),
        ("s-is-half-n", "s is (n - 1) / 2, the largest low one", (N - 1) // 2),
        ("s-above-half-n", "s is (n + 1) / 2, the smallest high one", (N + 1) // 2),
        ("s-is-n-minus-1", "s is n - 1", N - 1),
    ]:
        q = key_for(nonce, x, s, MESSAGE)
        signature(name, about, q, der(x, s), raw(x, min(s, N - s)), openssl=True)
    # The nonce's x lies between n and p, so r = x - n is small, and r + n fits into 32 bytes as well.
    nonce = next(point for point in map(lift, range(N, P)) if point)
    r = nonce[0] - N
    s = number("s") >> 1
    q = key_for(nonce, r, s, MESSAGE)
    signature("r-is-x-minus-n", "x of the nonce is above n", q, der(r, s), raw(r, s), openssl=True)
    signature("r-is-x-above-n", "the same, with x itself as r", q, der(nonce[0], s), openssl=False)


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, stdout=subprocess.PIPE, check=True).stdout


def keys():
    q = mul(number("key"), G)
    good = spki(uncompressed(q))
    text = pem(good)
    read = serialization.load_pem_public_key(text.encode())
    standard = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert read.public_bytes(*standard).decode() == text
    key("good", "an ordinary key, as OpenSSL writes it", text)

    parity = bytes([2 + (q[1] & 1)])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "key.pem")
        with open(path, "w") as out:
            out.write(text)
        form = lambda *options: openssl("ec", "-pubin", "-in", path, "-pubout", *options).decode()
        compressed = form("-conv_form", "compressed")
        assert compressed == pem(spki(parity + raw(*q)[:32]))
        key("compressed", "the point compressed: x and the parity of y", compressed, "Compressed")
        key("hybrid", "the point in hybrid form", form("-conv_form", "hybrid"), "NotCanonicalPoint")
        key("explicit", "the parameters of the curve spelled out", form("-param_enc", "explicit"), "ExplicitParameters")
        both = form("-param_enc", "explicit", "-conv_form", "compressed")
        key("explicit-compressed", "parameters spelled out, point compressed", both, "ExplicitParameters")

    for name, curve in [("p384", ec.SECP384R1()), ("p521", ec.SECP521R1()), ("secp256k1", ec.SECP256K1())]:
        public = ec.derive_private_key(7, curve).public_key()
        key(name, f"a key on {curve.name}", public.public_bytes(*standard).decode(), "OtherCurve")
    from cryptography.hazmat.primitives.asymmetric import rsa, x25519

    numbers = rsa.RSAPublicNumbers(65537, (number("rsa") << 1792) | (1 << 2047) | 1)
    key("rsa", "an RSA key", numbers.public_key().public_bytes(*standard).decode(), "OtherAlgorithm")
    public = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    key("x25519", "a key for key agreement", public.public_bytes(*standard).decode(), "OtherAlgorithm")
    agreement = bytes.fromhex("06052b8104010c") + CURVE
    key("id-ec-dh", "the algorithm id-ecDH", pem(spki(uncompressed(q), agreement)), "OtherAlgorithm")
    key("no-curve", "no parameters", pem(spki(uncompressed(q), EC)), "NotCanonicalPoint")
    key("null-curve", "NULL as the curve", pem(spki(uncompressed(q), EC + b"\5\0")), "NotCanonicalPoint")

    off = (q[0], q[1] ^ 1)
    assert (off[1] ** 2 - off[0] ** 3 + 3 * off[0] - B) % P
    key("off-curve", "y with a flipped bit", pem(spki(uncompressed(off))), "OffCurve")
    key("zero", "x and y are 0", pem(spki(uncompressed((0, 0)))), "OffCurve")
    key("infinity", "the point at infinity", pem(spki(b"\0")), "NotCanonicalPoint")
    key("infinity-long", "65 zero bytes", pem(spki(bytes(65))), "NotCanonicalPoint")
    small = next(point for point in map(lift, range(1, 2**32)) if point)
    beyond = (small[0] + P, small[1])
    key("x-not-reduced", "x + p, a point of the curve when reduced", pem(spki(uncompressed(beyond))), "OffCurve")
    top = (2**256 - 1, 2**256 - 1)
    key("all-ones", "x and y with all bits set", pem(spki(uncompressed(top))), "OffCurve")

    long = bytes([0x30, 0x81]) + good[1:]
    key("long-form-length", "the outer length in two bytes", pem(long), "NotCanonicalPoint")
    key("unused-bits", "a bit string with 4 unused bits", pem(spki(uncompressed(q), unused=b"\4")), "NotCanonicalPoint")
    key("trailing-byte", "a byte after the key", pem(good + b"\0"), "NotCanonicalPoint")
    key("truncated", "the last byte is missing", pem(good[:-1]), "OtherAlgorithm")
    key("empty", "no bytes", pem(b""), "OtherAlgorithm")

    key("crlf", "lines that end in CR LF", pem(good, end="\r\n"), "NotCanonicalPem")
    key("one-line", "base64 in one line", pem(good, columns=1000), "NotCanonicalPem")
    key("76-columns", "base64 in 76 columns, as MIME has it", pem(good, columns=76), "NotCanonicalPem")
    key("no-newline-at-end", "no final newline", text[:-1], "NotCanonicalPem")
    key("two-newlines-at-end", "an empty line after it", text + "\n", "NotCanonicalPem")
    key("comment-before", "text before the key", "Lab key\n" + text, "NotCanonicalPem")
    key("indented", "a space before each line", "".join(" " + line for line in text.splitlines(True)), "NotCanonicalPem")
    key("url-alphabet", "base64 of the URL alphabet", text.replace("+", "-").replace("/", "_"), "Pem")
    key("label", "the label EC PUBLIC KEY", pem(good, label="EC PUBLIC KEY"), "Pem")
    key("twice", "two keys in one file", text + text, "Pem")
    scalar = ec.derive_private_key(number("key"), ec.SECP256R1())
    private = scalar.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key("private", "a private key", private.decode(), "Pem")


signatures()
keys()
