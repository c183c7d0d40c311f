// <model-provenance record="ID" log="VKEY" genesis="HEX" [registry="https://…"] [size="large"]>fallback link</…>
//
// The page pins the log and the publisher; the registry only hands over bytes, which are proved. Without `log` and
// `genesis` nothing is checked, and the badge says so.

/** Most bytes of a badge document, and of a payload. */
const MAX_DOCUMENT_BYTES = 4 << 20;
const MAX_PAYLOAD_BYTES = 8 << 20;
/** How long an answer may take. */
const PATIENCE_MS = 20_000;

/** The registry did not answer with what was asked for. */
class Unreachable extends Error {}
/** The registry says that it has no such record. */
class Missing extends Error {}

const ownOrigin = new URL(import.meta.url).origin;

async function fetched(url, limit) {
  let answer;
  try {
    answer = await fetchAnswer(url, {
      credentials: "omit",
      referrerPolicy: "no-referrer",
      mode: "cors",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 404) throw new Missing();
    if (answer.status !== 200) throw new Unreachable(`it answered ${answer.status}`);
    const reader = answer.body.getReader();
    const parts = [];
    for (let size = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return joined(...parts);
      size += value.length;
      if (size > limit) throw new Unreachable("its answer is too long");
      parts.push(value);
    }
  } catch (error) {
    if (error instanceof Missing || error instanceof Unreachable) throw error;
    throw new Unreachable("no connection, or this page's policy (connect-src) does not allow it");
  }
}

/** Whether `here` is one of the publisher's official addresses or below one. */
function isOfficial(official, here) {
  return official.some((text) => {
    const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : null;
    return url?.origin === here.origin && (here.pathname === url.pathname || here.pathname.startsWith(url.pathname.replace(/\/*$/, "/")));
  });
}

class ModelProvenance extends HTMLElement {
  static observedAttributes = ["record", "log", "genesis", "registry", "size"];
  #root = this.attachShadow({ mode: "open" });
  #run = 0;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
  }

  connectedCallback() {
    this.#check();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#check();
  }

  /** Checks anew; a run that another one has overtaken shows nothing any more. */
  async #check() {
    const run = ++this.#run;
    const record = this.#attribute("record");
    const steps = [];
    const show = (state, title, facts) => {
      if (run === this.#run) this.#show(state, { title, facts, steps, record });
    };
    show("checking", "Checking the record", []);
    try {
      const shown = await this.#proved(record, steps);
      const model = shown.version === null ? shown.name : `${shown.name} ${shown.version}`;
      const listed = isOfficial(shown.official, globalThis.location);
      show("logged", model, [
        `Recorded by ${shown.publisher}, entry ${shown.index} of ${shown.origin}.`,
        "No witness was asked to confirm this view of the log.",
        shown.official.length === 0
          ? "The publisher lists no official pages."
          : listed
            ? "This page is on the publisher's list of official pages."
            : "This page is not on the publisher's list of official pages.",
      ]);
    } catch (error) {
      const [state, title, text] = described(error);
      show(state, title, [text]);
    }
  }

  #attribute(name) {
    return (this.getAttribute(name) ?? "").trim();
  }

  async #proved(record, steps) {
    const [log, genesis] = [this.#attribute("log"), this.#attribute("genesis")];
    if (!HEX_DIGEST.test(record)) throw new NotChecked("The record attribute is not a record id of 64 hex digits.");
    if (log === "" || !HEX_DIGEST.test(genesis)) {
      throw new NotChecked("This page names no log key and no genesis, so there is nothing to check the record against.");
    }
    const broken = await selfTest();
    if (broken !== null) throw new NotChecked(broken);
    const base = this.#registry();
    const [answer, payload] = await Promise.all([
      fetched(`${base}/badge/v1/${record}.json`, MAX_DOCUMENT_BYTES),
      fetched(`${base}/api/v1/records/${record}`, MAX_PAYLOAD_BYTES),
    ]);
    const done = (_, text) => steps.push(text);
    try {
      const badge = strictJson(textOf(answer), "record-id");
      const proof = member(badge, "proof", "object", "record-id");
      return await proveRecord({ record, log, genesis, payload, document: proof, done });
    } catch (error) {
      if (error instanceof Fault || error instanceof Unsupported) throw error;
      throw new Fault("statement", "an answer of the registry does not read");
    }
  }

  #registry() {
    const named = this.#attribute("registry");
    return named === "" ? ownOrigin : URL.canParse(named) ? new URL(named).origin : "null:";
  }

  #show(state, { title, facts, steps, record }) {
    const [word, colour, path] = LOOKS[state];
    const base = this.#registry();
    const known = HEX_DIGEST.test(record) && base.startsWith("http");
    const links = known ? [["Check my copy of the files", `${base}/verify#record=${record}`], ["Open the record", `${base}/record/${record}`]] : [];
    const panel = card({ title, facts, steps: steps.slice(), links });
    const button = make("button", { type: "button", className: colour }, [
      make("span", { className: "label", textContent: "provenance" }),
      make("span", {}, [glyph(path), word]),
    ]);
    panel.setAttribute("aria-label", `Model provenance: ${word}`);
    button.setAttribute("aria-label", `Model provenance: ${word}. Details`);
    button.popoverTargetElement = panel;
    panel.addEventListener("beforetoggle", (event) => event.newState === "open" && place(panel, button));
    const hadFocus = this.#root.activeElement !== null;
    this.dataset.state = state;
    this.dataset.size = this.#attribute("size");
    this.#root.replaceChildren(button, panel);
    if (hadFocus) button.focus();
    this.dispatchEvent(new CustomEvent("provenance-state", { bubbles: true, composed: true, detail: { state } }));
  }
}

/**
 * Puts the card below the pill, or above it where there is more room, and no higher than that room. It scrolls with the
 * page, as the pill does; a window of another size places it anew.
 */
function place(panel, button) {
  const at = button.getBoundingClientRect();
  const { innerWidth, innerHeight, scrollX, scrollY } = globalThis;
  const below = innerHeight - at.bottom;
  const up = at.top > below;
  const x = Math.max(8, Math.min(at.left, innerWidth - 8 - CARD_WIDTH)) + scrollX;
  const y = (up ? at.top - 6 : at.bottom + 6) + scrollY;
  const style = new CSSStyleSheet();
  style.replaceSync(
    `#card{left:${x}px;top:${y}px;max-height:${(up ? at.top : below) - 14}px;transform:translateY(${up ? "-100%" : 0})}`,
  );
  globalThis.addEventListener("resize", () => panel.matches(":popover-open") && place(panel, button), { once: true });
  const root = panel.getRootNode();
  root.adoptedStyleSheets = [root.adoptedStyleSheets[0], style];
}

/** Nothing was checked, and why. */
class NotChecked extends Error {}

function described(error) {
  if (error instanceof NotChecked) return ["not-checked", "Not checked", error.message];
  if (error instanceof Missing) return ["no-record", "No record", "The registry has no such record. That says nothing about the model."];
  if (error instanceof Unreachable) return ["unreachable", "Registry not reached", `The registry gave no answer: ${error.message}. Nothing was checked.`];
  if (error instanceof Unsupported) return ["unsupported", "Cannot be judged here", `${error.message} Open the record to see it.`];
  return ["fault", "This record does not hold", `${error.message} (${error.step}). That says nothing about the files; tell the owner of this page.`];
}

if (!customElements.get("model-provenance")) customElements.define("model-provenance", ModelProvenance);
