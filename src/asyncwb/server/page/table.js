// All runs of a project: columns, order, filters; and changes of many at once.
import { html, useEffect, useMemo, useRef, useState, memory, useSeen, usePolling } from "./lib.js";
import { setQuery } from "./router.js";
import { pathTo, runsParquet, session } from "./api.js";
import { duration, naturally, number, value, when } from "./format.js";
import { Dialog, Menu, Moment, State, Status, Tags } from "./parts.js";
import { saveCsv, saveJson } from "./export.js";
import { toggled } from "./layout.js";
import { FilterMenu, useFilters } from "./filters.js";
import { TITLES, allRuns, cellOf, changeRun, deleteRuns, label, liveRuns, pageOfRuns, serverKey, titleOf } from "./runs.js";

const PAGE = 50;
const GROUPED = 1000;
const SOME = 6;
const COMPARED = 20;
const UNORDERED = new Set(["tags"]);

const plain = ({ name, displayName, state, tags, group, jobType, notes, createdAt, heartbeatAt, sweepName, user, config, summary }) => ({ name, displayName, state, tags, group, jobType, notes, createdAt, heartbeatAt, sweepName, user: user?.username, config, summary });

// Called, not a component: a page of runs has a thousand cells.
function cell(run, column, place, found) {
  switch (column) {
    case "displayName": return html`<a href=${pathTo(place.entity, place.project, "runs", run.name)}>${label(run)}</a>`;
    case "state": return html`<${State} state=${found} />`;
    case "createdAt": return html`<${Moment} at=${found} />`;
    case "duration": return duration(found);
    case "tags": return html`<${Tags} tags=${found} />`;
    default: return value(found);
  }
}

function useTable(place, filters, order, grouped) {
  const key = JSON.stringify([place, filters, order, grouped]);
  const [state, setState] = useState({ key: "", runs: [], total: 0, next: null, error: null });
  const [round, setRound] = useState(0);
  const busy = useRef(false);
  const latest = useRef(key);
  latest.current = key;
  const show = (next) => latest.current === key && setState(next); // else somebody asked for others meanwhile
  const load = async (after) => {
    if (busy.current && after) return;
    busy.current = true;
    try {
      const page = await pageOfRuns(place, { filters, order, first: grouped ? GROUPED : PAGE, after });
      show((last) => ({ ...page, key, error: null, runs: after && last.key === key ? [...last.runs, ...page.runs] : page.runs }));
    } catch (error) {
      show((last) => ({ ...last, key, error }));
    } finally {
      busy.current = false;
    }
  };
  useEffect(() => { load(null); }, [key, round]);
  // States change by themselves; the order stays until somebody asks for it.
  usePolling(async () => {
    const fresh = new Map((await liveRuns(place, filters, 1)).map((run) => [run.name, run]));
    const [newest] = fresh.keys();
    if (state.runs.length <= PAGE && (state.runs.some((run) => run.state === "running") || (newest && !state.runs.some((run) => run.name === newest)))) await load(null);
  }, 5, [key, state.runs]);
  return { ...state, loading: state.key !== key, more: () => load(state.next), reload: () => setRound((n) => n + 1) };
}

