// Who has changed what, when and why; and the way back.

const PAGE_SIZE = 50;

// A list of changes: of one variable, or of all.
class History {
  constructor(rows, more) {
    Object.assign(this, { rows, more, name: undefined, wanted: PAGE_SIZE, shown: undefined });
    more.addEventListener("click", () => this.showMore());
  }

  // Shows the changes of a variable (undefined: of all), if they are not there yet.
  async show(name, revision) {
    if (name !== this.name) Object.assign(this, { name, wanted: PAGE_SIZE, shown: undefined });
    const shown = `${revision} ${this.wanted}`;
    if (this.shown === shown) return;
    this.shown = shown;
    try {
      const { changes, before } = await latestChanges({ name }, this.wanted);
      if (this.shown === shown && this.name === name) this.fill(name, changes, before);
    } catch (error) {
      this.shown = undefined;
      lost(error);
    }
  }

  fill(name, changes, before) {
    this.more.hidden = before === null;
    refill(this.rows, [name, changes.map((each) => each.revision)], () => (changes.length
      ? changes.map((change) => changeRow(change, name === undefined))
      : [make("li", { class: "muted" }, "No changes yet.")]));
  }

  showMore() {
    this.wanted += PAGE_SIZE;
    show();
  }
}

function changeRow(change, isOfAll) {
  const { revision, name, service, stage, value, previous } = change;
  const back = make("button", {
    "type": "button", "class": "plain", "data-key": `back ${revision}`, "click": () => reviewRollback(change, isOfAll),
    "aria-label": `Roll back to revision ${revision}...`,
  }, "Roll back...");
  const link = { "href": hashOf({ view: "values", name, service, stage }), "data-key": `to ${revision}` };
  const what = isOfAll ? [make("a", link, nameParts(name)), " for "] : [];
  return make("li", {},
    make("span", { class: "top" }, make("span", {}, what, make("b", {}, levelWords({ service, stage }))), back),
    make("span", { class: "by" }, authorship(change)),
    difference(previous, value));
}

const histories = {
  all: new History(byId("all-changes"), byId("more-changes")),
  variable: new History(byId("variable-changes"), byId("more-variable-changes")),
};
