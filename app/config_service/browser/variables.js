// The list of variables, and the choice of the service and the stage.

const OTHER = " ";  // no name is a blank
const list = {
  rows: byId("rows"), filter: byId("filter"), onlySet: byId("only-set"), count: byId("count"), another: byId("another"),
  otherForm: byId("other-form"), other: byId("other"), otherLabel: byId("other-label"), otherError: byId("other-error"),
};
const selects = { service: byId("service"), stage: byId("stage") };
const EVERY = { service: "all services", stage: "all stages" };

function showWhere(config, place) {
  const names = { service: config.services, stage: config.stages };
  for (const [kind, select] of Object.entries(selects)) {
    const options = [...new Set([...names[kind], place[kind]])].filter(Boolean).sort();
    refill(select, options, () => [
      make("option", { value: "" }, EVERY[kind]),
      ...options.map((name) => make("option", { value: name }, name)),
      make("option", { value: OTHER }, `another ${kind}...`),
    ]);
    if (list.otherForm.hidden || list.otherForm.dataset.kind !== kind) select.value = place[kind];
  }
}

function chooseWhere(kind) {
  const chosen = selects[kind].value;
  list.otherForm.hidden = chosen !== OTHER;
  if (chosen !== OTHER) return go({ [kind]: chosen });
  list.otherForm.dataset.kind = kind;
  setText(list.otherLabel, `Name of the ${kind}`);
  sayAt(list.other, list.otherError, "");
  return list.other.focus();
}

function chooseOther(event) {
  event.preventDefault();
  const { kind } = list.otherForm.dataset;
  const name = list.other.value.trim();
  if (!NAME.test(name)) {
    const words = "A name has letters, digits, '_', '.' and '-', 200 at most, and does not begin with '.' or '-'.";
    return sayAt(list.other, list.otherError, words);
  }
  closeOther();
  go({ [kind]: name });
  return selects[kind].focus();
}

function closeOther() {
  list.otherForm.hidden = true;
  list.other.value = "";
}

// What a row shows of a variable.
function rowModel(config, name, place) {
  const value = config.effective(name, place);
  const description = config.knowing(name, place)[0]?.description ?? "";
  const misfits = config.setLevels(name).some((each) => each.errors.length > 0);
  return {
    name, description, misfits,
    isSet: value !== undefined && !value.isDefault,
    value: value && clipped(inOneLine(value.value)),
    source: !value ? "" : value.isDefault ? "default" : levelWords(value),
    by: value?.who && { at: value.at, who: value.who, why: value.why, revision: value.revision },
    differs: !value && config.defaults(name, place).length > 1,
    others: config.overriding(name, place).length,
  };
}

function matches(row, filter) {
  const { who = "", why = "" } = row.by ?? {};
  const text = [row.name, row.description, row.value, row.source, who, why].join(" ").toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function showList(config, place) {
  const filter = list.filter.value.trim();
  const concerns = (name) => config.concerns(name, place) || config.overriding(name, place).length > 0;
  const all = config.names().filter(concerns).map((name) => rowModel(config, name, place));
  const isWanted = (row) => matches(row, filter) && (row.isSet || row.others > 0 || !list.onlySet.checked);
  const shown = all.filter(isWanted);
  setText(list.count, countWords(shown.length, all.length));
  showAnother(config, filter);
  showRows(shown, place);
}

// Rows that stay are the same elements as before: with the focus, and where they are scrolled to.
function showRows(shown, place) {
  const kept = new Map([...list.rows.children].map((row) => [row.dataset.name, row]));
  const rows = shown.map((row) => kept.get(row.name) ?? make("li", { "data-name": row.name }, make("a", {})));
  if (rows.length !== list.rows.childElementCount || rows.some((row, index) => list.rows.children[index] !== row)) {
    const focused = list.rows.contains(document.activeElement) ? document.activeElement : null;
    list.rows.replaceChildren(...rows);
    if (focused?.isConnected) focused.focus();
  }
  rows.forEach((row, index) => showRow(row.firstElementChild, shown[index], place));
}

function countWords(shown, all) {
  if (all === 0) return "No service has told which variables it knows, and nothing is set.";
  return shown === all ? `${all} variables` : `${shown} of ${all} variables`;
}

function showRow(link, row, place) {
  link.href = hashOf({ ...place, name: row.name });
  if (row.name === place.name) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  refill(link, row, () => [
    make("span", { class: "top" }, make("b", {}, nameParts(row.name)),
      row.source && make("span", { class: row.isSet ? "chip set" : "chip" }, row.source)),
    make("span", { class: "value" }, valueInRow(row)),
    make("span", { class: "by" }, row.by ? authorship(row.by) : prose(row.description.split("\n\n")[0])),
    row.others > 0 && make("span", { class: "mark" }, `${row.others} override${row.others === 1 ? "" : "s"} elsewhere`),
    row.misfits && make("span", { class: "mark wrong" }, "a value does not fit its schema"),
  ].filter(Boolean));
}

function focusRow(name) {
  [...list.rows.children].find((row) => row.dataset.name === name)?.firstElementChild.focus();
}

function valueInRow(row) {
  if (row.value !== undefined) return make("code", {}, row.value);
  return make("i", {}, row.differs ? "defaults differ by service" : "no value");
}

// A way to set what no service has told about.
function showAnother(config, filter) {
  const isNew = NAME.test(filter) && filter.length >= 3 && !config.names().includes(filter);
  const href = hashOf({ ...where, name: filter });
  const link = () => make("a", { href, "data-key": "another" }, `Set ${filter}, which no service knows`);
  refill(list.another, isNew && href, () => (isNew ? [link()] : []));
}

function pressedInFilter(event) {
  const [first] = list.rows.children;
  if (event.key === "Enter" && first) go({ name: first.dataset.name });
  if (event.key !== "Escape") return;
  list.filter.value = "";
  show();
}

for (const kind of Object.keys(selects)) selects[kind].addEventListener("change", () => chooseWhere(kind));
list.otherForm.addEventListener("submit", chooseOther);
byId("other-cancel").addEventListener("click", () => { closeOther(); show(); });
list.filter.addEventListener("input", () => show());
list.filter.addEventListener("keydown", pressedInFilter);
list.onlySet.addEventListener("change", () => show());