function Bulk({ place, chosen, clear, reload, names, readOnly }) {
  const [dialog, setDialog] = useState("");
  const ids = chosen.map((run) => run.id);
  const done = () => { clear(); reload(); };
  const each = (change) => Promise.all(chosen.map((run) => changeRun(run.id, change(run))));
  const several = `${chosen.length} run${chosen.length === 1 ? "" : "s"}`;
  const tags = [...new Set(chosen.flatMap((run) => run.tags))];
  return html`<div class="bulk" role="toolbar" aria-label="Chosen runs">
    <b>${several}</b>
    <a class="button" href="${pathTo(place.entity, place.project, "compare")}?runs=${names.slice(0, COMPARED).join(",")}">Compare${names.length > COMPARED && ` the first ${COMPARED}`}</a>
    <a class="button" href="${pathTo(place.entity, place.project, "relations")}?runs=${names.join(",")}">Relations</a>
    <a class="button" href="${pathTo(place.entity, place.project, "workspace")}?show=${names.join(",")}">Charts</a>
    ${!readOnly && html`<button type="button" onClick=${() => setDialog("tag")}>Tag</button>
      <button type="button" onClick=${() => setDialog("rename")}>Rename</button>
      <button type="button" class="danger" onClick=${() => setDialog("delete")}>Delete</button>`}
    <button type="button" onClick=${clear}>Clear</button>
    ${dialog === "delete" && html`<${Dialog} title="Delete ${several}?" action="Delete" danger onClose=${() => setDialog("")}
      onDone=${async () => { await deleteRuns(ids); done(); }}><p>Their rows and files are removed for good.</p><//>`}
    ${dialog === "tag" && html`<${Dialog} title="Tags of ${several}" action="Change" onClose=${() => setDialog("")}
      onDone=${async (given) => {
        const [added, removed] = ["add", "remove"].map((name) => given.get(name).split(",").map((tag) => tag.trim()).filter(Boolean));
        await each((run) => ({ tags: [...new Set([...run.tags, ...added])].filter((tag) => !removed.includes(tag)) }));
        done();
      }}>
      <label>Add <input name="add" placeholder="baseline, good" autofocus /></label>
      <label>Remove <input name="remove" list="chosen-tags" placeholder=${tags.join(", ")} /></label>
      <datalist id="chosen-tags">${tags.map((tag) => html`<option key=${tag} value=${tag} />`)}</datalist><//>`}
    ${dialog === "rename" && html`<${Dialog} title="Rename ${several}" action="Rename" onClose=${() => setDialog("")}
      onDone=${async (given) => {
        const pattern = given.get("name");
        await Promise.all(chosen.map((run, i) => changeRun(run.id, { displayName: pattern.replaceAll("{name}", label(run)).replaceAll("{n}", i + 1).replaceAll("{id}", run.name) })));
        done();
      }}>
      <label>Name <input name="name" required value=${chosen.length === 1 ? label(chosen[0]) : "{name}"} autofocus /></label>
      <p><code>{name}</code> is the present name, <code>{id}</code> the id, <code>{n}</code> a number.</p><//>`}
  </div>`;
}

// Where columns stay that do not move with the others: beside those before them.
function useStuck(head, front, inputs) {
  const [stuck, setStuck] = useState(new Map());
  useEffect(() => {
    const cells = [...(head.current?.children ?? [])];
    let left = cells[0]?.offsetWidth ?? 0;
    const next = new Map();
    for (const cell of cells.filter((each) => front.includes(each.dataset.column))) {
      next.set(cell.dataset.column, { left: `${left}px` });
      left += cell.offsetWidth;
    }
    const same = JSON.stringify([...next]) === JSON.stringify([...stuck]);
    if (!same) setStuck(next);
  }, inputs);
  return stuck;
}

function Columns({ all, shown, onChange, pinned, onPin }) {
  const [search, setSearch] = useState("");
  const fits = all.filter((column) => column.toLowerCase().includes(search.toLowerCase()));
  return html`<${Menu} label="Columns" title="Choose columns">
    <div class="column-menu">
      <input type="search" placeholder="Search columns" aria-label="Search columns" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      <div class="column-buttons"><button type="button" onClick=${() => onChange([...new Set([...shown, ...fits])])}>all</button>
        <button type="button" onClick=${() => onChange(shown.filter((column) => column === "displayName" || !fits.includes(column)))}>none</button>
        <button type="button" onClick=${() => onChange(null)}>default</button></div>
      <div class="scroll">${fits.map((column) => html`<div class="layout-row" key=${column}><label><input type="checkbox" checked=${shown.includes(column)} disabled=${pinned.includes(column)}
        onChange=${(event) => onChange(event.target.checked ? all.filter((each) => shown.includes(each) || each === column) : shown.filter((each) => each !== column))} />
        ${TITLES[column] ?? column}</label>
        <button type="button" title="Keep at the left" aria-label="Pin ${column}" aria-pressed=${pinned.includes(column)} disabled=${column === "displayName"} onClick=${() => onPin(toggled(pinned.slice(1), column))}>${pinned.includes(column) ? "★" : "☆"}</button></div>`)}</div>
    </div>
  <//>`;
}

