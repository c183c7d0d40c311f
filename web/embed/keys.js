// Keys and signatures. What WebCrypto leaves open is decided here as `provenance::key` decides it: no key and no
// signature in a second encoding, no point of small order, low S for P-256.

const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const ED25519_SPKI = unhex("302a300506032b6570032100");
const P256_SPKI = unhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004");

/** The y of every point whose order divides 8, little-endian, without the sign of x. */
const SMALL_ORDER = [
  "00".repeat(32),
  "01" + "00".repeat(31),
  "ec" + "ff".repeat(30) + "7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

const number = (bigEndian) => BigInt("0x" + hex(bigEndian));

/** Whether 32 bytes can be a point of Ed25519: y below the prime, and not of small order. */
function isPoint(bytes) {
  const y = bytes.slice();
  y[31] &= 0x7f;
  return number(y.toReversed()) < 2n ** 255n - 19n && !SMALL_ORDER.includes(hex(y));
}

async function ed25519(raw, step) {
  ensure(raw.length === 32 && isPoint(raw), step, "an Ed25519 key is not a point that may be used");
  const key = await importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
  return async (message, signature) =>
    signature.length === 64 &&
    isPoint(signature.slice(0, 32)) &&
    number(signature.slice(32).toReversed()) < ED25519_ORDER &&
    (await verifyWith({ name: "Ed25519" }, key, signature, message)) === true;
}

async function p256(spki) {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const key = await importKey("spki", spki, curve, false, ["verify"]);
  return async (message, signature) =>
    signature.length === 64 &&
    number(signature.slice(32)) <= P256_ORDER / 2n &&
    (await verifyWith({ name: "ECDSA", hash: "SHA-256" }, key, signature, message)) === true;
}

/** A key of a keyset: SPKI as PEM, 64 columns and a final newline, no other spelling. Gives its id and its check. */
async function publicKey(pem, step) {
  const body = /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END PUBLIC KEY-----\n$/.exec(pem);
  const der = body && fromBase64(body[1].replaceAll("\n", ""));
  ensure(der instanceof Uint8Array, step, "a key of the keyset is not a PEM public key");
  const lines = toBase64(der).match(/.{1,64}/g).join("\n");
  ensure(lines === body[1], step, "a key of the keyset is not in the one spelling of PEM");
  const id = hex(await sha256(utf8(pem)));
  const starts = (prefix, length) => der.length === prefix.length + length && same(der.slice(0, prefix.length), prefix);
  if (starts(ED25519_SPKI, 32)) return { id, verify: await ed25519(der.slice(ED25519_SPKI.length), step) };
  ensure(starts(P256_SPKI, 64), step, "a key of the keyset is neither Ed25519 nor P-256");
  return { id, verify: await p256(der) };
}

/**
 * Whether this browser's cryptography answers as it must: a true signature is true, a false one false, a digest right.
 * Older browsers have no Ed25519; a page may have replaced what it has.
 */
async function selfTest() {
  if (!subtle || !fetchAnswer) return "This browser offers no cryptography here. Pages have it over https only.";
  // RFC 8032, section 7.1, test 2.
  const key = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const good = unhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  try {
    const verify = await ed25519(key, "self-test");
    const bad = good.slice();
    bad[5] ^= 1;
    const holds = (await verify(unhex("72"), good)) && !(await verify(unhex("72"), bad)) && !(await verify(unhex("73"), good));
    const digest = hex(await sha256(utf8("abc")));
    if (holds && digest === "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") return null;
    return "The cryptography of this page does not answer as it must; a script may have replaced it.";
  } catch {
    return "This browser does not know Ed25519 signatures yet.";
  }
}
