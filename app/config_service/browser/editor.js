// The field in which a value is changed. What is typed stays until it is saved or taken back.

const editor = {
  form: byId("editor"), title: byId("editor-title"), notice: byId("editor-notice"), field: byId("field"),
  errors: byId("field-errors"), format: byId("format"), undo: byId("undo"), remove: byId("remove"),
  asJson: byId("as-json"), asJsonBox: byId("as-json-box"), control: null, draft: null,
};
// What is being changed, by variable and level: { target, text (JSON), filled (the text it began with), base (the
// revision that was set then; 0: none), errors, asJson }
const drafts = new Map();

function targetOf({ name, service, stage }) { return { name, service, stage }; }
function targetKey(target) { return `${target.name} ${levelKey(target)}`; }
function isDirty(draft) { return draft.text !== draft.filled; }

function showEditor(config, place) {
  const target = targetOf(place), key = targetKey(target);
  const present = config.valueOn(place.name, place);
  if (!drafts.has(key)) drafts.set(key, { target, text: "", filled: "", base: 0, errors: [], asJson: false });
  const draft = drafts.get(key);
  const isOther = editor.draft !== draft;
  if (!isDirty(draft)) fill(draft, config, present);
  editor.draft = draft;
  setText(editor.title, `Value for ${levelWords(target)}`);
  editor.remove.hidden = !present;
  showOvertaken(draft, present);
  showControl(config, isOther);
  showErrors();
}

function fill(draft, config, present) {
  const inherited = present ?? config.effective(draft.target.name, draft.target);
  const text = inherited ? written(inherited.value) : "";
  if (text !== draft.filled) draft.errors = [];
  Object.assign(draft, { text, filled: text, base: present?.revision ?? 0 });
}

function showOvertaken(draft, present) {
  const isOvertaken = isDirty(draft) && draft.base !== (present?.revision ?? 0);
  editor.notice.hidden = !isOvertaken;
  if (!isOvertaken) return;
  refill(editor.notice, [targetKey(draft.target), present], () => [
    make("p", {}, "Changed meanwhile; what you have typed is still here. Now there is: ", shortValue(present?.value)),
    ...(present ? [make("p", { class: "by" }, authorship(present))] : []),
    make("button", { type: "button", "data-key": "theirs", click: takeTheirs }, "Take that, drop mine"),
  ]);
}

function takeTheirs() {
  Object.assign(editor.draft, { text: editor.draft.filled, errors: [] });
  show();
  editor.control.focus();
}

function showControl(config, isOther) {
  const { draft } = editor;
  const schemas = config.knowing(draft.target.name, draft.target).map((each) => each.schema);
  const fitting = controlFor(schemas, draft.filled);
  const kind = draft.asJson ? "json" : fitting;
  editor.asJsonBox.hidden = fitting === "json";
  editor.asJson.checked = draft.asJson;
  editor.format.hidden = kind !== "json";
  const shown = `${kind} ${kind === "choice" ? choicesOf(schemas[0]).join() : ""}`;
  if (isOther || editor.field.dataset.shown !== shown) {
    editor.field.dataset.shown = shown;
    editor.control = CONTROLS[kind].make(schemas[0], draft);
    editor.field.replaceChildren(editor.control);
  }
  editor.undo.hidden = !isDirty(draft);
  if (CONTROLS[kind].read(editor.control.value) !== draft.text) editor.control.value = CONTROLS[kind].write(draft.text);
}

// How the JSON of a draft is shown in a control, and read from it.
const CONTROLS = {
  json: { make: makeArea, write: (text) => text, read: (text) => text },
  number: { make: () => makeInput({ inputmode: "decimal" }), write: (text) => text, read: (text) => text.trim() },
  text: { make: () => makeInput({}), write: (text) => (text ? JSON.parse(text) : ""), read: readText },
  choice: { make: makeSelect, write: (text) => text, read: (text) => text },
};
const COMMON = {
  "id": "value", "aria-describedby": "field-errors schema", "autocomplete": "off", "spellcheck": "false",
};

function readText(text) { return visible(JSON.stringify(text)); }
function kindShown() { return editor.field.dataset.shown.split(" ")[0]; }

