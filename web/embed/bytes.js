// <model-provenance>, a badge that checks what it says. The parts of this folder are joined in the order bytes, keys,
// log, record, pill, element and served as one module (docs/adr/0010-the-badge-script.md). No part imports anything,
// so one integrity value covers all of it.

// What the checks stand on is taken once, before the page goes on: a script that replaces one of these later changes
// nothing. One that ran earlier is told apart by `selfTest`.
const { subtle } = globalThis.crypto ?? {};
const subtleCall = (name) => {
  const own = subtle?.[name];
  return (...args) => Reflect.apply(own, subtle, args);
};
const [digestOf, importKey, verifyWith] = ["digest", "importKey", "verify"].map(subtleCall);
const fetchAnswer = globalThis.fetch?.bind(globalThis);
const readJson = JSON.parse;
const hasOwn = Object.hasOwn;

/** A check that did not hold. `step` names it as `provenance::verify` does. */
class Fault extends Error {
  constructor(step, message) {
    super(message);
    this.step = step;
  }
}

/** Goes on only when `holds`. */
function ensure(holds, step, message) {
  if (holds !== true) throw new Fault(step, message);
}

const encoder = new TextEncoder();
const utf8 = (text) => encoder.encode(text);
/** Bytes as text; refuses what is no UTF-8, and keeps a byte order mark as the character it is. */
const textOf = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const sha256 = async (bytes) => new Uint8Array(await digestOf("SHA-256", bytes));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

const HEX_DIGEST = /^[0-9a-f]{64}$/;
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Padded standard base64 in its one spelling, or null. */
function fromBase64(text) {
  try {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

/** A decimal without leading zeros, below 2^53, or null. */
function decimal(text) {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}

const MAX_DEPTH = 32;

/** JSON without duplicate members and not deeper than `MAX_DEPTH`, which plain JSON.parse would take. */
function strictJson(text, step) {
  let value;
  try {
    value = readJson(text);
  } catch {
    ensure(false, step, "this is not JSON");
  }
  // The text is well-formed here, so only names of members stand before a colon.
  const open = [];
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"[ \t\r\n]*:?|[{}[\]]/g)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token.endsWith(":")) {
      const name = readJson(token.slice(0, -1));
      ensure(!open.at(-1).has(name), step, `the member ${name} stands twice`);
      open.at(-1).add(name);
    }
    ensure(open.length <= MAX_DEPTH, step, "this JSON is nested too deeply");
  }
  return value;
}

/** A member of an object that is the object's own: what a page adds to Object.prototype does not count. */
function member(object, name, kind, step) {
  const value = object !== null && typeof object === "object" && hasOwn(object, name) ? object[name] : undefined;
  const fits = kind === "array" ? Array.isArray(value) : kind === "count" ? Number.isSafeInteger(value) && value >= 0 : typeof value === kind;
  ensure(fits && value !== null, step, `${name} is missing or is no ${kind}`);
  return value;
}
