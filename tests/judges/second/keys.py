"""Keys and signatures: section 5."""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from strict import Refused, need

FIELD = 2**255 - 19
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# The y coordinates of Ed25519's points of small order.
SMALL_ORDER = {0, 1, FIELD - 1} | {
    int.from_bytes(bytes.fromhex(y), "little")
    for y in (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
}


def is_point(data):
    """Whether 32 bytes are canonical and not of small order."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    return y < FIELD and y not in SMALL_ORDER


def verifies_ed25519(key, signature, message):
    if len(signature) != 64 or not is_point(key) or not is_point(signature[:32]):
        return False
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(pem):
    """Reads an SPKI text, which has one form only."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise Refused("statement", "a key does not read") from None
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    need(key.public_bytes(serialization.Encoding.PEM, form).decode() == pem, "statement", "a key is not canonical")
    if isinstance(key, ed25519.Ed25519PublicKey):
        need(is_point(key.public_bytes_raw()), "statement", "a key is of small order")
        return key
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    need(is_p256, "statement", "a key is of another kind")
    return key


def verifies_logged(key, signature, message):
    """A signature as the log has it, in 64 bytes."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return verifies_ed25519(key.public_bytes_raw(), signature, message)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (1 <= r < ORDER_P256 and 1 <= s <= (ORDER_P256 - 1) // 2):
        return False
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def pae(payload):
    """What DSSE signs."""
    kind = b"application/vnd.in-toto+json"
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
