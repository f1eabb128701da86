// The admin API, and the token for it.

const TOKEN_KEY = "config-service-token";
const ANSWER_TIMEOUT_MS = 15000;
const MOST_CHANGES = 500;  // in one answer
const TOKEN = /^[!-~]+$/;
const NO_TOKEN = "A token has letters, digits and signs of ASCII only, and no blanks.";

class NoAnswer extends Error {}

// An answer that is none of those in 200 to 299.
class Refusal extends Error {
  constructor(status, body) {
    super(body.message || `the config service answered with status ${status}`);
    this.status = status;
    this.errors = body.errors ?? [];
    this.current = body.current;
  }
}

const token = {
  kept: "",  // where the browser keeps nothing for a page
  get() {
    try { return sessionStorage.getItem(TOKEN_KEY) ?? this.kept; } catch { return this.kept; }
  },
  set(text) {
    this.kept = text;
    try { sessionStorage.setItem(TOKEN_KEY, text); } catch { /* this page has it */ }
  },
  forget() {
    this.kept = "";
    try { sessionStorage.removeItem(TOKEN_KEY); } catch { /* nothing is kept there */ }
  },
};

// The URL of one of the handlers, relative to the page.
function urlOf(handler, query = {}, name = "") {
  const path = document.body.dataset[handler].replace(/\{name[^}]*\}/, encodeURIComponent(name));
  const url = new URL(path, document.baseURI);
  url.hash = "";
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(key, value);
  }
  return url.href;
}

// Returns { etag, body }, and no body if it is still what `ifNoneMatch` stands for.
async function ask(method, url, { body, ifMatch, ifNoneMatch } = {}) {
  const headers = { Accept: "application/json" };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (ifMatch !== undefined) headers["If-Match"] = ifMatch;
  if (ifNoneMatch) headers["If-None-Match"] = ifNoneMatch;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const { status, etag, text } = await exchange(method, url, headers, body);
  if (status === 304) return { etag };
  if (status >= 200 && status < 300) return { etag, body: parsed(text) };
  throw new Refusal(status, bodyOf(text));
}

async function exchange(method, url, headers, body) {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const how = { cache: "no-store", credentials: "same-origin", redirect: "error" };
    const response = await fetch(url, { method, headers, body, signal, ...how });
    return { status: response.status, etag: response.headers.get("ETag"), text: await response.text() };
  } catch (error) {
    throw new NoAnswer(error.name === "TimeoutError" ? "it took too long" : "no connection to it", { cause: error });
  }
}

function bodyOf(text) {
  try { return Object(parsed(text)); } catch { return {}; }
}

// `value` is a text in JSON: it is sent with all the digits that were typed.
function setValue(target, value, why, allowUnknown, ifMatch) {
  const { name, service, stage } = target;
  const body = `{"value": ${value}, "why": ${JSON.stringify(why)}, "allow_unknown": ${allowUnknown}}`;
  return ask("PUT", urlOf("value", { service, stage }, name), { body, ifMatch });
}

function removeValue({ name, service, stage }, why, ifMatch) {
  return ask("DELETE", urlOf("value", { service, stage, why }, name), { ifMatch });
}

function rollBack(selection, revision, why, allowUnknown, ifMatch) {
  const body = JSON.stringify({ ...selection, revision, why, allow_unknown: allowUnknown });
  return ask("POST", urlOf("rollback"), { body, ifMatch });
}

// So many changes, and the revision before which there are more of them (null: there are none).
async function latestChanges(selection, wanted) {
  const changes = [];
  let before;
  do {
    const limit = Math.min(wanted - changes.length, MOST_CHANGES);
    const { body } = await ask("GET", urlOf("history", { ...selection, before, limit }));
    changes.push(...body.changes);
    before = body.next_before;
  } while (before !== null && changes.length < wanted);
  return { changes, before };
}

// All changes after a revision, the latest first, and the ETag that they are seen with.
async function changesAfter(revision, selection) {
  for (;;) {
    const found = [];
    let before, etag, isWhole = true;
    do {
      const page = await ask("GET", urlOf("history", { ...selection, before, limit: MOST_CHANGES }));
      etag ??= page.etag;
      isWhole &&= page.etag === etag;
      found.push(...page.body.changes.filter((each) => each.revision > revision));
      const more = page.body.changes.at(-1)?.revision > revision;
      before = more ? page.body.next_before : null;
    } while (before !== null);
    if (isWhole) return { changes: found, etag };
  }
}
