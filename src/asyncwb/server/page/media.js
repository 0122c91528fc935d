// Media that a run logged, one step at a time.
import { html, useMemo, useState, useLoaded } from "./lib.js";
import { fileUrl, frameUrl, graphql } from "./api.js";
import { bytes, naturally, number, value } from "./format.js";
import { Status } from "./parts.js";
import { Frame, fetchJson } from "./files.js";
import { saveCsv } from "./export.js";

const SAMPLES = 500;
const ROWS = 200;
const HISTORY = `query Media($entity: String, $project: String, $run: String!, $spec: JSONString!) {
  project(name: $project, entityName: $entity) { run(name: $run) { sampledHistory(specs: [$spec]) } } }`;

function Table({ place, media }) {
  const [sort, setSort] = useState([0, 0]);
  const [search, setSearch] = useState("");
  const { value: table, error, loading } = useLoaded(() => fetchJson(place, media.path), [media.path]);
  const rows = useMemo(() => {
    const found = (table?.data ?? []).filter((row) => !search || row.some((cell) => value(cell).toLowerCase().includes(search.toLowerCase())));
    const [column, direction] = sort;
    return direction ? [...found].sort((a, b) => direction * (typeof a[column] === "number" && typeof b[column] === "number" ? a[column] - b[column] : naturally(value(a[column]), value(b[column])))) : found;
  }, [table, sort, search]);
  if (!table) return html`<${Status} loading=${loading} error=${error} empty>No table.<//>`;
  const columns = table.columns ?? [];
  return html`<div class="data-table">
    <div class="toolbar"><input type="search" placeholder="Search rows" aria-label="Search rows" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      <span class="count">${number(rows.length)} rows</span><button type="button" onClick=${() => saveCsv("table", columns, rows)}>CSV</button></div>
    <div class="scroll-x"><table class="grid"><thead><tr>${columns.map((column, i) => html`<th key=${i}><button type="button" onClick=${() => setSort([i, sort[0] === i && sort[1] === 1 ? -1 : 1])}>${String(column)}${sort[1] && sort[0] === i ? (sort[1] > 0 ? " ↑" : " ↓") : ""}</button></th>`)}</tr></thead>
      <tbody>${rows.slice(0, ROWS).map((row, i) => html`<tr key=${i}>${row.map((cell, j) => html`<td key=${j} class=${typeof cell === "number" ? "number" : ""}>${cell?._type ? html`<${Item} place=${place} media=${cell} small />` : value(cell)}</td>`)}</tr>`)}</tbody></table></div>
    ${rows.length > ROWS && html`<p class="notice">The first ${ROWS} rows are shown.</p>`}
  </div>`;
}

function Histogram({ media }) {
  const { values = [], bins = [] } = media;
  const most = Math.max(...values, 1e-300);
  const [low, high] = [bins[0], bins[bins.length - 1]];
  return html`<figure class="histogram"><svg viewBox="0 0 320 140" role="img" aria-label="Histogram from ${number(low)} to ${number(high)}" preserveAspectRatio="none">
    ${values.map((count, i) => {
      const x = (320 * (bins[i] - low)) / (high - low || 1);
      const width = (320 * (bins[i + 1] - bins[i])) / (high - low || 1);
      return html`<rect key=${i} x=${x} y=${140 - (136 * count) / most} width=${Math.max(0.5, width - 0.6)} height=${(136 * count) / most}><title>${number(bins[i])} – ${number(bins[i + 1])}: ${number(count)}</title></rect>`;
    })}</svg><figcaption><span>${number(low)}</span><span>${number(high)}</span></figcaption></figure>`;
}

const Images = ({ place, paths, captions }) => html`<div class="images">${paths.map((path, i) => html`<figure key=${path}>
  <a href=${fileUrl(place, path)} target="_blank" rel="noreferrer"><img loading="lazy" src=${fileUrl(place, path)} alt=${captions?.[i] || path.split("/").pop()} /></a>
  ${captions?.[i] && html`<figcaption>${captions[i]}</figcaption>`}</figure>`)}</div>`;

const Linked = ({ place, media }) => html`<p class="notice"><a download href=${fileUrl(place, media.path)}>${media.path.split("/").pop()}</a> ${bytes(media.size)} (${media._type})</p>`;

// One value of a media type, whatever the type.
export function Item({ place, media, small }) {
  const several = (name) => media[name] ?? media.filenames ?? [];
  switch (media._type) {
    case "image-file": return html`<${Images} place=${place} paths=${[media.path]} captions=${[media.caption]} />`;
    case "images/separated": case "images": return html`<${Images} place=${place} paths=${several("filenames").map((name) => (name.includes("/") ? name : `media/images/${name}`))} captions=${media.captions || []} />`;
    case "video-file": return html`<video controls loop src=${fileUrl(place, media.path)}></video>${media.caption && html`<p>${media.caption}</p>`}`;
    case "audio-file": return html`<audio controls src=${fileUrl(place, media.path)}></audio>${media.caption && html`<p>${media.caption}</p>`}`;
    case "videos": return html`${several("videos").map((each) => html`<${Item} key=${each.path} place=${place} media=${each} />`)}`;
    case "audio": return html`${several("audio").map((each) => html`<${Item} key=${each.path} place=${place} media=${each} />`)}`;
    case "html-file": return html`<${Frame} url=${frameUrl(place, media.path)} title=${media.path} />`;
    case "html": return html`${several("html").map((each) => html`<${Frame} key=${each.path} url=${frameUrl(place, each.path)} title=${each.path} />`)}`;
    case "table-file": return small ? "[table]" : html`<${Table} place=${place} media=${media} />`;
    case "histogram": return html`<${Histogram} media=${media} />`;
    default:
      if (typeof media.path === "string") return html`<${Linked} place=${place} media=${media} />`;
      return html`<pre>${JSON.stringify(media, null, 1)}</pre>`;
  }
}

function Panel({ place, name, version, step, onStep }) {
  const load = async () => {
    const spec = JSON.stringify({ keys: ["_step", name], samples: SAMPLES });
    const { project } = await graphql(HISTORY, { ...place, spec });
    return project.run.sampledHistory[0].filter((row) => row[name]?._type);
  };
  const { value: rows, loading, error } = useLoaded(load, [place.run, name, version]);
  if (!rows?.length) return html`<section class="card media"><h2>${name}</h2><${Status} loading=${loading} error=${error} empty>Nothing logged.<//></section>`;
  // the newest at or before the step that all panels are at
  let at = rows.length - 1;
  if (step !== null) while (at > 0 && rows[at]._step > step) at -= 1;
  const row = rows[at];
  return html`<section class="card media"><h2>${name} <small>step ${number(row._step)}</small></h2>
    ${rows.length > 1 && html`<input type="range" min="0" max=${rows.length - 1} value=${at} aria-label="Step of ${name}" aria-valuetext="step ${row._step}" onInput=${(event) => onStep(rows[event.target.value]._step)} />`}
    <${Item} key=${`${row._step}`} place=${place} media=${row[name]} /></section>`;
}

export function Media({ place, keys, version }) {
  const [step, setStep] = useState(null);
  return html`<div class="media-grid">${[...keys].sort(naturally).map((key) => html`<${Panel} key=${key} place=${place} name=${key} version=${version} step=${step} onStep=${setStep} />`)}</div>`;
}
