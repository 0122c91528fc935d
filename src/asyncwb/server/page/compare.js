// Runs side by side.
import { html, useMemo, useState, useLoaded } from "./lib.js";
import { setQuery } from "./router.js";
import { pathTo } from "./api.js";
import { color } from "./colors.js";
import { duration, lasted, naturally, value, when } from "./format.js";
import { State, Status, Tags } from "./parts.js";
import { saveCsv } from "./export.js";
import { allRuns, label, named } from "./runs.js";

function rowsOf(runs, part, onlyDifferent, search) {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run[part])))].filter((key) => !key.startsWith("_")).sort(naturally);
  return keys
    .map((key) => ({ key, cells: runs.map((run) => run[part][key]) }))
    .map((row) => ({ ...row, different: new Set(row.cells.map((cell) => JSON.stringify(cell) ?? "")).size > 1 }))
    .filter((row) => (!onlyDifferent || row.different) && row.key.toLowerCase().includes(search.toLowerCase()));
}

export function Compare({ place, query }) {
  const names = (query.get("runs") ?? "").split(",").filter(Boolean);
  const onlyDifferent = query.has("diff");
  const [search, setSearch] = useState("");
  const { value: found, loading, error } = useLoaded(() => allRuns(place, { filters: named(names), order: "+created_at" }), [names.join()]);
  const runs = useMemo(() => names.map((name) => found?.find((run) => run.name === name)).filter(Boolean), [found]);
  if (!runs.length) return html`<${Status} loading=${loading} error=${error} empty>Choose runs in the <a href="${pathTo(place.entity, place.project)}/table">table</a>, then Compare.<//>`;
  const base = `${place.entity}/${place.project}`;
  const parts = [["Config", "config"], ["Summary", "summary"]].map(([title, part]) => [title, rowsOf(runs, part, onlyDifferent, search)]);
  const facts = [["State", (run) => html`<${State} state=${run.state} />`], ["Created", (run) => when(run.createdAt)], ["Duration", (run) => duration(lasted(run))], ["Tags", (run) => html`<${Tags} tags=${run.tags} />`], ["Group", (run) => run.group], ["Notes", (run) => run.notes]];
  return html`<div class="compare">
    <div class="toolbar"><input type="search" data-hotkey="/" placeholder="Search keys" aria-label="Search keys" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      <label><input type="checkbox" checked=${onlyDifferent} onChange=${(event) => setQuery({ diff: event.target.checked })} /> differences only</label>
      <button type="button" onClick=${() => saveCsv(`${place.project}-compare`, ["", ...runs.map(label)], parts.flatMap(([title, rows]) => rows.map((row) => [`${title.toLowerCase()}.${row.key}`, ...row.cells])))}>CSV</button>
      <a class="button" href="${pathTo(place.entity, place.project)}?show=${names.join(",")}">Charts</a></div>
    <div class="scroll-x"><table class="grid compare-table"><thead><tr><th></th>${runs.map((run) => html`<th key=${run.name} scope="col"><i class="dot" style=${{ background: color(base, run.name) }}></i><a href=${pathTo(place.entity, place.project, "runs", run.name)}>${label(run)}</a>
      <button type="button" aria-label="Leave out ${label(run)}" onClick=${() => setQuery({ runs: names.filter((name) => name !== run.name).join(",") })}>✕</button></th>`)}</tr></thead>
      <tbody>${facts.map(([title, show]) => html`<tr key=${title}><th scope="row">${title}</th>${runs.map((run) => html`<td key=${run.name}>${show(run)}</td>`)}</tr>`)}</tbody>
      ${parts.map(([title, rows]) => html`<tbody key=${title}><tr class="group-row"><th colspan=${runs.length + 1}>${title} <small>${rows.length} keys${onlyDifferent ? " that differ" : ""}</small></th></tr>
        ${rows.map((row) => html`<tr key=${row.key} class=${row.different ? "different" : ""}><th scope="row">${row.key}</th>${row.cells.map((cell, i) => html`<td key=${i} class=${typeof cell === "number" ? "number" : ""}>${cell === undefined ? html`<span class="quiet">–</span>` : value(cell)}</td>`)}</tr>`)}</tbody>`)}
    </table></div>
  </div>`;
}
