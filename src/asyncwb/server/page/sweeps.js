// Sweeps: what they try, and how their runs did.
import { html, useMemo, useLoaded, usePolling } from "./lib.js";
import { graphql, pathTo } from "./api.js";
import { setQuery } from "./router.js";
import { number } from "./format.js";
import { Moment, State, Status } from "./parts.js";
import { More, usePages } from "./pages.js";
import { allRuns, titleOf } from "./runs.js";
import { Relations, numbersIn, variedIn } from "./relations.js";

const MOST = 2000;
const SWEEPS = `query Sweeps($entity: String, $project: String, $first: Int, $after: String) { project(name: $project, entityName: $entity) {
  sweeps(first: $first, after: $after, order: "-created_at") { edges { node { name displayName method state runCount runCountExpected bestLoss createdAt } } pageInfo { endCursor hasNextPage } } } }`;
const SWEEP = `query Sweep($entity: String, $project: String, $sweep: String!) { project(name: $project, entityName: $entity) {
  sweep(sweepName: $sweep) { id name displayName method state runCount runCountExpected bestLoss createdAt config } } }`;

export function Sweeps({ place }) {
  const list = usePages(async (first, after) => (await graphql(SWEEPS, { ...place, first, after })).project?.sweeps, [place]);
  if (!list.edges.length) return html`<${Status} loading=${list.loading} error=${list.error} empty>No sweeps. <code>asyncwb.sweep()</code> makes the first.<//>`;
  return html`<section class="card"><div class="scroll-x"><table class="grid"><thead><tr><th>Sweep</th><th>State</th><th>Method</th><th class="number">Runs</th><th class="number">Best</th><th>Created</th></tr></thead><tbody>
    ${list.edges.map(({ node: sweep }) => html`<tr key=${sweep.name}><td><a href=${pathTo(place.entity, place.project, "sweeps", sweep.name)}>${sweep.displayName || sweep.name}</a></td>
      <td><${State} state=${sweep.state.toLowerCase()} /></td><td>${sweep.method}</td><td class="number">${sweep.runCount}${sweep.runCountExpected ? ` of ${sweep.runCountExpected}` : ""}</td><td class="number">${number(sweep.bestLoss)}</td><td><${Moment} at=${sweep.createdAt} /></td></tr>`)}
  </tbody></table></div><${More} of=${list} /></section>`;
}

// The optimised metric of a sweep's YAML, as clients write it.
function metricOf(config) {
  const block = /^metric:\s*\n((?:[ \t]+.*\n?)+)/m.exec(config ?? "")?.[1] ?? "";
  const read = (key) => new RegExp(`^\\s+${key}:\\s*['"]?([^'"\\n]+)`, "m").exec(block)?.[1].trim();
  return { name: read("name"), goal: read("goal") ?? "minimize" };
}

export function SweepPage({ place, name, query }) {
  const load = async () => {
    const { project } = await graphql(SWEEP, { ...place, sweep: name });
    if (!project?.sweep) return null;
    return { sweep: project.sweep, runs: await allRuns(place, { filters: JSON.stringify({ sweep: name }), order: "+created_at" }, MOST) };
  };
  const { value: found, loading, error, reload } = useLoaded(load, [place.entity, place.project, name]);
  usePolling(reload, found?.sweep.state === "RUNNING" ? 5 : 0, [name]);
  const runs = found?.runs ?? [];
  const varied = useMemo(() => variedIn(runs), [runs]);
  const metrics = useMemo(() => numbersIn("summary", runs), [runs]);
  if (!found) return html`<${Status} loading=${loading} error=${error} empty>There is no sweep ${name}, or you may not see it.<//>`;
  const { sweep } = found;
  const wanted = metricOf(sweep.config);
  const metric = query.get("metric") ?? (metrics.includes(`summary.${wanted.name}`) ? `summary.${wanted.name}` : metrics[0]);
  return html`<article class="sweep-page">
    <header class="run-head"><h1>${sweep.displayName || sweep.name}</h1><${State} state=${sweep.state.toLowerCase()} /><span class="quiet">${sweep.method} · ${sweep.runCount} runs · <${Moment} at=${sweep.createdAt} /></span>
      <a class="button" href="${pathTo(place.entity, place.project, "table")}?filter=${encodeURIComponent(JSON.stringify([["sweepName", "=", name]]))}">Table</a></header>
    <div class="toolbar"><label>Metric <select aria-label="Metric" value=${metric} onChange=${(event) => setQuery({ metric: event.target.value })}>${metrics.map((each) => html`<option key=${each} value=${each}>${titleOf(each)}</option>`)}</select></label>${runs.length >= MOST && sweep.runCount > MOST && html`<span class="count">the first ${number(MOST)} of its ${number(sweep.runCount)} runs</span>`}</div>
    ${runs.length && varied.length && metric ? html`<${Relations} runs=${runs} columns=${varied} metric=${metric} minimize=${wanted.goal !== "maximize"} place=${place} />`
      : html`<p class="notice">${runs.length ? "Its runs do not differ yet." : "No runs yet."}</p>`}
    <section class="card"><h2>Configuration</h2><pre>${sweep.config}</pre></section>
  </article>`;
}
