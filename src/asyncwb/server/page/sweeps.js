// Sweeps: what they try, how their runs did, as parallel coordinates and as points.
import { html, useMemo, useRef, useState, useLoaded, usePolling, useSize } from "./lib.js";
import { graphql, pathTo } from "./api.js";
import { setQuery } from "./router.js";
import { naturally, number, value } from "./format.js";
import { Moment, State, Status } from "./parts.js";
import { allRuns, cellOf, label, titleOf } from "./runs.js";

const MOST = 2000;
const SWEEPS = `query Sweeps($entity: String, $project: String) { project(name: $project, entityName: $entity) {
  sweeps(first: 500) { edges { node { name displayName method state runCount runCountExpected bestLoss createdAt } } } } }`;
const SWEEP = `query Sweep($entity: String, $project: String, $sweep: String!) { project(name: $project, entityName: $entity) {
  sweep(sweepName: $sweep) { id name displayName method state runCount runCountExpected bestLoss createdAt config } } }`;

export function Sweeps({ place }) {
  const load = async () => (await graphql(SWEEPS, place)).project?.sweeps.edges.map((edge) => edge.node) ?? [];
  const { value: sweeps, loading, error } = useLoaded(load, [place.entity, place.project]);
  if (!sweeps?.length) return html`<${Status} loading=${loading} error=${error} empty>No sweeps. <code>asyncwb.sweep()</code> makes the first.<//>`;
  return html`<section class="card"><div class="scroll-x"><table class="grid"><thead><tr><th>Sweep</th><th>State</th><th>Method</th><th class="number">Runs</th><th class="number">Best</th><th>Created</th></tr></thead><tbody>
    ${sweeps.map((sweep) => html`<tr key=${sweep.name}><td><a href=${pathTo(place.entity, place.project, "sweeps", sweep.name)}>${sweep.displayName || sweep.name}</a></td>
      <td><${State} state=${sweep.state.toLowerCase()} /></td><td>${sweep.method}</td><td class="number">${sweep.runCount}${sweep.runCountExpected ? ` of ${sweep.runCountExpected}` : ""}</td><td class="number">${number(sweep.bestLoss)}</td><td><${Moment} at=${sweep.createdAt} /></td></tr>`)}
  </tbody></table></div></section>`;
}

// The optimised metric of a sweep's YAML, as clients write it.
function metricOf(config) {
  const block = /^metric:\s*\n((?:[ \t]+.*\n?)+)/m.exec(config ?? "")?.[1] ?? "";
  const read = (key) => new RegExp(`^\\s+${key}:\\s*['"]?([^'"\\n]+)`, "m").exec(block)?.[1].trim();
  return { name: read("name"), goal: read("goal") ?? "minimize" };
}

// From blue (bad) to orange (good).
const shade = (share) => `color-mix(in oklab, #e8710a ${Math.round(100 * share)}%, #3d6fe0)`;
const REACH = 10; // pixels beyond the ends of an axis that still belong to it

const scaleOf = (values) => {
  const numbers = values.filter((each) => typeof each === "number" && Number.isFinite(each));
  if (numbers.length && numbers.length === values.filter((each) => each !== undefined && each !== null).length) {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const logarithmic = low > 0 && high / low > 50;
    const map = logarithmic ? Math.log : (x) => x;
    return { ends: [number(low), number(high)], at: (each) => (typeof each === "number" ? (high === low ? 0.5 : (map(each) - map(low)) / (map(high) - map(low))) : null), marks: [] };
  }
  const names = [...new Set(values.filter((each) => each !== undefined && each !== null).map(value))].sort(naturally);
  const place = (name) => (names.length > 1 ? names.indexOf(name) / (names.length - 1) : 0.5);
  return { ends: ["", ""], at: (each) => (each === undefined || each === null ? null : place(value(each))), marks: names.length <= 12 ? names.map((name) => [name, place(name)]) : [] };
};

