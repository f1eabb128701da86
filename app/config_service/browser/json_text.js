// JSON as a text: what stands where, what is wrong with it, and numbers with all of their digits.

const MAX_DEPTH = 64;  // the service takes nothing deeper
// What is not seen, or turns the direction of what follows. In JSON it may stand in texts only, as \u.... too.
const UNSEEN = /[\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

class JsonTextError extends Error {
  constructor(text, at) {
    super(text);
    this.at = at;  // the index of the character where it is wrong
  }
}

// Numbers that JavaScript would write otherwise (1.0, 9007199254740993) stay as they are, where the browser can.
function parsed(text) {
  return JSON.parse(text, (_key, value, context) => {
    const asWritten = context?.source;
    const differs = typeof value === "number" && asWritten !== undefined && String(value) !== asWritten;
    return differs && JSON.rawJSON ? JSON.rawJSON(asWritten) : value;
  });
}

function visible(text) {
  return text.replace(UNSEEN, (each) => "\\u" + each.charCodeAt(0).toString(16).padStart(4, "0"));
}

function written(value) { return value === undefined ? undefined : visible(JSON.stringify(value, null, 2)); }
function inOneLine(value) { return visible(JSON.stringify(value, null, 1)).replace(/\n */g, " "); }

function lineAndColumn(text, at) {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: [...before.at(-1)].length + 1 };
}

function pathKey(path) { return JSON.stringify(path); }

// Returns the index of each value by what leads to it (`pathKey`); throws a JsonTextError.
function placesIn(text) {
  const places = new Map();
  let at = 0;

  const fail = (words, where = at) => { throw new JsonTextError(words, where); };
  function run(pattern) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  }
  const skipBlanks = () => run(/[ \t\n\r]*/y);

  function value(path) {
    skipBlanks();
    places.set(pathKey(path), at);
    if (path.length > MAX_DEPTH) fail("nested deeper than " + MAX_DEPTH);
    const first = text[at];
    if (first === "{") return members("}", path, key);
    if (first === "[") return members("]", path, (_seen, index) => index);
    if (first === '"') return string();
    if (run(/(?:true|false|null)(?![\w.])/y)) return undefined;
    if (run(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y)) return undefined;
    return fail(at === text.length ? "a value is missing here" : notAValue(text.slice(at)));
  }

  function members(end, path, nameOf) {
    const seen = new Set();
    at += 1;
    skipBlanks();
    for (let index = 0; text[at] !== end; index += 1) {
      if (index > 0) comma(end);
      value([...path, nameOf(seen, index)]);
      skipBlanks();
    }
    at += 1;
  }

  function comma(end) {
    const where = at;
    if (at === text.length) fail(`the text ends, and '${end}' is missing`);
    if (text[at] !== ",") fail(`expected ',' or '${end}'`);
    at += 1;
    skipBlanks();
    if (text[at] === end) fail(`there is a comma before '${end}'`, where);
  }

  function key(seen) {
    const where = at;
    if (at === text.length) fail("the text ends, and '}' is missing");
    if (text[at] !== '"') fail("expected a key in double quotes");
    const name = string();
    if (seen.has(name)) fail(`the key ${visible(JSON.stringify(name))} is there twice`, where);
    seen.add(name);
    skipBlanks();
    if (text[at] !== ":") fail("expected ':' after the key");
    at += 1;
    return name;
  }

  function string() {
    const start = at;
    at += 1;
    for (;;) {
      run(/[^"\\\u0000-\u001f]*/y);
      if (text[at] === '"') break;
      if (at === text.length) fail("this text has no closing quote", start);
      if (text[at] !== "\\") fail("a line break or control character within a text: write it as \\n or \\u....");
      if (!run(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y)) fail("no such escape; a backslash itself is written \\\\");
    }
    at += 1;
    const name = JSON.parse(text.slice(start, at));
    if (/[\ud800-\udfff]/u.test(name)) fail("half a character in this text (a surrogate without the other)", start);
    return name;
  }

  value([]);
  skipBlanks();
  if (at < text.length) fail("something follows the value");
  return places;
}

function notAValue(rest) {
  if (/^[\w'’‘“”]/.test(rest) && !/^\d/.test(rest)) return "expected a value; a text stands in double quotes";
  return /^[-+.\d]/.test(rest) ? "not a number as JSON writes it" : "expected a value";
}
