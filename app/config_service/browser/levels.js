// On which level a value is set, which one a service gets, and who knows the variable.

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/;
const EVERYBODY = { service: "", stage: "" };

// The levels that hold for somebody, the one that wins first.
function levelsFor({ service, stage }) {
  const levels = [{ service, stage }, { service, stage: "" }, { service: "", stage }, EVERYBODY];
  return levels.filter((level, index) => levels.findIndex((each) => levelKey(each) === levelKey(level)) === index);
}

function levelKey({ service, stage }) { return `${service} ${stage}`; }  // no name has a blank

function levelWords({ service, stage }) {
  const words = [service && `service ${service}`, stage && `stage ${stage}`].filter(Boolean).join(", ");
  return words || "everybody";
}

// All that the service has told: what is set, and what is known of variables.
class Config {
  constructor(variables, values) {
    this.revision = values.revision;
    this.stages = variables.stages;
    this.services = variables.services.map((each) => each.name);
    this.known = new Map(variables.variables.map((each) => [each.name, each.services]));
    this.values = new Map();
    for (const each of values.values) {
      if (!this.values.has(each.name)) this.values.set(each.name, new Map());
      this.values.get(each.name).set(levelKey(each), each);
    }
  }

  names() { return [...new Set([...this.known.keys(), ...this.values.keys()])].sort(); }
  valueOn(name, level) { return this.values.get(name)?.get(levelKey(level)); }
  setLevels(name) { return [...(this.values.get(name)?.values() ?? [])]; }

  // What the services say of a variable that a level reaches.
  knowing(name, level) {
    const all = this.known.get(name) ?? [];
    return level.service ? all.filter((each) => each.service === level.service) : all;
  }

  // Different defaults, each with the services that have it.
  defaults(name, level) {
    const services = new Map();
    for (const each of this.knowing(name, level)) {
      if (!("default" in each)) continue;
      const text = JSON.stringify(each.default);
      services.set(text, [...(services.get(text) ?? []), each.service]);
    }
    return [...services].map(([text, who]) => ({ value: parsed(text), services: who }));
  }

  // What somebody gets: the value that is set, or the default; neither: undefined.
  effective(name, where) {
    for (const level of levelsFor(where)) {
      const value = this.valueOn(name, level);
      if (value) return value;
    }
    const defaults = this.defaults(name, where);
    return defaults.length === 1 ? { value: defaults[0].value, isDefault: true } : undefined;
  }

  // Whether somebody has to do with a variable.
  concerns(name, where) {
    return this.knowing(name, where).length > 0 || levelsFor(where).some((level) => this.valueOn(name, level));
  }

  // Values of other levels that win over one that is set on this level, for some.
  overriding(name, level) {
    return this.setLevels(name).filter((each) => levelKey(each) !== levelKey(level) && wins(each, level));
  }
}

function wins(one, other) {
  const meet = (key) => one[key] === "" || other[key] === "" || one[key] === other[key];
  return meet("service") && meet("stage") && rank(one) > rank(other);
}

function rank({ service, stage }) { return (service ? 2 : 0) + (stage ? 1 : 0); }