function makeInput(attributes) { return make("input", { ...COMMON, ...attributes, type: "text", input: typed }); }

function makeArea(_schema, draft) {
  const rows = Math.min(24, Math.max(3, draft.text.split("\n").length + 1));
  return make("textarea", { ...COMMON, rows, wrap: "soft", input: typed, keydown: pressedInArea });
}

function makeSelect(schema, draft) {
  const none = draft.filled === "" ? [make("option", { value: "" }, "choose...")] : [];
  const choices = choicesOf(schema).map((text) => make("option", { value: text }, text));
  return make("select", { ...COMMON, input: typed }, none, choices);
}

function typed() {
  const { draft } = editor;
  draft.text = CONTROLS[kindShown()].read(editor.control.value);
  draft.errors = [];
  editor.undo.hidden = !isDirty(draft);
  showErrors();
}

function pressedInArea(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    editor.form.requestSubmit();
  }
}

// An error: { text, at (the index of the character, if it is known) }
function showErrors() {
  const { errors, text, target } = editor.draft;
  editor.control.setAttribute("aria-invalid", String(errors.length > 0));
  const items = () => errors.map((error) => {
    const isPlaced = error.at !== undefined && kindShown() === "json";
    const { line, column } = isPlaced ? lineAndColumn(text, error.at) : {};
    const jump = { type: "button", class: "plain", click: () => jumpTo(error.at) };
    const button = isPlaced && make("button", jump, `line ${line}, column ${column}`);
    return make("li", {}, visible(error.text), isPlaced && " ", button);
  });
  const model = [targetKey(target), errors, kindShown()];
  refill(editor.errors, model, () => (errors.length ? [make("ul", {}, items())] : []));
}

function jumpTo(at) {
  editor.control.setSelectionRange(at, at + 1);
  editor.control.blur();  // to be scrolled to what is selected, by the focus
  editor.control.focus();
}

function complain(draft, errors) {
  draft.errors = errors;
  if (editor.draft !== draft) return;
  showErrors();
  editor.control.focus();
  if (errors[0].at !== undefined && kindShown() === "json") jumpTo(errors[0].at);
  editor.errors.scrollIntoView({ block: "nearest" });
}

// Returns where each value stands in what is typed; undefined if it is no JSON, which is said.
function placesTyped(draft) {
  try {
    return placesIn(draft.text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const { line, column } = lineAndColumn(draft.text, error.at);
    complain(draft, [{ text: `no JSON, in line ${line}, column ${column}: ${error.message}`, at: error.at }]);
    return undefined;
  }
}

function formatTyped() {
  const { draft } = editor;
  if (!placesTyped(draft)) return;
  draft.text = written(parsed(draft.text));
  editor.control.value = draft.text;
  typed();
}

// Returns what tells of a refusal beside the field; undefined if it is not the value that is wrong.
function tellBeside(draft, { status, errors, message }) {
  const isOfValue = status === 422;
  const ours = errors.filter((each) => isOfValue || each.path[0] === "value");
  if (ours.length === 0 && !isOfValue) return undefined;
  const places = placesIn(draft.text);
  const told = ours.map(({ path, text, services = [] }) => {
    const inner = isOfValue ? path : path.slice(1);
    return { text: problemWords(inner, text, services), at: nearestPlace(places, inner) };
  });
  return () => complain(draft, told.length ? told : [{ text: message }]);
}

// The place of what a path leads to; of what holds it, if that is missing.
function nearestPlace(places, path) {
  for (let length = path.length; length > 0; length -= 1) {
    const at = places.get(pathKey(path.slice(0, length)));
    if (at !== undefined) return at;
  }
  return undefined;
}

editor.form.addEventListener("submit", (event) => { event.preventDefault(); reviewSetting(editor.draft); });
editor.format.addEventListener("click", formatTyped);
editor.undo.addEventListener("click", takeTheirs);
editor.remove.addEventListener("click", () => reviewRemoval(editor.draft.target));
editor.asJson.addEventListener("change", () => { editor.draft.asJson = editor.asJson.checked; show(); });
addEventListener("beforeunload", (event) => { if ([...drafts.values()].some(isDirty)) event.preventDefault(); });
