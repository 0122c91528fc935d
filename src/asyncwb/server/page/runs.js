// What is asked about runs, in lists and one by one.
import { graphql, everything, forEach } from "./api.js";
import { config, flatten, lasted, parse } from "./format.js";
import { chartsOf } from "./presets.js";
import { definitionOf, definitionsOf } from "./definitions.js";

const AT_ONCE = 1000; // runs that are asked for by name
const FIELDS = `id name displayName state tags group jobType notes createdAt heartbeatAt sweepName
  historyLineCount config summaryMetrics user { username name }`;

const PAGE = `query Runs($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) { readOnly runs(filters: $filters, order: $order, first: $first, after: $after) {
    totalCount edges { node { ${FIELDS} } } pageInfo { endCursor hasNextPage } } } }`;

const LIVE = `query Live($entity: String, $project: String, $filters: JSONString, $first: Int) {
  project(name: $project, entityName: $entity) { runs(filters: $filters, order: "-created_at", first: $first) {
    totalCount edges { node { name state historyLineCount heartbeatAt } } } } }`;

const KEYS = `query Keys($entity: String, $project: String, $filters: JSONString, $first: Int) {
  project(name: $project, entityName: $entity) { runs(filters: $filters, first: $first) {
    edges { node { name historyKeys } } } } }`;

export const named = (names) => JSON.stringify({ name: { $in: names } });

export function asRun(node) {
  const given = parse(node.config);
  const settings = given._wandb?.value ?? {};
  return {
    ...node, config: flatten(config(given)), summary: flatten(parse(node.summaryMetrics)),
    settings, charts: chartsOf(settings), definitions: definitionsOf(settings.m),
  };
}

export async function pageOfRuns(place, { filters, order, first = 100, after = null }) {
  const { project } = await graphql(PAGE, { ...place, filters, order, first, after });
  if (!project) throw new Error("There is no such project, or you may not see it.");
  const { totalCount, edges, pageInfo } = project.runs;
  return { total: totalCount, readOnly: project.readOnly, runs: edges.map((edge) => asRun(edge.node)), next: pageInfo.hasNextPage ? pageInfo.endCursor : null };
}

export async function allRuns(place, { filters, order }, most) {
  const variables = { ...place, filters, order, first: 500 };
  return (await everything(PAGE, variables, ({ project }) => project?.runs, most)).map(asRun);
}

// Of all runs of these names what a query asks of each; it takes filters and a number.
export async function inParts(query, place, names) {
  const found = [];
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const { project } = await graphql(query, { ...place, filters: named(names.slice(start, start + AT_ONCE)), first: AT_ONCE });
    found.push(...project.runs.edges.map((edge) => edge.node));
  }
  return found;
}

export async function liveRuns(place, filters, first) {
  const { project } = await graphql(LIVE, { ...place, filters, first });
  return project.runs.edges.map((edge) => edge.node);
}

// Types of the metrics of runs: {key: Set of types}.
export async function metricsOf(place, names) {
  const types = new Map();
  for (const node of await inParts(KEYS, place, names)) {
    for (const [key, { typeCounts }] of Object.entries(node.historyKeys?.keys ?? {})) {
      if (!types.has(key)) types.set(key, new Set());
      for (const { type } of typeCounts) types.get(key).add(type);
    }
  }
  return types;
}

// What has a chart of its own: numbers that nobody asked to hide.
export const numbersOf = (types, definitions = []) =>
  [...types].filter(([key, kinds]) => kinds.has("number") && !key.startsWith("_") && !definitionOf(definitions, key).hidden).map(([key]) => key);

export async function changeRun(id, values) {
  await graphql("mutation Change($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }", { input: { id, ...values } });
}

export const deleteRuns = (ids) => forEach(ids, (id) => `deleteRun(input: {id: ${id}}) { clientMutationId }`);

// The value of a run under a column: `config.lr`, `summary.loss`, or one of its own fields.
export function cellOf(run, column) {
  if (column.startsWith("config.")) return run.config[column.slice(7)];
  if (column.startsWith("summary.")) return run.summary[column.slice(8)];
  if (column === "duration") return lasted(run);
  if (column === "user") return run.user?.username;
  return run[column];
}

// The same column for filters and orders of the server.
export const serverKey = (column) =>
  column.startsWith("summary.") ? `summary_metrics.${column.slice(8)}`
    : { displayName: "display_name", createdAt: "created_at", jobType: "job_type", sweepName: "sweep" }[column] ?? column;

export const TITLES = {
  displayName: "Name", name: "ID", state: "State", createdAt: "Created", duration: "Duration", user: "User",
  tags: "Tags", group: "Group", jobType: "Job type", notes: "Notes", sweepName: "Sweep",
};
export const titleOf = (column) => TITLES[column] ?? column.replace(/^(config|summary)\./, "");
export const label = (run) => run.displayName || run.name;
