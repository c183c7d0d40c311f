// One record, proved from a pinned log key and a pinned genesis: the second, small verifier beside `provenance::verify`,
// in its order and with its names of steps (docs/SPEC.md, section 8, steps 1 to 9 without 4).

const KEYSET_TYPE = "https://weighbridge.dev/keyset/v1";
const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** What DSSE signs. */
const preAuthentication = (payload) =>
  joined(utf8(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload);

/** A payload as statement: its kind, its predicate, its only subject. */
function statement(payload, step) {
  const value = strictJson(textOf(payload), step);
  ensure(member(value, "_type", "string", step) === STATEMENT_TYPE, step, "this is not an in-toto statement");
  const subjects = member(value, "subject", "array", step);
  ensure(subjects.length === 1, step, "the statement does not have one subject");
  return {
    kind: member(value, "predicateType", "string", step),
    predicate: member(value, "predicate", "object", step),
    subject: subjects[0],
  };
}

/** The entry that names `payload`, its size, its kind and `publisher`. */
async function entryOf(bytes, payload, { kind }, publisher, step) {
  const entry = parseEntry(bytes, step);
  const about =
    entry.payload === hex(await sha256(payload)) &&
    entry.size === payload.length &&
    entry.kind === kind &&
    entry.publisher === publisher;
  ensure(about, step, "the log entry is about something else than what was served");
  return entry;
}

/** Checks that every signature of an entry verifies under the keyset, and gives the holders with `role`. */
async function holdersOf(entry, payload, keyset, role, step) {
  const message = preAuthentication(payload);
  const holders = new Set();
  for (const { keyid, signature } of entry.signatures) {
    const key = keyset.keys.get(keyid);
    ensure(key !== undefined, step, `the key ${keyid} is not in the publisher's keyset`);
    ensure(await key.verify(message, signature), step, `the signature by ${key.holder} does not verify`);
    if (key.roles.includes(role)) holders.add(key.holder);
  }
  return holders;
}

/** A first keyset: threshold, keys by id. */
async function firstKeyset(statement, publisher, origin) {
  const step = "keyset";
  const { predicate } = statement;
  const threshold = member(predicate, "threshold", "object", step);
  const listed = member(predicate, "keys", "array", step);
  ensure(member(predicate, "publisher", "string", step) === publisher, step, "the keyset is another publisher's");
  ensure(member(predicate, "origins", "array", step).includes(origin), step, `the keyset is not for the log ${origin}`);
  ensure(predicate.previous === null && member(predicate, "revoked", "array", step).length === 0, step, "the first keyset names another one");
  ensure(listed.length >= 1 && listed.length <= 16, step, "a keyset has 1 to 16 keys");
  const keys = new Map();
  for (const each of listed) {
    const { id, verify } = await publicKey(member(each, "spki", "string", step), step);
    ensure(!keys.has(id), step, "a key of the keyset is listed twice");
    keys.set(id, { verify, holder: member(each, "holder", "string", step), roles: member(each, "roles", "array", step) });
  }
  const needs = { root: member(threshold, "root", "count", step), sign: member(threshold, "sign", "count", step) };
  ensure(needs.root > 0 && needs.sign > 0, step, "a threshold of the keyset is zero");
  return { keys, needs };
}

/** The genesis, its index and its keyset; `Unsupported` where more exists than this version judges. */
async function inForce(lines, control, publisher, head) {
  let found = null;
  for (const line of lines) {
    const step = "control";
    const shown = control.find((each) => member(each, "index", "count", step) === line.index);
    if (shown === undefined) throw new Unsupported(`The registry did not show entry ${line.index} of ${publisher}.`);
    const [payload, bytes] = ["payload", "entry"].map((name) => fromBase64(member(shown, name, "string", step)));
    ensure(payload !== null && bytes !== null, step, "a keyset does not read");
    const read = statement(payload, "keyset");
    const entry = await entryOf(bytes, payload, read, publisher, step);
    ensure(entry.kind === line.kind && entry.payload === line.payload, step, "a keyset is not the one that the log's state lists");
    const proof = tlogProof(member(shown, "proof", "string", step), step);
    ensure(proof.index === line.index, step, "a keyset is shown with the proof of another entry");
    await checkInclusion(bytes, proof, head, step);
    const isFirst = line.kind === KEYSET_TYPE && found === null && member(read.predicate, "version", "count", "keyset") === 1;
    if (!isFirst) throw new Unsupported(`Entry ${line.index} is a ${line.kind}, which this version cannot judge.`);
    const keyset = await firstKeyset(read, publisher, head.origin);
    const holders = await holdersOf(entry, payload, keyset, "root", "keyset");
    ensure(holders.size >= keyset.needs.root, "keyset", "too few holders of root keys signed the keyset");
    ensure(entry.signatures.length === keyset.keys.size, "keyset", "a key of the keyset did not sign it");
    found = { genesis: line.payload, index: line.index, keyset };
  }
  ensure(found !== null, "keyset", `${publisher} has no keyset in this log`);
  return found;
}

/** The proof holds as far as it goes, and something that could change the answer was not shown or is not understood. */
class Unsupported extends Error {}

/**
 * Proves `record` from its `payload` and the proof document `document` of a registry, and says what is proved.
 * `log` is a verifier key, `genesis` the publisher's; `done` hears of each step that holds. Throws `Fault` or
 * `Unsupported`.
 */
async function proveRecord({ record, log, genesis, payload, document, done }) {
  const key = await verifierKey(log);
  ensure(hex(await sha256(payload)) === record, "record-id", "what was served is another record");
  done("record-id", "The record has the id that this page names.");
  const read = statement(payload, "statement");
  ensure(read.kind !== KEYSET_TYPE, "statement", "this record is a keyset, not a statement about files");
  const notes = member(read.subject, "annotations", "object", "statement");
  const publisher = member(notes, "weighbridge_publisher", "string", "statement");
  const name = member(notes, "weighbridge_name", "string", "statement");
  const version = hasOwn(notes, "weighbridge_version") ? member(notes, "weighbridge_version", "string", "statement") : null;
  const official = hasOwn(notes, "weighbridge_official") ? member(notes, "weighbridge_official", "array", "statement") : [];

  const bytes = fromBase64(member(document, "entry", "string", "entry"));
  ensure(bytes !== null, "entry", "the log entry does not read");
  const entry = await entryOf(bytes, payload, read, publisher, "entry");
  const proof = tlogProof(member(document, "proof", "string", "inclusion"), "inclusion");
  const head = await treeHead(proof.note, key);
  done("log-signature", `${head.origin} signed its log of ${head.size} entries.`);
  const index = await checkInclusion(bytes, proof, head, "inclusion");
  done("inclusion", `Entry ${index} of that log names this record.`);

  const lines = await controlList(member(document, "state", "string", "state"), publisher, key, head);
  const control = member(document, "control", "array", "control");
  const force = await inForce(lines, control, publisher, head);
  done("state", `Nothing by ${publisher} withdraws it, up to entry ${head.size - 1}.`);
  ensure(force.genesis === genesis, "publisher", `this ${publisher} has another genesis than the one this page names`);
  ensure(member(notes, "weighbridge_genesis", "string", "signatures") === genesis, "signatures", "the record names another genesis");
  ensure(index > force.index, "signatures", "the record is older than its publisher's first keyset");
  const holders = await holdersOf(entry, payload, force.keyset, "sign", "signatures");
  ensure(holders.size >= force.keyset.needs.sign, "signatures", `${holders.size} holders signed, ${force.keyset.needs.sign} are needed`);
  done("signatures", `${publisher} signed it, with the keys that its genesis gives.`);
  return { publisher, name, version, official, index, size: head.size, origin: head.origin };
}
