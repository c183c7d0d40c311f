// The log: verifier keys, checkpoints, inclusion, state proofs, entries (docs/SPEC.md, sections 6 and 7).

const STATE_HEADER = "weighbridge.dev/state-proof/v1";
const ENTRY_HEADER = "weighbridge.dev/entry/v1";

/** A verifier key `NAME+HASH+BASE64` of a log. */
async function verifierKey(text) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text.trim());
  const bytes = parts && fromBase64(parts[3]);
  ensure(bytes?.length === 33 && bytes[0] === 1, "log-key", "the log attribute is not a verifier key NAME+HASH+BASE64 of an Ed25519 key");
  const id = (await sha256(joined(utf8(`${parts[1]}\n`), bytes))).slice(0, 4);
  ensure(hex(id) === parts[2], "log-key", "the log attribute has a wrong hash; copy the whole line again");
  return { name: parts[1], id, verify: await ed25519(bytes.slice(1), "log-key") };
}

/** The tree head of a checkpoint that the log `key` signed. */
async function treeHead(note, key) {
  const step = "log-signature";
  const gap = note.lastIndexOf("\n\n");
  ensure(gap > 0, step, "the checkpoint is not a signed note");
  const [text, lines] = [note.slice(0, gap + 1), note.slice(gap + 2).split("\n")];
  ensure(lines.pop() === "", step, "the checkpoint does not end in a line feed");
  let signed = false;
  for (const line of lines) {
    const [, name, base64] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = base64 === undefined ? null : fromBase64(base64);
    ensure(bytes !== null && bytes.length > 4, step, "the checkpoint has a line that is not a signature");
    if (name !== key.name || !same(bytes.slice(0, 4), key.id)) continue;
    ensure(await key.verify(utf8(text), bytes.slice(4)), step, "the log's signature on its checkpoint does not verify");
    signed = true;
  }
  ensure(signed, step, "the checkpoint is not signed by the log that this page names");
  const [origin, size, root] = text.split("\n");
  ensure(origin === key.name, step, `the checkpoint is of another log, ${origin}`);
  const head = { origin, size: decimal(size), root: fromBase64(root ?? "") };
  ensure(head.size !== null && head.size > 0 && head.root?.length === 32, step, "the checkpoint's size or root does not read");
  return head;
}

const leafHash = (data) => sha256(joined([0], data));
const nodeHash = (left, right) => sha256(joined([1], left, right));

/** RFC 9162, section 2.1.3.2: whether `leaf` at `index` is in the tree of `size` leaves under `root`. */
async function isIncluded(leaf, index, size, path, root) {
  if (index >= size) return false;
  let [node, last, hash] = [index, size - 1, leaf];
  const half = (n) => Math.floor(n / 2);
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(hash, root);
}

const hashes = (lines, step) =>
  lines.map((line) => {
    const hash = fromBase64(line);
    ensure(hash?.length === 32, step, "a hash of the proof does not read");
    return hash;
  });

/** A c2sp.org/tlog-proof: index, path, and the checkpoint's text. */
function tlogProof(text, step) {
  const gap = text.indexOf("\n\n");
  const lines = text.slice(0, Math.max(gap, 0)).split("\n");
  ensure(lines.shift() === "c2sp.org/tlog-proof@v1", step, "the log proof does not read");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = decimal((lines.shift() ?? "").replace(/^index /, ""));
  ensure(index !== null && lines.length <= 63, step, "the log proof does not read");
  return { index, path: hashes(lines, step), note: text.slice(gap + 2) };
}

/** Checks that `entry` is in the log of `head`, at the index that its proof names, and gives that index. */
async function checkInclusion(entry, proof, head, step) {
  const holds = await isIncluded(await leafHash(entry), proof.index, head.size, proof.path, head.root);
  ensure(holds, step, `the proof does not lead from entry ${proof.index} to the log's root`);
  return proof.index;
}

/** A log entry, in its one spelling. */
function parseEntry(bytes, step) {
  const number = "(0|[1-9][0-9]{0,15})";
  const form = new RegExp(
    `^${ENTRY_HEADER}\npublisher ([a-z0-9.-]{1,128})\nkind ([!-~]{1,256})\nsize ${number}\npayload ([0-9a-f]{64})\nstate ([0-9a-f]{64})\n((?:sig [0-9a-f]{64} [A-Za-z0-9+/=]{88}\n)+)$`,
  );
  const found = form.exec(textOf(bytes));
  ensure(found !== null, step, "the log entry does not read");
  const [, publisher, kind, size, payload, state, lines] = found;
  const signatures = lines.trimEnd().split("\n").map((line) => {
    const [, keyid, base64] = line.split(" ");
    const signature = fromBase64(base64);
    ensure(signature?.length === 64, step, "a signature of the log entry does not read");
    return { keyid, signature };
  });
  const ascends = signatures.every(({ keyid }, i) => i === 0 || signatures[i - 1].keyid < keyid);
  ensure(ascends, step, "the signatures of the log entry are out of order");
  return { publisher, kind, size: decimal(size), payload, state: unhex(state), signatures };
}

/** Every keyset and advisory that `publisher` has in the log of `head`: proved to be all of them. */
async function controlList(text, publisher, key, head) {
  const step = "state";
  const [header, leafLine, ...rest] = text.split("\n");
  const [, index, leaves, base64] = /^leaf (\d+) (\d+) (\S+)$/.exec(leafLine ?? "") ?? [];
  const gap = rest.indexOf("");
  const data = fromBase64(base64 ?? "");
  const last = fromBase64((rest[gap + 1] ?? "").replace(/^entry /, ""));
  const [at, among] = [decimal(index ?? ""), decimal(leaves ?? "")];
  ensure(header === STATE_HEADER && gap >= 0 && data && last && at !== null && among !== null, step, "the state proof does not read");
  const proof = tlogProof(rest.slice(gap + 2).join("\n"), step);
  const view = await treeHead(proof.note, key);
  ensure(view.size === head.size && same(view.root, head.root), step, "the state proof is for another view of the log than the record's");
  ensure(proof.index === head.size - 1, step, "the state proof is not for the log's last entry");
  await checkInclusion(last, proof, head, step);
  const { state } = parseEntry(last, step);
  const holds = await isIncluded(await leafHash(data), at, among, hashes(rest.slice(0, gap), step), state);
  ensure(holds, step, "the log's state does not contain what the proof says of this publisher");
  const [name, ...lines] = textOf(data).split("\n");
  ensure(name === publisher && lines.pop() === "", step, `the state proof is for ${name}`);
  return lines.map((line) => {
    const [, position, kind, payload, target] = /^(\d+) (\S+) ([0-9a-f]{64}) (-|[0-9a-f]{64})$/.exec(line) ?? [];
    ensure(decimal(position ?? "") !== null, step, "the state of the publisher does not read");
    return { index: decimal(position), kind, payload, target };
  });
}
