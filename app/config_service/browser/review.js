// The dialog that shows what is about to be changed, and asks why, and for the token.

const review = {
  dialog: byId("review"), title: byId("review-title"), about: byId("review-about"), scope: byId("review-scope"),
  changes: byId("review-changes"), notice: byId("review-notice"), why: byId("why"), whyError: byId("why-error"),
  unknown: byId("unknown"), unknownBox: byId("unknown-box"), tokenBox: byId("token-box"), token: byId("token"),
  tokenError: byId("token-error"), save: byId("review-save"), cancel: byId("review-cancel"),
  plan: null, isBusy: false,
};

// A plan: { title, about, scope, save, changes: [{ target, old, now }] or null while they are looked up, unknown,
// act: async (why, allowUnknown) => what to say of it, overtaken: async (refusal) => what to say instead,
// refused: (refusal) => what tells of it elsewhere, once this is closed; undefined if it is to be told here }
function openReview(plan) {
  if (review.dialog.open) return;
  if (review.plan?.title !== plan.title) review.why.value = "";
  Object.assign(review, { plan, isBusy: false });
  review.token.value = "";
  review.unknown.checked = false;
  showTokenBox(!token.get());
  sayInReview();
  showPlan();
  review.dialog.showModal();
  review.why.focus();
}

function showPlan() {
  const { plan } = review;
  setText(review.title, plan.title);
  review.about.replaceChildren(...(plan.about ?? []));
  if (plan.scope !== review.scope.firstElementChild) review.scope.replaceChildren(...(plan.scope ? [plan.scope] : []));
  review.changes.replaceChildren(...changesShown(plan.changes));
  review.unknownBox.hidden = !plan.unknown;
  setText(review.save, review.isBusy ? "Saving..." : plan.save);
  const cannot = review.isBusy || !plan.changes?.length;
  review.save.setAttribute("aria-disabled", String(cannot));
  review.cancel.setAttribute("aria-disabled", String(review.isBusy));
}

function changesShown(changes) {
  if (!changes) return [make("p", {}, "Looking up what will change...")];
  if (changes.length === 0) return [make("p", {}, "Nothing: all is so already.")];
  return changes.map(({ target, old, now }) => make("div", { class: "change" },
    make("p", { class: "target" }, make("b", {}, target.name), ` for ${levelWords(target)}`), difference(old, now)));
}

function sayInReview(notice = "", why = "", tokenWrong = "") {
  setText(review.notice, notice);
  sayAt(review.why, review.whyError, why);
  sayAt(review.token, review.tokenError, tokenWrong);
}

function sayAt(field, place, text) {
  setText(place, text);
  field.setAttribute("aria-invalid", String(text !== ""));
  if (text) place.scrollIntoView({ block: "nearest" });
}

function showTokenBox(isShown) { review.tokenBox.hidden = !isShown; }

function askForTokenAgain(text) {
  showTokenBox(true);
  review.token.select();
  review.token.focus();
  sayInReview("", "", text);
}

async function submitReview(event) {
  event.preventDefault();
  if (review.save.getAttribute("aria-disabled") === "true") return;
  const why = review.why.value.trim();
  sayInReview();
  if (!why) {
    sayInReview("", "Say why, for those who will read the history.");
    return review.why.focus();
  }
  if (!review.tokenBox.hidden && !takeToken(review.token.value.trim())) return;
  const { plan } = review;
  Object.assign(review, { isBusy: true });
  showPlan();
  try {
    done(await plan.act(why, review.unknown.checked));
  } catch (error) {
    await failed(error);
  } finally {
    review.isBusy = false;
    if (review.dialog.open) showPlan();
  }
}

function takeToken(text) {
  if (!TOKEN.test(text)) {
    askForTokenAgain(text ? NO_TOKEN : "A token is needed to change something.");
    return false;
  }
  token.set(text);
  showToken();
  return true;
}

function done(news) {
  review.why.value = "";
  review.token.value = "";
  review.dialog.close();
  say(news);
  refresh();
}

async function failed(error) {
  if (error instanceof NoAnswer) {
    sayInReview(`The config service did not answer (${error.message}). Whether the change was made is not known; `
      + "what you typed is still here. Try again: nothing can be changed twice.");
  } else if (error instanceof Refusal) {
    await (REFUSALS[error.status] ?? otherRefusal)(error);
  } else {
    sayInReview(`This page has failed: ${error.message}`);
    throw error;
  }
}

const REFUSALS = {
  400: refusedValue, 401: refusedToken, 403: refusedToken, 412: overtaken, 422: refusedValue,
};

function refusedToken(refusal) {
  token.forget();
  showToken();
  askForTokenAgain(visible(refusal.message));
}

async function overtaken(refusal) {
  try {
    const news = await review.plan.overtaken(refusal);
    if (news.done) done(news.done);
    else sayInReview(news.notice);
  } catch (error) {
    if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
    sayInReview(`Something was changed meanwhile; what, the config service does not say (${error.message}). Try again.`);
  }
}

function refusedValue(refusal) {
  const tell = review.plan.refused?.(refusal);
  const ofReason = refusal.errors.filter((each) => each.path[0] === "why" && refusal.status === 400);
  if (ofReason.length > 0) {
    sayInReview("", visible(ofReason.map((each) => each.text).join("; ")));
    review.why.focus();
  } else if (tell) {
    review.dialog.close();
    tell();  // the focus goes where that sends it
  } else {
    const texts = refusal.errors.map(({ name, path, text, services }) => (
      problemWords(name === undefined ? path : [name, ...path], text, services)));
    sayInReview(visible(texts.join("\n") || refusal.message));
  }
}

function otherRefusal(refusal) { sayInReview(visible(refusal.message)); }

byId("review-form").addEventListener("submit", submitReview);
review.why.addEventListener("input", () => sayAt(review.why, review.whyError, ""));
review.cancel.addEventListener("click", () => { if (!review.isBusy) review.dialog.close(); });
review.dialog.addEventListener("cancel", (event) => { if (review.isBusy) event.preventDefault(); });
