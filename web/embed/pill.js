// What the badge looks like: one pill, and the card behind it. Built from elements and one constructed style sheet, so it
// needs no inline styles and no markup sinks, and the page's own styles do not reach in.

/** Width of the card where there is room for it, in CSS pixels. */
const CARD_WIDTH = 352;

const STYLE = `
:host{all:initial!important;display:inline-block!important;font:600 13px/1.35 system-ui,sans-serif!important;vertical-align:middle!important;color-scheme:light dark!important}
:host([hidden]){display:none!important}
*{box-sizing:border-box}
button{all:unset;display:inline-flex;align-items:stretch;min-height:28px;border-radius:6px;overflow:hidden;cursor:pointer;color:#fff;background:var(--state)}
button:focus-visible,a:focus-visible{outline:3px solid #4a90d9;outline-offset:2px}
button>span{display:flex;gap:6px;align-items:center;padding:5px 9px}
.label{background:#3b434b}
svg{width:14px;height:14px;flex:none;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
:host([data-size=large]) button{min-height:44px;font-size:15px}
:host([data-size=large]) button>span{padding:11px 13px}
.is-blue{--state:#0a58ca}.is-grey{--state:#57606a}.is-amber{--state:#8a5a00}.is-red{--state:#b42318}
.card{position:absolute;inset:auto;margin:0;width:min(${CARD_WIDTH}px,calc(100vw - 16px));overflow:auto;overscroll-behavior:contain;padding:14px 16px;border:1px solid #8b949e;border-radius:10px;background:#fff;color:#1c2024;font-weight:400;line-height:1.45;box-shadow:0 8px 28px #0003}
.card h2{font-size:15px;margin:0 0 4px;overflow-wrap:anywhere}
.card p,.card ol,.card ul{margin:6px 0;overflow-wrap:anywhere}
.card ol,.card ul{padding-left:1.3em}
.card a{color:#0a4fb3}
.card .quiet{color:#4b535b}
@media(prefers-color-scheme:dark){.card{background:#16191d;color:#e8eaed;border-color:#5b646d}.card a{color:#8ab8ff}.card .quiet{color:#b3bac2}}
@media(forced-colors:active){button{border:1px solid ButtonText;forced-color-adjust:auto}}
@media print{.card{display:none}}
`;

/** State to word, colour and glyph. None is green: a badge has not seen anybody's bytes. */
const LOOKS = {
  checking: ["checking", "is-grey", "M8 2a6 6 0 1 1-6 6"],
  logged: ["logged", "is-blue", "M3 8.5l3.2 3.2L13 5"],
  "not-checked": ["not checked", "is-grey", "M5.5 6a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.8-1.1 1.7M8 13v.1"],
  "no-record": ["no record", "is-grey", "M5.5 6a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.8-1.1 1.7M8 13v.1"],
  unreachable: ["registry not reached", "is-grey", "M2 2l12 12M3 9a7 7 0 0 1 3-2M8 13v.1"],
  unsupported: ["cannot be judged here", "is-amber", "M8 4v5M8 12v.1"],
  fault: ["record does not hold", "is-red", "M4 4l8 8M12 4l-8 8"],
};

const HIDDEN =
  /[\p{Cc}\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]/gu;
/** A stranger's text with hidden characters written out, at most 400 characters. */
const visible = (text) => {
  const shown = String(text).replace(HIDDEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
  return shown.length > 400 ? `${shown.slice(0, 399)}\u2026` : shown;
};

function make(tag, properties = {}, children = []) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

function glyph(path) {
  const ns = "http://www.w3.org/2000/svg";
  const [picture, line] = [document.createElementNS(ns, "svg"), document.createElementNS(ns, "path")];
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  line.setAttribute("d", path);
  picture.append(line);
  return picture;
}

const listOf = (tag, texts) => make(tag, {}, texts.map((text) => make("li", { textContent: visible(text) })));

/** The card: what was checked, what was not, and the two ways on. */
function card({ title, facts, steps, links }) {
  const heading = make("h2", { textContent: visible(title) });
  const parts = [heading, ...facts.map((text) => make("p", { textContent: visible(text) }))];
  if (steps.length) parts.push(make("p", { className: "quiet", textContent: "Checked by this page in your browser:" }), listOf("ol", steps));
  parts.push(
    make("p", {
      className: "quiet",
      textContent:
        "Not checked: your own copy of the files; whether the log shows everybody the same; anything about what the model does.",
    }),
    ...links.map(([text, href]) => make("p", {}, [make("a", { href, textContent: text, rel: "noopener", target: "_blank" })])),
  );
  return make("div", { className: "card", id: "card", role: "dialog", popover: "auto" }, parts);
}
