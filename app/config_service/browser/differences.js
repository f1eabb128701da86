// What differs between two values, line by line.

const CONTEXT_LINES = 2;
const COMPARED_PAIRS = 1000000;  // of lines; where there are more, all of the old ones go and all of the new ones come

// Returns [kind, line] for each line, where kind is "same", "out" or "in".
function differences(old, now) {
  let start = 0, end = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  const rest = Math.min(old.length, now.length) - start;
  while (end < rest && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const middle = changed(old.slice(start, old.length - end), now.slice(start, now.length - end));
  const as = (kind) => (line) => [kind, line];
  return [...old.slice(0, start).map(as("same")), ...middle, ...old.slice(old.length - end).map(as("same"))];
}

function changed(old, now) {
  const lines = [];
  let row = 0, column = 0;
  if (old.length * now.length <= COMPARED_PAIRS) {
    const common = longestCommon(old, now);
    while (row < old.length && column < now.length) {
      if (old[row] === now[column]) lines.push(["same", old[row]]), row += 1, column += 1;
      else if (common[row + 1][column] >= common[row][column + 1]) lines.push(["out", old[row]]), row += 1;
      else lines.push(["in", now[column]]), column += 1;
    }
  }
  const rest = [...old.slice(row).map((line) => ["out", line]), ...now.slice(column).map((line) => ["in", line])];
  return [...lines, ...rest];
}

// Returns how many lines the rests of both from each pair of lines on have in common.
function longestCommon(old, now) {
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = now.length - 1; column >= 0; column -= 1) {
      common[row][column] = old[row] === now[column]
        ? common[row + 1][column + 1] + 1
        : Math.max(common[row + 1][column], common[row][column + 1]);
    }
  }
  return common;
}

// Leaves out what is the same, but for some lines around what is not.
function abridged(lines) {
  const isNear = (index) => lines.slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
    .some(([kind]) => kind !== "same");
  const kept = [];
  lines.forEach((line, index) => {
    if (isNear(index)) kept.push(line);
    else if (kept.at(-1)?.[0] === "left-out") kept.at(-1)[1].push(line);
    else kept.push(["left-out", [line]]);
  });
  return kept.flatMap(([kind, rest]) => (kind === "left-out" && rest.length === 1 ? rest : [[kind, rest]]));
}
