// Runs of a project over each other: the list of runs at the left, a chart for each metric.
import { html, useEffect, useMemo, useRef, useState, useLoaded, usePolling } from "./lib.js";
import { setQuery } from "./router.js";
import { pathTo } from "./api.js";
import { color } from "./colors.js";
import { number, value } from "./format.js";
import { saveHtml } from "./export.js";
import { Status } from "./parts.js";
import { FilterMenu, useFilters } from "./filters.js";
import { allRuns, cellOf, label, liveRuns, metricsOf, named, numbersOf, pageOfRuns, titleOf } from "./runs.js";
import { ChartControls, Panels, chartSettings, zoomTo } from "./panels.js";
import { chartsOfRuns } from "./custom-charts.js";
import { mediaOf } from "./media-panel.js";
import { useLayout } from "./layout.js";
import { SystemOfRuns } from "./system.js";

const SHOWN_AT_FIRST = 10;
const PAGE = 100;
const LIVE_SECONDS = 2;
const FIELDS = ["displayName", "state", "createdAt", "user", "tags", "group", "jobType", "notes", "sweepName"];

// The listing, a page at a time, newest first. New runs come in at the top by themselves.
function useRuns(place, filters) {
  const key = JSON.stringify([place, filters]);
  const [list, setList] = useState({ key: "", runs: [], total: 0, next: null, error: null });
  const loading = list.key !== key;
  const load = (after) => pageOfRuns(place, { filters, order: "-created_at", first: PAGE, after }).then(
    (page) => setList((last) => ({ ...page, key, error: null, runs: after ? [...last.runs, ...page.runs] : page.runs })),
    (error) => setList((last) => ({ ...last, key, error })),
  );
  useEffect(() => { load(null); }, [key]);
  usePolling(async () => {
    if (loading || list.error) return;
    const fresh = await liveRuns(place, filters, Math.min(1000, Math.max(PAGE, list.runs.length)));
    const known = new Set(list.runs.map((run) => run.name));
    const unknown = fresh.some((run) => !known.has(run.name));
    const page = unknown ? await pageOfRuns(place, { filters, order: "-created_at", first: PAGE }) : null;
    const byName = new Map(fresh.map((run) => [run.name, run]));
    setList((last) => {
      if (last.key !== key) return last;
      const added = page ? page.runs.filter((run) => !known.has(run.name)) : [];
      const same = !added.length && last.runs.every((run) => {
        const now = byName.get(run.name);
        return !now || (now.state === run.state && now.historyLineCount === run.historyLineCount);
      });
      if (same) return last;
      const runs = [...added, ...last.runs.map((run) => ({ ...run, ...byName.get(run.name) }))];
      return { ...last, runs, total: page ? page.total : last.total };
    });
  }, LIVE_SECONDS, [key]);
  return { ...list, loading, more: () => load(list.next) };
}

// Which runs are drawn: those that the address names, else the first ones that were there.
function useShown(query, runs) {
  const first = useRef(null);
  if (!first.current && runs.length) first.current = runs.slice(0, SHOWN_AT_FIRST).map((run) => run.name);
  const text = query.get("show");
  const chosen = text === null ? null : text.split(",").filter(Boolean);
  // A run that begins while somebody looks is drawn as long as there is room.
  if (!chosen && first.current) {
    for (const run of runs) {
      if (first.current.length >= SHOWN_AT_FIRST) break;
      if (!first.current.includes(run.name)) first.current.push(run.name);
    }
  }
  return new Set(chosen ?? first.current ?? []);
}

