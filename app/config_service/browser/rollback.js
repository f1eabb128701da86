// Rolling back: all, or a part, as it was right after a revision. What that changes is shown first.

// Makes a plan for the review from one change of the history.
function reviewRollback(change, isOfAll) {
  const scopes = scopesOf(change);
  const what = choice("rollback-what", "What", scopes.map(([words]) => words), isOfAll ? 0 : scopes.length - 1);
  const times = [`right after revision ${change.revision}`, `before revision ${change.revision}`];
  const when = choice("rollback-when", "As it was", times, 0);
  let etag;
  const plan = {
    title: "Roll back", save: "Roll back", changes: null,
    scope: make("div", { class: "scope" }, what.box, when.box),
    about: [make("p", {}, "Nothing is lost: a roll-back is a change of its own, and can be rolled back.")],
    async act(why, allowUnknown) {
      const { body } = await rollBack(selectionChosen(), revisionChosen(), why, allowUnknown, etag);
      if (body.changes.length === 0) return "All was so already: nothing is changed.";
      return `Revision ${body.revision}: rolled back, ${counted(body.changes.length)}. ${UNTIL_THEN}`;
    },
    async overtaken() {
      await preview();
      if (plan.changes.length === 0) return { done: "All is so by now: nothing is left to be changed." };
      const words = "Something was changed meanwhile, and nothing is rolled back yet.";
      return { notice: `${words} Decide anew: this is what it would change now.` };
    },
  };
  const selectionChosen = () => scopes[what.select.selectedIndex][1];
  const revisionChosen = () => change.revision - when.select.selectedIndex;

  async function preview() {
    const selection = selectionChosen(), revision = revisionChosen();
    const seen = await changesAfter(revision, selection);
    if (selection !== selectionChosen() || revision !== revisionChosen()) return;
    etag = seen.etag;
    plan.changes = undoing(seen.changes);
    const isUnknown = ({ target, now }) => now !== undefined && config.knowing(target.name, target).length === 0;
    plan.unknown = plan.changes.some(isUnknown);
  }

  async function showPreview() {
    plan.changes = null;
    sayInReview();
    showPlan();
    try {
      await preview();
      if (review.plan === plan) showPlan();
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
      plan.changes = [];
      sayInReview(`What would change is not known (${visible(error.message)}). Close this, and try again.`);
    }
  }

  for (const { select } of [what, when]) select.addEventListener("change", showPreview);
  openReview(plan);
  return showPreview();
}

// What may be rolled back: [words, selection].
function scopesOf({ name, service, stage }) {
  return [
    ["everything", {}],
    ...(service ? [[`all that is set for service ${service}`, { service }]] : []),
    [`${name}, on all levels`, { name }],
    [`${name} for ${levelWords({ service, stage })}`, { name, service, stage }],
  ];
}

function choice(id, label, words, selected) {
  const options = words.map((text, index) => make("option", { selected: index === selected }, text));
  const select = make("select", { id }, options);
  return { select, box: make("label", { for: id }, make("span", {}, label), select) };
}

// What is different once changes are undone, which are the latest, the last one first.
function undoing(changes) {
  const targets = new Map();
  for (const change of changes) {
    const key = targetKey(change);
    if (!targets.has(key)) targets.set(key, { target: targetOf(change), old: change.value });
    targets.get(key).now = change.previous;
  }
  return [...targets.values()].filter(({ old, now }) => written(old) !== written(now));
}

function counted(number) { return number === 1 ? "1 change" : `${number} changes`; }
