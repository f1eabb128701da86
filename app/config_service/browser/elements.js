// Elements of the page. What comes from elsewhere becomes text, never markup.

const byId = (id) => document.getElementById(id);
const SHOWN_CHARACTERS = 200;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((each) => each !== undefined && each !== false && each !== ""));
  return element;
}

function setText(element, text) {  // an unchanged text is not announced again
  if (element.textContent !== text) element.textContent = text;
}

// Makes the children of an element anew if what they show is not the same any more. The focus stays where it was.
const shownIn = new WeakMap();
function refill(element, model, makeChildren) {
  const shown = JSON.stringify(model);
  if (shownIn.get(element) === shown) return;
  shownIn.set(element, shown);
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...makeChildren());
  if (focused === undefined) return;
  [...element.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
}

function clipped(text) {
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS)}... (${text.length.toLocaleString("en")} characters)`;
}

// What is wrong with a value, and with what within it.
function problemWords(path, text, services = []) {
  return (path.length ? `${path.join(".")}: ` : "") + text + (services.length ? ` (${services.join(", ")})` : "");
}

// A value in one line, shortened; `undefined` is no value.
function shortValue(value) {
  return value === undefined ? make("i", {}, "not set") : make("code", {}, clipped(inOneLine(value)));
}

// The whole of a value.
function wholeValue(value) {
  const isLong = value !== undefined && inOneLine(value).length > 60;
  return isLong ? make("pre", { tabindex: 0, "aria-label": "Value" }, written(value)) : shortValue(value);
}

function person(text) { return make("bdi", {}, visible(text)); }

// The name of a variable, which may be broken after each of its parts.
function nameParts(name) { return name.split(/(?<=_)/).flatMap((part) => [part, make("wbr")]); }

// A description: paragraphs, however their lines were broken, with `code` in them.
function prose(text) {
  const parts = visible(text.trim().replace(/(?<!\n) *\n(?!\s*\n)/g, " ")).split("`");
  return parts.map((part, index) => (index % 2 === 1 && index < parts.length - 1 ? make("code", {}, part) : part));
}

function time(iso) {
  const at = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return make("time", { datetime: iso, title: `${iso} (UTC)` }, `${day} ${clock}`);
}

// Who has changed something, when and why.
function authorship({ at, who, why, revision }) {
  const author = make("span", { class: "author" }, person(who), ", ", time(at), `, revision\u00a0${revision}`);
  return [author, " ", make("q", {}, person(why))];
}

// What differs between two values; `undefined` is no value.
function difference(old, now) {
  const [oldText, nowText] = [written(old), written(now)];
  const isShort = (text = "") => !text.includes("\n") && text.length <= 60;
  if (isShort(oldText) && isShort(nowText)) return make("p", { class: "step" }, oldOf(old), " \u2192 ", nowOf(now));
  const lines = abridged(differences(oldText?.split("\n") ?? [], nowText?.split("\n") ?? []));
  const label = "What changes, line by line";
  return make("div", { "class": "lines", "tabindex": 0, "role": "group", "aria-label": label }, lines.map(lineOf));
}

function oldOf(value) { return make("del", { "aria-label": "old" }, shortValue(value)); }
function nowOf(value) { return make("ins", { "aria-label": "new" }, shortValue(value)); }

function lineOf([kind, line]) {
  if (kind === "left-out") return make("span", { class: kind }, `... ${line.length} lines that stay`);
  const [tag, mark] = { same: ["span", "  "], out: ["del", "- "], in: ["ins", "+ "] }[kind];
  return make(tag, { class: "line" }, mark + line);
}
