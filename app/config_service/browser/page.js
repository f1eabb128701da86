// The page as a whole: where one is, what is shown, and looking for news.

const LOOK_EVERY_MS = 3000;
const page = {
  state: byId("state"), said: byId("said"), saidText: byId("said-text"), forget: byId("forget"), work: byId("work"),
  needed: byId("token-needed"), neededField: byId("needed"), neededError: byId("needed-error"),
  values: byId("values-view"), all: byId("history-view"),
};
let where = { view: "values", service: "", stage: "", name: "" };
let config = null, etag = "", timer = 0, isLooking = false, isAsked = false, lostAt = null;

// Where one is stands behind the # of the URL, so that a link leads there. No token ever does.
function hashOf(place) {
  const parts = Object.entries({ ...where, name: "", ...place });
  return `#${new URLSearchParams(parts.filter(([key, text]) => text && `${key} ${text}` !== "view values"))}`;
}

function go(changes) { location.hash = hashOf({ ...where, ...changes }); }

function arrive() {
  const before = where;
  const given = new URLSearchParams(location.hash.slice(1));
  const named = (key) => (NAME.test(given.get(key) ?? "") ? given.get(key) : "");
  const view = given.get("view") === "history" ? "history" : "values";
  where = { view, service: named("service"), stage: named("stage"), name: named("name") };
  closeOther();
  if (where.view !== before.view || where.name !== before.name) say("");
  if (review.dialog.open && !review.isBusy) review.dialog.close();
  show();
  byId("rows").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  if (where.view !== before.view) byId(where.view === "history" ? "history-title" : "values-title").focus();
  else if (where.name && where.name !== before.name) variable.name.focus();
  else if (before.name && !where.name) focusRow(before.name);
}

function show() {
  document.body.dataset.view = where.view;
  for (const link of document.querySelectorAll("nav a")) {
    link.href = hashOf({ ...where, name: "", view: link.dataset.view });
    if (link.dataset.view === where.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("back").href = hashOf({ ...where, name: "" });
  document.title = `${where.view === "history" ? "History" : where.name || "Values"} - config service`;
  page.values.hidden = where.view !== "values";
  page.all.hidden = where.view !== "history";
  if (!config) return;
  page.work.hidden = false;
  if (where.view === "values") {
    showWhere(config, where);
    showList(config, where);
    showVariable(config, where);
  }
  showHistory();
}

function showHistory() {
  if (where.view === "history") histories.all.show(undefined, config.revision);
  else if (where.name) histories.variable.show(where.name, config.revision);
}

function say(text, kind = "good") {
  page.said.dataset.kind = text && kind;
  setText(page.saidText, text);
}

function showToken() { page.forget.hidden = !token.get(); }

function needToken(text) {
  const isNew = page.needed.hidden;
  page.needed.hidden = false;
  page.work.hidden = true;
  if (token.get()) sayAt(page.neededField, page.neededError, visible(text));
  token.forget();
  showToken();
  if (isNew) page.neededField.focus();
}

function forgetToken() {
  token.forget();
  showToken();
  etag = "";  // what is shown may not be for everybody: it is asked for again
  say("The token is forgotten.");
  refresh();
}

function giveToken(event) {
  event.preventDefault();
  const text = page.neededField.value.trim();
  if (!TOKEN.test(text)) return sayAt(page.neededField, page.neededError, NO_TOKEN);
  token.set(text);
  showToken();
  return refresh();
}

// Asks for all that is set and known, if it is not what is shown.
async function look() {
  for (;;) {
    const values = await ask("GET", urlOf("values"), { ifNoneMatch: etag });
    if (!values.body) return;
    const variables = await ask("GET", urlOf("variables"));
    if (variables.etag !== values.etag) continue;
    config = new Config(variables.body, values.body);
    etag = values.etag;
    page.needed.hidden = true;
    page.neededField.value = "";
    sayAt(page.neededField, page.neededError, "");
    show();
    return;
  }
}

async function refresh() {
  isAsked = true;
  if (isLooking) return;
  clearTimeout(timer);
  isLooking = true;
  try {
    isAsked = false;
    await look();
    showHistory();  // which may have failed to come
    lostAt = null;
    setText(page.state, config.revision ? `Revision ${config.revision}` : "Nothing is set yet");
    document.body.dataset.state = "good";
  } catch (error) {
    lost(error);
  } finally {
    isLooking = false;
    if (!document.hidden && page.needed.hidden) timer = setTimeout(refresh, isAsked ? 0 : LOOK_EVERY_MS);
  }
}

function lost(error) {
  if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
  if (error.status === 401 || error.status === 403) return needToken(error.message);
  lostAt ??= new Date().toTimeString().slice(0, 8);
  document.body.dataset.state = "bad";
  return setText(page.state, `No news since ${lostAt}: ${visible(error.message)}. Trying again.`);
}

addEventListener("hashchange", arrive);
addEventListener("online", refresh);
document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else refresh(); });
document.addEventListener("keydown", (event) => {
  const isTyping = /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  const isElsewhere = review.dialog.open || page.values.hidden;
  if (event.key !== "/" || isTyping || isElsewhere || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  list.filter.focus();
});
page.needed.addEventListener("submit", giveToken);
page.forget.addEventListener("click", forgetToken);
byId("said-close").addEventListener("click", () => say(""));
showToken();
arrive();
refresh();
