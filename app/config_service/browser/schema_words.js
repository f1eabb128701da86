// What a JSON Schema asks for, in words.

const OUTLINE_DEPTH = 3;
const ALTERNATIVES = 20;
const TYPES = {
  array: "a list", boolean: "true or false", integer: "a whole number", null: "null", number: "a number",
  object: "an object", string: "a text",
};
const DURATION = /^\^\(\[0-9\]\{1,9\}\)\(ms\|s\|m\|h\|d\)/;  // the pattern that services of this kit hand in
const BOUNDS = [
  ["minimum", "at least"], ["exclusiveMinimum", "more than"], ["maximum", "at most"], ["exclusiveMaximum", "less than"],
  ["multipleOf", "a multiple of"], ["minLength", "characters: at least"], ["maxLength", "characters: at most"],
  ["minItems", "entries: at least"], ["maxItems", "entries: at most"], ["minProperties", "entries: at least"],
  ["maxProperties", "entries: at most"], ["pattern", "of the form"], ["format", "format:"],
];

function resolved(schema, root) {
  for (let steps = 0; steps < OUTLINE_DEPTH && typeof schema?.$ref === "string"; steps += 1) {
    const path = schema.$ref.startsWith("#/") ? schema.$ref.slice(2).split("/") : [];
    schema = path.reduce((inner, key) => inner?.[key], root);
  }
  return schema !== null && typeof schema === "object" ? schema : {};
}

function schemaWords(given, root = given, depth = 0) {
  if (depth > OUTLINE_DEPTH) return "...";  // a schema may be within itself
  const schema = resolved(given, root);
  if ("const" in schema) return inOneLine(schema.const);
  if (schema.enum) return "one of " + schema.enum.map(inOneLine).join(", ");
  const either = schema.anyOf ?? schema.oneOf;
  if (either) {
    const words = either.slice(0, ALTERNATIVES).map((each) => schemaWords(each, root, depth + 1));
    return [...new Set(words)].join(", or ");
  }
  const types = [schema.type ?? (schema.properties ? "object" : [])].flat();
  const type = types.map((each) => TYPES[each] ?? String(each)).join(" or ") || "any value";
  const items = types.includes("array") && schema.items ? [`of ${schemaWords(schema.items, root, depth + 1)}`] : [];
  if (DURATION.test(schema.pattern)) return durationWords(schema);
  const bounds = BOUNDS.filter(([key]) => key in schema)
    .map(([key, words]) => `${words} ${typeof schema[key] === "string" ? schema[key] : inOneLine(schema[key])}`);
  return visible([[type, ...items].join(" "), ...bounds].join(", "));
}

function durationWords(schema) {
  const numbers = BOUNDS.filter(([key]) => typeof schema[key] === "number");
  const bounds = numbers.map(([key, words]) => `${words} ${schema[key]} s`);
  return ["a duration, such as 500ms, 30s, 5m or 2h (a number: seconds)", ...bounds].join(", ");
}

// The options of an object: [name, words, description, required, options within it].
function schemaOptions(given, root = given, depth = 0, isAlternative = false) {
  const schema = resolved(given, root);
  if (depth === OUTLINE_DEPTH) return [];
  const alternatives = isAlternative ? [] : (schema.anyOf ?? schema.oneOf ?? []).slice(0, ALTERNATIVES);
  const either = alternatives.flatMap((each) => schemaOptions(each, root, depth, true));
  const option = ([name, inner]) => {
    const description = resolved(inner, root).description ?? inner?.description ?? "";
    const required = (schema.required ?? []).includes(name);
    return [name, schemaWords(inner, root), description, required, schemaOptions(inner, root, depth + 1)];
  };
  const others = schema.additionalProperties;
  const entries = Object.entries(schema.properties ?? {});
  if (others !== null && typeof others === "object") entries.push(["(any key)", others]);
  return [...either, ...entries.map(option)];
}

// The control that a value is best changed with; anything may be changed as JSON.
function controlFor(schemas, text) {
  const [schema] = schemas;
  const isOne = schemas.length > 0 && schemas.every((each) => JSON.stringify(each) === JSON.stringify(schema));
  if (!isOne) return "json";
  if (schema.enum?.length <= 20 && (text === "" || schema.enum.map(written).includes(text))) return "choice";
  if (schema.type === "boolean" && ["", "true", "false"].includes(text)) return "choice";
  if (["integer", "number"].includes(schema.type) && /^[-+.\deE]*$/.test(text)) return "number";
  return schema.type === "string" && /^(?:"[^\\]{0,200}"|)$/.test(text) ? "text" : "json";
}

function choicesOf(schema) { return schema.enum ? schema.enum.map(written) : ["true", "false"]; }