export function ParallelCoordinates({ runs, columns, metric, minimize, place }) {
  const [hovered, setHovered] = useState("");
  const [ranges, setRanges] = useState({});
  const holder = useRef(null);
  const width = Math.max(useSize(holder).width, columns.length * 120);
  const [height, top, side] = [320, 40, 70];
  const scales = useMemo(() => columns.map((column) => scaleOf(runs.map((run) => cellOf(run, column)))), [runs, columns.join()]);
  const x = (i) => side + (i * (width - 2 * side)) / Math.max(1, columns.length - 1);
  const y = (share) => top + (1 - share) * (height - top - 24);
  const last = scales[columns.indexOf(metric)];
  const inRange = (run) => columns.every((column, i) => {
    const range = ranges[column];
    const share = scales[i].at(cellOf(run, column));
    return !range || (share !== null && share >= range[0] && share <= range[1]);
  });
  const drag = (column) => (event) => {
    const box = event.currentTarget;
    const share = (at) => {
      const { top: above, height: tall } = box.getBoundingClientRect();
      return Math.min(1, Math.max(0, 1 - (at.clientY - above - REACH) / (tall - 2 * REACH)));
    };
    const start = share(event);
    const set = (at) => {
      const now = share(at);
      setRanges((old) => ({ ...old, [column]: Math.abs(now - start) < 0.02 ? null : [Math.min(start, now), Math.max(start, now)] }));
    };
    box.setPointerCapture(event.pointerId);
    box.onpointermove = set;
    box.onpointerup = (at) => { set(at); box.onpointermove = null; box.onpointerup = null; };
  };
  const lines = runs.map((run) => {
    const points = columns.map((column, i) => [x(i), scales[i].at(cellOf(run, column))]).filter(([, share]) => share !== null).map(([across, share]) => `${across},${y(share)}`);
    const score = last?.at(cellOf(run, metric));
    const good = score === null || score === undefined ? null : minimize ? 1 - score : score;
    return { run, points: points.join(" "), color: good === null ? "var(--muted)" : shade(good), on: inRange(run) };
  });
  return html`<div class="scroll-x" ref=${holder}><svg class="parallel" width=${width} height=${height} role="img" aria-label="Parallel coordinates of ${runs.length} runs; drag along an axis to choose">
    ${lines.map(({ run, points, color, on }) => html`<polyline key=${run.name} points=${points} style=${{ stroke: color }} class=${`${on ? "" : "off"} ${hovered === run.name ? "hovered" : ""}`}
      onPointerEnter=${() => setHovered(run.name)} onPointerLeave=${() => setHovered("")}><title>${label(run)}: ${titleOf(metric ?? "")} ${number(cellOf(run, metric ?? ""))}</title></polyline>`)}
    ${columns.map((column, i) => html`<g key=${column} transform="translate(${x(i)} 0)">
      <text class="axis-title" y="16" text-anchor="middle">${titleOf(column)}</text>
      <line y1=${top} y2=${y(0)} class="axis" />
      <text x="6" y=${top - 4}>${scales[i].ends[1]}</text><text x="6" y=${y(0) + 14}>${scales[i].ends[0]}</text>
      ${scales[i].marks.map(([name, share]) => html`<text key=${name} x="-8" y=${y(share) + 4} text-anchor="end">${name}</text>`)}
      ${ranges[column] && html`<rect class="brush" x="-7" width="14" y=${y(ranges[column][1])} height=${y(ranges[column][0]) - y(ranges[column][1])} />`}
      <rect class="grab" x="-12" width="24" y=${top - REACH} height=${y(0) - top + 2 * REACH} onPointerDown=${drag(column)} />
    </g>`)}
  </svg></div>
  <p class="quiet">${lines.filter((line) => line.on).length} of ${runs.length} runs; drag along an axis to choose, click to clear.${hovered && html` <a href=${pathTo(place.entity, place.project, "runs", hovered)}>${label(runs.find((run) => run.name === hovered) ?? { name: hovered })}</a>`}</p>`;
}

function Scatter({ runs, across, up, place }) {
  const points = runs.map((run) => [run, cellOf(run, across), cellOf(run, up)]).filter(([, x, y]) => x !== undefined && x !== null && typeof y === "number");
  const [sx, sy] = [scaleOf(points.map(([, x]) => x)), scaleOf(points.map(([, , y]) => y))];
  return html`<svg class="scatter" viewBox="0 0 320 200" role="img" aria-label="${titleOf(up)} over ${titleOf(across)}">
    <line class="axis" x1="46" x2="310" y1="172" y2="172" /><line class="axis" x1="46" x2="46" y1="12" y2="172" />
    <text x="42" y="18" text-anchor="end">${sy.ends[1]}</text><text x="42" y="172" text-anchor="end">${sy.ends[0]}</text>
    <text x="46" y="186">${sx.ends[0]}</text><text x="310" y="186" text-anchor="end">${sx.ends[1]}</text>
    ${sx.marks.map(([name, share]) => html`<text key=${name} x=${54 + 248 * share} y="186" text-anchor="middle">${name}</text>`)}
    <text class="axis-title" x="178" y="198" text-anchor="middle">${titleOf(across)}</text>
    ${points.map(([run, x, y]) => html`<a key=${run.name} href=${pathTo(place.entity, place.project, "runs", run.name)}><circle cx=${54 + 248 * sx.at(x)} cy=${166 - 148 * sy.at(y)} r="4"><title>${label(run)}: ${number(y)}</title></circle></a>`)}
  </svg>`;
}

