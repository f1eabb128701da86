// One variable: what it is, which value wins, and who has changed it.

const variable = {
  pane: byId("variable"), body: byId("variable-body"), empty: byId("variable-empty"), name: byId("variable-name"),
  about: byId("variable-about"), levels: byId("levels"), elsewhere: byId("elsewhere"), schema: byId("schema"),
  history: byId("variable-history"),
};

function showVariable(config, place) {
  const isChosen = NAME.test(place.name);
  variable.body.hidden = !isChosen;
  variable.empty.hidden = isChosen;
  document.body.dataset.pane = isChosen ? "variable" : "list";
  if (!isChosen) return;
  refill(variable.name, place.name, () => nameParts(place.name));
  const knowing = config.knowing(place.name, place);
  showAbout(config, place, knowing);
  showLevels(config, place);
  showElsewhere(config, place);
  showSchema(knowing);
  showEditor(config, place);
}

function showAbout(config, place, knowing) {
  const descriptions = [...new Set(knowing.map((each) => each.description).filter(Boolean))];
  const services = config.knowing(place.name, EVERYBODY).map((each) => each.service);
  const who = place.service ? `Service ${place.service} has not` : "No service has";
  const words = [
    knowing.length === 0 && `${who} told that it knows this variable.`,
    services.length > 0 && `Known to: ${services.join(", ")}.`,
  ].filter(Boolean).join(" ");
  refill(variable.about, [descriptions, words], () => [
    ...descriptions.map((text) => make("p", { class: "description" }, prose(text))),
    make("p", { class: "muted" }, words),
  ]);
}

// The levels of the place, the one that wins first, and the default.
function showLevels(config, place) {
  const set = levelsFor(place).map((level) => ({ level, value: config.valueOn(place.name, level) }));
  const winner = set.findIndex(({ value }) => value);
  const defaults = config.defaults(place.name, place);
  const model = [place.service, place.stage, set, defaults];
  refill(variable.levels, model, () => [
    ...set.map(({ level, value }, index) => levelRow(level, value, standing(index, winner, value))),
    defaultRow(defaults, winner < 0),
  ]);
}

function standing(index, winner, value) {
  if (index === winner) return "in effect";
  return value ? "overridden" : "";
}

function levelRow(level, value, words) {
  return make("li", { class: words === "in effect" ? "winner" : "" },
    make("span", { class: "top" }, make("b", {}, levelWords(level)), words && make("span", { class: "chip" }, words)),
    make("span", { class: "value" }, wholeValue(value?.value)),
    ...(value ? [make("span", { class: "by" }, authorship(value)), ...value.errors.map(misfit)] : []));
}

function misfit({ path, text, services = [] }) {
  return make("span", { class: "mark wrong" }, visible(`does not fit: ${problemWords(path, text, services)}`));
}

function defaultRow(defaults, isWinner) {
  const words = isWinner && defaults.length > 0 ? "in effect" : "";
  const values = defaults.map(({ value, services }) => make("span", { class: "value" },
    defaults.length > 1 && `${services.join(", ")}: `, wholeValue(value)));
  return make("li", { class: words ? "winner" : "" },
    make("span", { class: "top" }, make("b", {}, "default"), words && make("span", { class: "chip" }, words)),
    ...(values.length ? values : [make("i", {}, "not known here: that of the service's own code")]));
}

// Who does not get what is set here.
function showElsewhere(config, place) {
  const overriding = config.overriding(place.name, place);
  const model = overriding.map(({ service, stage, value }) => [service, stage, clipped(inOneLine(value))]);
  variable.elsewhere.hidden = model.length === 0;
  refill(variable.elsewhere, model, () => [
    make("p", {}, "What is set here does not reach these, which have a value of their own:"),
    make("ul", {}, overriding.map((each) => make("li", {}, linkTo(each), " ", shortValue(each.value)))),
  ]);
}

function linkTo({ name, service, stage }) {
  const href = hashOf({ view: "values", name, service, stage });
  return make("a", { href, "data-key": levelKey({ service, stage }) }, levelWords({ service, stage }));
}

function showSchema(knowing) {
  const schemas = new Map();
  for (const each of knowing) {
    const text = JSON.stringify(each.schema);
    schemas.set(text, [...(schemas.get(text) ?? []), each.service]);
  }
  refill(variable.schema, [...schemas], () => [...schemas].flatMap(([text, services]) => {
    const schema = parsed(text);
    return [
      make("p", {}, schemas.size > 1 && `${services.join(", ")}: `, "Expected: ", schemaWords(schema), "."),
      ...foldedOptions(schemaOptions(schema)),
    ];
  }));
}

function foldedOptions(options) {
  if (options.length === 0) return [];
  const isShort = JSON.stringify(options).length < 500;
  return [make("details", { open: isShort }, make("summary", {}, "What may stand in it"), ...optionList(options))];
}

function optionList(options) {
  if (options.length === 0) return [];
  const item = ([name, words, description, required, inner]) => make("li", {},
    make("code", {}, visible(name)), `: ${words}${required ? ", required" : ""}. `,
    make("span", { class: "muted" }, prose(description)), ...optionList(inner));
  return [make("ul", { class: "options" }, options.map(item))];
}