export function RunsTable({ place, query }) {
  const base = `${place.entity}/${place.project}`;
  const filters = useFilters(query);
  const order = query.get("order") ?? "-createdAt";
  const group = query.get("group") ?? "";
  const sign = order[0];
  const by = order.slice(1);
  const table = useTable(place, filters, sign + serverKey(by), Boolean(group));
  const [chosen, setChosen] = useState(new Set());
  const [saved, setSaved] = useState(() => memory.get(`columns:${base}`, null));
  const [exporting, setExporting] = useState(false);
  const end = useRef(null);
  const atEnd = useSeen(end);
  useEffect(() => { if (atEnd && !group && table.next && !table.loading) table.more(); }, [atEnd, table.next]);

  const goals = useMemo(() => new Map(table.runs.flatMap((run) => run.definitions).filter((each) => each.goal && each.name).map((each) => [each.name, each.goal])), [table.runs]);
  const [configs, summaries] = useMemo(() => {
    const keys = (part) => [...new Set(table.runs.flatMap((run) => Object.keys(run[part])))].filter((key) => !key.startsWith("_")).sort(naturally).map((key) => `${part}.${key}`);
    return [keys("config"), keys("summary")];
  }, [table.runs]);
  const fixed = ["displayName", "state", "createdAt", "duration", "tags"];
  const all = [...fixed, "user", "group", "jobType", "notes", "sweepName", "name", ...configs, ...summaries];
  const chosenColumns = query.get("columns")?.split("|") ?? saved ?? [...fixed, ...configs.slice(0, SOME), ...summaries.slice(0, SOME)];
  const pinned = query.get("pinned")?.split("|") ?? memory.get(`pinned:${base}`, []);
  const front = ["displayName", ...pinned.filter((column) => column !== "displayName" && all.includes(column))];
  const columns = [...front, ...chosenColumns.filter((column) => all.includes(column) && !front.includes(column))];
  const pin = (next) => {
    memory.set(`pinned:${base}`, next);
    setQuery({ pinned: next.join("|") });
  };
  const head = useRef(null);
  const stuck = useStuck(head, front, [columns.join(), table.runs]);
  const numeric = useMemo(() => new Set(columns.filter((column) => table.runs.some((run) => typeof cellOf(run, column) === "number"))), [table.runs, columns.join()]);
  const choose = (next) => {
    setSaved(next);
    memory.set(`columns:${base}`, next);
    setQuery({ columns: next?.join("|") ?? null });
  };
  // What is better comes first, where runs said what that is.
  const better = (column) => (goals.get(column.replace(/^summary\./, "").replace(/\.(best|max|min|last|mean)$/, "")) === "minimize" ? "+" : "-");
  const sort = (column) => setQuery({ order: (by === column ? (sign === "-" ? "+" : "-") : better(column)) + column });
  const toggle = (names, on) => setChosen((last) => {
    const next = new Set(last);
    for (const name of names) on ? next.add(name) : next.delete(name);
    return next;
  });
  const picked = table.runs.filter((run) => chosen.has(run.name));
  const groups = useMemo(() => {
    if (!group) return [["", table.runs]];
    const found = new Map();
    for (const run of table.runs) {
      const key = value(cellOf(run, group)) || "none";
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(run);
    }
    return [...found].sort(([a], [b]) => naturally(a, b));
  }, [table.runs, group]);
  const download = async (kind) => {
    setExporting(true);
    try {
      const runs = await allRuns(place, { filters, order: sign + serverKey(by) });
      if (kind === "json") saveJson(`${place.project}-runs`, runs.map(plain));
      else saveCsv(`${place.project}-runs`, ["id", ...columns.map((column) => TITLES[column] ?? column)],
        runs.map((run) => [run.name, ...columns.map((column) => { const cell = cellOf(run, column); return Array.isArray(cell) ? cell.join(" ") : cell; })]));
    } finally {
      setExporting(false);
    }
  };
  // a thousand cells: not compared again when an order is chosen, only when its rows are there
  const bodies = useMemo(() => groups.map(([name, runs]) => html`<tbody key=${name}>
    ${group && html`<tr class="group-row"><th class="tick"><input type="checkbox" aria-label="Choose this group" checked=${runs.every((run) => chosen.has(run.name))} onChange=${(event) => toggle(runs.map((run) => run.name), event.target.checked)} /></th>
      <th scope="rowgroup" colspan=${columns.length}>${titleOf(group)}: ${name} <small>${runs.length} runs</small></th></tr>`}
    ${runs.map((run) => html`<tr key=${run.name} class=${chosen.has(run.name) ? "chosen" : ""}>
      <td class="tick stuck"><input type="checkbox" aria-label="Choose ${label(run)}" checked=${chosen.has(run.name)} onChange=${(event) => toggle([run.name], event.target.checked)} /></td>
      ${columns.map((column) => {
        const found = cellOf(run, column);
        const kept = stuck.get(column);
        return html`<td key=${column} class=${`${typeof found === "number" ? "number" : ""} ${kept ? "stuck" : ""}`} style=${kept} title=${column === "createdAt" ? when(run.createdAt) : undefined}>${cell(run, column, place, found)}</td>`;
      })}
    </tr>`)}
  </tbody>`), [groups, columns.join(), chosen, stuck]);
  const kept = new URLSearchParams([...query].filter(([key]) => ["q", "filter"].includes(key)));
  const relations = `${pathTo(place.entity, place.project, "relations")}?${kept}`;

  return html`<div class="runs-table">
    <div class="toolbar" role="toolbar" aria-label="Runs">
      <input type="search" data-hotkey="/" placeholder="Search runs" aria-label="Search runs (regular expression)" value=${query.get("q") ?? ""} onInput=${(event) => setQuery({ q: event.target.value })} />
      <${FilterMenu} query=${query} columns=${all} onChange=${setQuery} />
      <label>Group by <select aria-label="Group by" value=${group} onChange=${(event) => setQuery({ group: event.target.value })}>
        <option value="">nothing</option>${["group", "jobType", "user", "state", "sweepName", ...configs].map((column) => html`<option key=${column} value=${column}>${TITLES[column] ?? column}</option>`)}
      </select></label>
      <${Columns} all=${all} shown=${columns} onChange=${choose} pinned=${front} onPin=${pin} />
      <a class="button" href=${relations}>Relations</a>
      <button type="button" disabled=${exporting} title="All runs that fit" onClick=${() => download("csv")}>${exporting ? "Collecting …" : "CSV"}</button>
      <button type="button" disabled=${exporting} title="All runs that fit, with all they have" onClick=${() => download("json")}>JSON</button>
      ${session.parquet && html`<a class="button" download title="All runs that fit, with all they have" href=${runsParquet(place, { filters, order: sign + serverKey(by) })}>Parquet</a>`}
      <span class="count" aria-live="polite">${table.loading ? "Loading …" : `${number(table.total)} run${table.total === 1 ? "" : "s"}`}</span>
    </div>
    ${picked.length > 0 && html`<${Bulk} place=${place} chosen=${picked} names=${picked.map((run) => run.name)} clear=${() => setChosen(new Set())} reload=${table.reload} readOnly=${table.readOnly} />`}
    <${Status} error=${table.error} />
    <div class="scroll-x"><table class="grid ${table.loading ? "busy" : ""}">
      <thead><tr ref=${head}>
        <th class="tick stuck"><input type="checkbox" aria-label="Choose all of these runs" checked=${picked.length > 0 && picked.length === table.runs.length}
          onChange=${(event) => toggle(table.runs.map((run) => run.name), event.target.checked)} /></th>
        ${columns.map((column) => html`<th key=${column} scope="col" data-column=${column} class=${`${numeric.has(column) ? "number" : ""} ${stuck.has(column) ? "stuck" : ""}`} style=${stuck.get(column)} title=${column} aria-sort=${by === column ? (sign === "-" ? "descending" : "ascending") : undefined}>
          ${UNORDERED.has(column) ? titleOf(column) : html`<button type="button" onClick=${() => sort(column)}>${titleOf(column)}${by === column && html`<span aria-hidden="true">${sign === "-" ? " ↓" : " ↑"}</span>`}</button>`}
          ${column.startsWith("config.") && html`<small>config</small>`}${column.startsWith("summary.") && html`<small>summary</small>`}
        </th>`)}
      </tr></thead>
      ${bodies}
    </table></div>
    ${!table.loading && !table.error && !table.runs.length && html`<p class="notice">No run fits.</p>`}
    ${group && table.next && html`<p class="notice">Groups are made of the first ${number(table.runs.length)} runs of ${number(table.total)}. <button type="button" onClick=${table.more}>Take more</button></p>`}
    <div ref=${end} class="end">${!group && table.next && "Loading more …"}</div>
  </div>`;
}
