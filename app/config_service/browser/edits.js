// The changes that are reviewed before they are made: setting a value, removing it.

const UNTIL_THEN = "Services get it at their next update.";

// What is there now, and the ETag that it is seen with.
async function present(target) {
  const { service, stage } = target;
  const { body, etag } = await ask("GET", urlOf("value", { service, stage }, target.name));
  return { current: body, etag };
}

// Runs what asks the config service, and says so where it does not answer.
async function trying(act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof NoAnswer || error instanceof Refusal)) throw error;
    if (error.status === 401 || error.status === 403) return needToken(error.message);
    const words = `The config service did not answer as it should (${visible(error.message)}).`;
    say(`${words} What you have typed is still here; try again.`, "bad");
  }
  return undefined;
}

function reviewSetting(draft) {
  return trying(async () => {
    if (!placesTyped(draft)) return;
    const seen = await present(draft.target);
    const text = draft.text, value = parsed(text);
    if (isSame(seen.current, value)) return complain(draft, [{ text: "This is what is set already." }]);
    const isUnknown = config.knowing(draft.target.name, draft.target).length === 0;
    const plan = {
      title: `Set ${draft.target.name}`, save: "Save", unknown: isUnknown, about: reachOf(draft.target),
      changes: [{ target: draft.target, old: seen.current.value, now: value }],
      refused: (refusal) => tellBeside(draft, refusal),
      async act(why, allowUnknown) {
        const { body } = await setValue(draft.target, text, why, allowUnknown, seen.etag);
        settle(draft, body);
        return savedWords(body);
      },
      async overtaken({ current }) {
        seen.etag = `"${current.revision}"`;
        plan.changes = [{ target: draft.target, old: current.value, now: value }];
        plan.save = "Save mine instead";
        if (!isSame(current, value)) return { notice: overtakenWords(current) };
        settle(draft, current);
        return { done: `${draft.target.name} has this value by now: ${byWords(current)}.` };
      },
    };
    openReview(plan);
    if (draft.base !== (seen.current.is_set ? seen.current.revision : 0)) sayInReview(overtakenWords(seen.current));
  });
}

function reviewRemoval(target) {
  return trying(async () => {
    const seen = await present(target);
    if (!seen.current.is_set) {
      say(`${target.name}: nothing is set for ${levelWords(target)} any more.`);
      return refresh();
    }
    const plan = {
      title: `Remove ${target.name}`, save: "Remove", about: [make("p", {}, ...insteadOf(target))],
      changes: [{ target, old: seen.current.value, now: undefined }],
      async act(why) {
        const { body } = await removeValue(target, why, seen.etag);
        return `Revision ${body.revision}: ${target.name} is removed for ${levelWords(target)}. ${UNTIL_THEN}`;
      },
      async overtaken({ current }) {
        seen.etag = `"${current.revision}"`;
        if (!current.is_set) return { done: `${target.name} is removed by now: ${byWords(current)}.` };
        plan.changes = [{ target, old: current.value, now: undefined }];
        plan.save = "Remove theirs";
        return { notice: overtakenWords(current) };
      },
    };
    openReview(plan);
  });
}

function isSame(current, value) { return current.is_set && written(current.value) === written(value); }

// What is typed is what is set.
function settle(draft, { revision }) { Object.assign(draft, { filled: draft.text, base: revision, errors: [] }); }

function byWords({ revision, who }) { return `revision ${revision}, by ${visible(who)}`; }

function savedWords({ revision, name, service, stage }) {
  return `Revision ${revision}: ${name} is set for ${levelWords({ service, stage })}. ${UNTIL_THEN}`;
}

function overtakenWords({ is_set: isSet, value, who, why, revision }) {
  const what = isSet ? `set it to ${clipped(inOneLine(value))}` : "removed it";
  return `Changed meanwhile: ${visible(who)} has ${what} (revision ${revision}, "${visible(why)}"). `
    + "Yours is not saved. Decide anew: what is shown here would replace that.";
}

// Who gets what is set for a target, and who does not.
function reachOf(target) {
  const reached = target.service ? [target.service] : config.services;
  const on = target.stage && ` on stage ${target.stage}`;
  const who = make("p", {}, reached.length ? `Reaches ${reached.join(", ")}${on}.` : "No service is known yet.");
  const overriding = config.overriding(target.name, target);
  if (overriding.length === 0) return [who];
  const not = overriding.map((each) => make("li", {}, levelWords(each), ": ", shortValue(each.value)));
  return [who, make("p", {}, "But not those with a value of their own:"), make("ul", {}, not)];
}

// What is got once nothing is set for a target.
function insteadOf(target) {
  const level = levelsFor(target).slice(1).find((each) => config.valueOn(target.name, each));
  if (level) {
    return [`Then the value for ${levelWords(level)} holds: `, shortValue(config.valueOn(target.name, level).value)];
  }
  const defaults = config.defaults(target.name, target);
  if (defaults.length === 0) return ["Then services have the defaults of their own code."];
  const each = ({ value, services }) => [shortValue(value), ` (${services.join(", ")}) `];
  return ["Then the default holds: ", ...defaults.flatMap(each)];
}