export function Workspace({ place, query }) {
  const base = `${place.entity}/${place.project}`;
  const filters = useFilters(query);
  const list = useRuns(place, filters);
  const shown = useShown(query, list.runs);
  const settings = chartSettings(query);
  const group = query.get("group") ?? "";
  const show = (names) => setQuery({ show: names.join(",") || "-" });
  const toggle = (name) => {
    const next = new Set(shown);
    if (!next.delete(name)) next.add(name);
    show([...next]);
  };

  // An address may name runs that the list has not come to yet; a filter leaves out what it does not list.
  const listed = new Set(list.runs.map((run) => run.name));
  const missing = list.loading || filters ? [] : [...shown].filter((name) => name !== "-" && !listed.has(name));
  const { value: others } = useLoaded(async () => (missing.length ? allRuns(place, { filters: named(missing), order: "-created_at" }) : []), [missing.join()]);
  const drawn = useMemo(
    () => [...list.runs, ...(others ?? []).filter((run) => !listed.has(run.name))].filter((run) => shown.has(run.name)),
    [list.runs, others, [...shown].join()],
  );
  const singles = useMemo(() => drawn.map((run) => ({ name: run.name, label: label(run), color: color(base, run.name), members: [run.name] })), [drawn.map((run) => run.name + label(run)).join()]);
  const lines = useMemo(() => {
    if (!group) return singles;
    const groups = new Map();
    for (const run of drawn) {
      const name = String(cellOf(run, group) ?? "none");
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(run.name);
    }
    return [...groups].map(([name, members]) => ({ name, label: `${titleOf(group)}: ${name} (${members.length})`, color: color(base, `group ${group} ${name}`), members }));
  }, [drawn.map((run) => run.name + label(run)).join(), group]);

  const version = drawn.reduce((sum, run) => sum + (run.historyLineCount ?? 0), 0);
  const { value: types, error } = useLoaded(() => metricsOf(place, drawn.map((run) => run.name)), [drawn.map((run) => run.name).join(), version]);
  const definitions = useMemo(() => [...new Map(drawn.flatMap((run) => run.definitions).map((each) => [JSON.stringify(each), each])).values()], [drawn]);
  const metrics = useMemo(() => numbersOf(types ?? new Map(), definitions), [types, definitions]);
  const [charts, media] = useMemo(() => [chartsOfRuns(drawn), mediaOf(drawn)], [drawn]);
  const arranging = useLayout(base);
  const lineOf = (run) => ({ name: run.name, label: label(run), color: color(base, run.name) });
  const configs = useMemo(() => [...new Set(list.runs.flatMap((run) => Object.keys(run.config)))].sort(), [list.runs]);
  const columns = [...FIELDS, ...configs.map((key) => `config.${key}`)];
  const shared = useMemo(() => ({ ...settings, grouped: Boolean(group) }), [JSON.stringify(settings), group]);

  const report = () => {
    const keys = (part) => [...new Set(drawn.flatMap((run) => Object.keys(run[part])))].filter((key) => !key.startsWith("_")).map((key) => `${part}.${key}`);
    const shownColumns = [...keys("config"), ...keys("summary")];
    const rows = drawn.map((run) => [color(base, run.name), label(run), run.state, ...shownColumns.map((column) => value(cellOf(run, column)))]);
    return saveHtml(`${place.project}-report`, base, ["", "Run", "State", ...shownColumns], rows);
  };

  // A long list that stays as it was is not compared again while somebody moves the charts.
  const items = useMemo(() => html`<ul>${list.runs.map((run) => html`<li key=${run.name} class=${shown.has(run.name) ? "on" : ""}>
      <input type="checkbox" checked=${shown.has(run.name)} onChange=${() => toggle(run.name)} aria-label="Show ${label(run)}"
        style=${{ accentColor: color(base, run.name) }} />
      <i class="dot ${run.state}" style=${{ background: color(base, run.name) }} title=${run.state}></i>
      <a href="${pathTo(place.entity, place.project, "runs", run.name)}" title=${`${label(run)} · ${run.state}`}>${label(run)}</a>
      <button type="button" class="solo" title="Show this run alone" onClick=${() => show([run.name])}>solo</button>
    </li>`)}</ul>`, [base, list.runs, [...shown].join()]);

  return html`<div class="workspace">
    <aside class="run-list" aria-label="Runs">
      <div class="run-tools">
        <input type="search" placeholder="Search runs" aria-label="Search runs (regular expression)" value=${query.get("q") ?? ""}
          onInput=${(event) => setQuery({ q: event.target.value })} />
        <${FilterMenu} query=${query} columns=${columns} onChange=${setQuery} />
        <label class="wide">Group by <select aria-label="Group by" value=${group} onChange=${(event) => setQuery({ group: event.target.value })}>
          <option value="">nothing</option>
          ${["group", "jobType", "user", "state", "sweepName"].map((column) => html`<option key=${column} value=${column}>${titleOf(column)}</option>`)}
          ${configs.map((key) => html`<option key=${key} value=${`config.${key}`}>config.${key}</option>`)}
        </select></label>
        <div class="run-count"><span>${drawn.length} of ${list.total} shown</span>
          <button type="button" onClick=${() => show(list.runs.map((run) => run.name))}>all</button>
          <button type="button" onClick=${() => show([])}>none</button>
          ${drawn.length > 1 && html`<a href="${pathTo(place.entity, place.project)}/compare?runs=${drawn.slice(0, 20).map((run) => run.name).join(",")}">compare</a>`}
        </div>
      </div>
      <${Status} loading=${list.loading && !list.runs.length} error=${list.error} empty=${!list.runs.length}>No runs here yet.<//>
      ${items}
      ${list.next && html`<button type="button" class="more" onClick=${list.more}>Show more of ${number(list.total - list.runs.length)}</button>`}
    </aside>
    <div class="workspace-charts">
      <${ChartControls} settings=${settings} metrics=${metrics}><button type="button" disabled=${!drawn.length} title="The charts that are drawn and their runs, as one file" onClick=${report}>HTML</button><//>
      <${Status} error=${error} />
      ${drawn.length === 0 && !list.loading
        ? html`<p class="notice">Tick a run to draw it.</p>`
        : types && html`<${Panels} place=${place} metrics=${metrics} charts=${charts} media=${media} definitions=${definitions} arranging=${arranging} lineOf=${lineOf} shown=${lines} settings=${shared} version=${version} onZoom=${zoomTo} />`}
      ${drawn.length > 0 && html`<${SystemOfRuns} place=${place} names=${drawn.map((run) => run.name)} shown=${singles} settings=${settings} version=${version} />`}
    </div>
  </div>`;
}
