// What runs said of their metrics with `define_metric`: {name, glob, step, hidden, goal}.
const GOALS = { 1: "minimize", 2: "maximize" };
const HIDDEN = 2;

// The list under `m` in the config: fields by their numbers in the protocol.
export function definitionsOf(list) {
  const entries = Array.isArray(list) ? list.filter((entry) => entry && typeof entry === "object") : [];
  return entries.map((entry) => ({
    name: entry[1] ?? null,
    prefix: typeof entry[2] === "string" ? entry[2].replace(/\*$/, "") : null,
    step: list[entry[5] - 1]?.[1] ?? null,
    hidden: Array.isArray(entry[6]) && entry[6].includes(HIDDEN),
    goal: GOALS[entry[8]] ?? null,
  }));
}

const NONE = { step: null, hidden: false, goal: null };

// What counts for a metric: its own definition, else the longest pattern that it fits.
export function definitionOf(definitions, metric) {
  const own = definitions.find((each) => each.name === metric);
  const [pattern] = definitions.filter((each) => each.prefix !== null && metric.startsWith(each.prefix)).sort((a, b) => b.prefix.length - a.prefix.length);
  if (!own) return pattern ?? NONE;
  return { ...own, step: own.step ?? pattern?.step ?? null };
}