const rank = (values) => {
  const order = values.map((each, i) => [each, i]).sort(([a], [b]) => a - b);
  const ranks = [];
  order.forEach(([, i], at) => { ranks[i] = at; });
  return ranks;
};

// Spearman's rank correlation: of numbers, and of texts by their order.
function correlation(pairs) {
  if (pairs.length < 3) return null;
  const [a, b] = [rank(pairs.map(([x]) => x)), rank(pairs.map(([, y]) => y))];
  const distance = a.reduce((sum, each, i) => sum + (each - b[i]) ** 2, 0);
  return 1 - (6 * distance) / (a.length * (a.length ** 2 - 1));
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
  const varied = useMemo(() => {
    const keys = [...new Set(runs.flatMap((run) => Object.keys(run.config)))];
    return keys.filter((key) => new Set(runs.map((run) => value(run.config[key]))).size > 1).map((key) => `config.${key}`);
  }, [runs]);
  const metrics = useMemo(() => [...new Set(runs.flatMap((run) => Object.keys(run.summary)))].filter((key) => !key.startsWith("_")).map((key) => `summary.${key}`), [runs]);
  if (!found) return html`<${Status} loading=${loading} error=${error} empty>There is no sweep ${name}, or you may not see it.<//>`;
  const { sweep } = found;
  const wanted = metricOf(sweep.config);
  const metric = query.get("metric") ?? (metrics.includes(`summary.${wanted.name}`) ? `summary.${wanted.name}` : metrics[0]);
  const weights = varied.map((column) => {
    const pairs = runs.map((run) => [cellOf(run, column), cellOf(run, metric ?? "")]).filter(([a, b]) => typeof a === "number" && typeof b === "number");
    return [column, correlation(pairs)];
  }).filter(([, weight]) => weight !== null).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  return html`<article class="sweep-page">
    <header class="run-head"><h1>${sweep.displayName || sweep.name}</h1><${State} state=${sweep.state.toLowerCase()} /><span class="quiet">${sweep.method} · ${sweep.runCount} runs · <${Moment} at=${sweep.createdAt} /></span>
      <a class="button" href="${pathTo(place.entity, place.project, "table")}?filter=${encodeURIComponent(JSON.stringify([["sweepName", "=", name]]))}">Table</a></header>
    <div class="toolbar"><label>Metric <select aria-label="Metric" value=${metric} onChange=${(event) => setQuery({ metric: event.target.value })}>${metrics.map((each) => html`<option key=${each} value=${each}>${titleOf(each)}</option>`)}</select></label></div>
    ${runs.length && varied.length && metric ? html`
      <section class="card"><h2>Parallel coordinates</h2><${ParallelCoordinates} runs=${runs} columns=${[...varied.filter((each) => each !== metric), metric]} metric=${metric} minimize=${wanted.goal !== "maximize"} place=${place} /></section>
      ${weights.length > 0 && html`<section class="card"><h2>Rank correlation with ${titleOf(metric)}</h2>${weights.map(([column, weight]) => html`<div class="weight" key=${column}><span>${titleOf(column)}</span><meter min="0" max="1" value=${Math.abs(weight)} aria-label=${titleOf(column)}></meter><em>${weight.toFixed(2)}</em></div>`)}</section>`}
      <div class="charts">${varied.slice(0, 12).map((column) => html`<section class="card" key=${column}><${Scatter} runs=${runs} across=${column} up=${metric} place=${place} /></section>`)}</div>`
      : html`<p class="notice">${runs.length ? "Its runs do not differ yet." : "No runs yet."}</p>`}
    <section class="card"><h2>Configuration</h2><pre>${sweep.config}</pre></section>
  </article>`;
}
