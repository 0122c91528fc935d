// How runs depend on what they were given: parallel coordinates, points, rank correlation.
import { html, useMemo, useRef, useState, useSize } from "./lib.js";
import { pathTo } from "./api.js";
import { naturally, number, value } from "./format.js";
import { cellOf, label, titleOf } from "./runs.js";

const SCATTERED = 12;

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

function ParallelCoordinates({ runs, columns, metric, minimize, place }) {
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
    <line class="axis" x1="62" x2="310" y1="172" y2="172" /><line class="axis" x1="62" x2="62" y1="12" y2="172" />
    <text x="58" y="18" text-anchor="end">${sy.ends[1]}</text><text x="58" y="172" text-anchor="end">${sy.ends[0]}</text>
    <text x="62" y="186">${sx.ends[0]}</text><text x="310" y="186" text-anchor="end">${sx.ends[1]}</text>
    ${sx.marks.map(([name, share]) => html`<text key=${name} x=${70 + 232 * share} y="186" text-anchor="middle">${name}</text>`)}
    <text class="axis-title" x="186" y="198" text-anchor="middle">${titleOf(across)}</text>
    ${points.map(([run, x, y]) => html`<a key=${run.name} href=${pathTo(place.entity, place.project, "runs", run.name)}><circle cx=${70 + 232 * sx.at(x)} cy=${166 - 148 * sy.at(y)} r="4"><title>${label(run)}: ${number(y)}</title></circle></a>`)}
  </svg>`;
}

// Equal values share the mean of their places.
function ranks(values) {
  const order = values.map((each, i) => [each, i]).sort(([a], [b]) => a - b);
  const found = [];
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && order[end][0] === order[start][0]) end += 1;
    for (let at = start; at < end; at += 1) found[order[at][1]] = (start + end - 1) / 2;
  }
  return found;
}

// Spearman's rank correlation: that of Pearson between ranks. Null where there is none.
export function correlation(pairs) {
  if (pairs.length < 3) return null;
  const columns = [ranks(pairs.map(([x]) => x)), ranks(pairs.map(([, y]) => y))];
  const [a, b] = columns.map((column) => column.map((each) => each - (pairs.length - 1) / 2));
  const product = (x, y) => x.reduce((sum, each, i) => sum + each * y[i], 0);
  const size = Math.sqrt(product(a, a) * product(b, b));
  return size ? product(a, b) / size : null;
}

export const numbersIn = (part, runs) => [...new Set(runs.flatMap((run) => Object.entries(run[part]).filter(([, each]) => typeof each === "number").map(([key]) => key)))]
  .filter((key) => !key.startsWith("_")).sort(naturally).map((key) => `${part}.${key}`);

// Parts of the config in which runs differ.
export function variedIn(runs) {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.config)))].sort(naturally);
  return keys.filter((key) => new Set(runs.map((run) => value(run.config[key]))).size > 1).map((key) => `config.${key}`);
}

export function Relations({ runs, columns, metric, minimize, place }) {
  const weights = useMemo(() => columns.filter((column) => column !== metric).map((column) => {
    const pairs = runs.map((run) => [cellOf(run, column), cellOf(run, metric)]).filter(([a, b]) => typeof a === "number" && typeof b === "number");
    return [column, correlation(pairs)];
  }).filter(([, weight]) => weight !== null).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a)), [runs, columns.join("|"), metric]);
  return html`
    <section class="card"><h2>Parallel coordinates</h2><${ParallelCoordinates} runs=${runs} columns=${[...columns.filter((each) => each !== metric), metric]} metric=${metric} minimize=${minimize} place=${place} /></section>
    ${weights.length > 0 && html`<section class="card"><h2>Rank correlation with ${titleOf(metric)}</h2>${weights.map(([column, weight]) => html`<div class="weight" key=${column}><span>${titleOf(column)}</span><meter min="0" max="1" value=${Math.abs(weight)} aria-label=${titleOf(column)}></meter><em>${weight.toFixed(2)}</em></div>`)}</section>`}
    <div class="charts">${columns.filter((each) => each !== metric).slice(0, SCATTERED).map((column) => html`<section class="card" key=${column}><${Scatter} runs=${runs} across=${column} up=${metric} place=${place} /></section>`)}</div>`;
}
