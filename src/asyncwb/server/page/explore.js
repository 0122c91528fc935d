// How any runs of a project depend on their config: those that fit the filter, or those that are named.
import { html, useMemo, useState, useLoaded } from "./lib.js";
import { setQuery } from "./router.js";
import { number } from "./format.js";
import { Menu, Status } from "./parts.js";
import { FilterMenu, useFilters } from "./filters.js";
import { allRuns, named, titleOf } from "./runs.js";
import { definitionOf } from "./definitions.js";
import { Relations, numbersIn, variedIn } from "./relations.js";
import { toggled } from "./layout.js";

const MOST = 2000;
const FIRST = 8; // columns
const FIELDS = ["displayName", "state", "createdAt", "user", "tags", "group", "jobType", "sweepName"];

function Choice({ all, chosen }) {
  const [search, setSearch] = useState("");
  const fits = all.filter((column) => column.toLowerCase().includes(search.toLowerCase()));
  return html`<${Menu} label="Axes" title="Choose axes"><div class="column-menu">
    <input type="search" placeholder="Search columns" aria-label="Search columns" value=${search} onInput=${(event) => setSearch(event.target.value)} />
    <div class="scroll">${fits.map((column) => html`<label key=${column}><input type="checkbox" checked=${chosen.includes(column)} onChange=${() => setQuery({ axes: toggled(chosen, column).join("|") })} /> ${column}</label>`)}</div>
    <div class="column-buttons"><button type="button" onClick=${() => setQuery({ axes: null })}>default</button></div></div><//>`;
}

export function Explore({ place, query }) {
  const names = query.get("runs")?.split(",").filter(Boolean);
  const found = useFilters(query);
  const filters = names ? named(names) : found;
  const { value: runs, loading, error } = useLoaded(() => allRuns(place, { filters, order: "-created_at" }, MOST), [place.entity, place.project, filters]);
  const [varied, metrics] = useMemo(() => [variedIn(runs ?? []), numbersIn("summary", runs ?? [])], [runs]);
  const columns = query.get("axes")?.split("|").filter(Boolean) ?? varied.slice(0, FIRST);
  const metric = query.get("metric") ?? metrics[0];
  const goal = useMemo(() => {
    const definitions = (runs ?? []).flatMap((run) => run.definitions);
    return metric ? definitionOf(definitions, metric.replace(/^summary\./, "").replace(/\.(best|max|min|last|mean)$/, "")).goal : null;
  }, [runs, metric]);
  const maximize = query.has("maximize") ? query.get("maximize") === "1" : goal === "maximize";
  return html`<div class="toolbar" role="toolbar" aria-label="Relations">
      ${names ? html`<button type="button" onClick=${() => setQuery({ runs: null })}>${number(names.length)} chosen runs ✕</button>`
        : html`<input type="search" data-hotkey="/" placeholder="Search runs" aria-label="Search runs (regular expression)" value=${query.get("q") ?? ""} onInput=${(event) => setQuery({ q: event.target.value })} />
          <${FilterMenu} query=${query} columns=${[...FIELDS, ...varied]} onChange=${setQuery} />`}
      <label>Metric <select aria-label="Metric" value=${metric} onChange=${(event) => setQuery({ metric: event.target.value })}>${metrics.map((each) => html`<option key=${each} value=${each}>${titleOf(each)}</option>`)}</select></label>
      <label><input type="checkbox" checked=${maximize} onChange=${(event) => setQuery({ maximize: event.target.checked ? "1" : "0" })} /> more is better</label>
      <${Choice} all=${[...varied, ...metrics]} chosen=${columns} />
      <span class="count">${runs ? `${number(runs.length)} run${runs.length === 1 ? "" : "s"}` : ""}${runs?.length >= MOST ? ", the newest that fit" : ""}</span></div>
    <${Status} loading=${loading && !runs} error=${error} />
    ${runs && (runs.length && columns.length && metric ? html`<${Relations} runs=${runs} columns=${columns} metric=${metric} minimize=${!maximize} place=${place} />`
      : html`<p class="notice">${runs.length ? "These runs do not differ in their config, or have no numbers in their summary." : "No run fits."}</p>`)}`;
}
