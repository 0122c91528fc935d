// One run: its charts, what it is, its machine, console, files, media and artifacts.
import { html, useMemo, useLoaded, usePolling } from "./lib.js";
import { graphql, historyParquet, pathTo, session } from "./api.js";
import { navigate } from "./router.js";
import { color } from "./colors.js";
import { duration, flatten, lasted, moment, naturally, value, when } from "./format.js";
import { Dialog, Editable, KeyValues, Menu, Moment, State, Status, Tabs, Tags } from "./parts.js";
import { useState } from "./lib.js";
import { asRun, changeRun, deleteRuns, label, metricsOf, numbersOf } from "./runs.js";
import { ChartControls, Panels, chartSettings, zoomTo } from "./panels.js";
import { chartsOfRuns } from "./custom-charts.js";
import { useLayout } from "./layout.js";
import { SystemCharts, systemMetrics } from "./system.js";
import { Console } from "./console.js";
import { Files, fetchJson } from "./files.js";
import { Media } from "./media.js";
import { RunAlerts } from "./alerts.js";
import { RunArtifacts } from "./artifacts.js";

const LIVE_SECONDS = 2;

const RUN = `query Run($entity: String, $project: String, $run: String!) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    id name displayName readOnly state tags group jobType notes commit createdAt heartbeatAt sweepName exitcode
    historyLineCount eventsLineCount logLineCount fileCount config summaryMetrics eventsTail wandbConfig(keys: ["cli_version", "python_version", "framework", "m"])
    user { username name } } } }`;

const PLAIN = ["number", "string", "boolean", "nil", "list"];
const TABS = [["charts", "Charts"], ["overview", "Overview"], ["system", "System"], ["console", "Console"], ["files", "Files"], ["media", "Media"], ["artifacts", "Artifacts"]];

function useLine(place, run) {
  return useMemo(() => ({ name: run.name, label: label(run), color: color(`${place.entity}/${place.project}`, run.name), members: [run.name] }), [run.name, run.displayName]);
}

function Charts({ place, run, query, types }) {
  const settings = chartSettings(query);
  const metrics = useMemo(() => numbersOf(types, run.definitions), [types, JSON.stringify(run.definitions)]);
  const charts = useMemo(() => chartsOfRuns([run]), [run.charts.length, run.historyLineCount]);
  const line = useLine(place, run);
  const shown = useMemo(() => [line], [line]);
  const shared = useMemo(() => settings, [JSON.stringify(settings)]);
  const arranging = useLayout(`${place.entity}/${place.project}`);
  return html`<${ChartControls} settings=${settings} metrics=${metrics} />
    <${Panels} place=${place} metrics=${metrics} charts=${charts} definitions=${run.definitions} arranging=${arranging} lineOf=${() => line} stepped
      shown=${shown} settings=${shared} version=${run.historyLineCount} onZoom=${zoomTo} />`;
}

function System({ place, run, query }) {
  const metrics = systemMetrics(run.eventsTail);
  const line = useLine(place, run);
  const shown = useMemo(() => [line], [line]);
  if (!metrics.length) return html`<p class="notice">This run sent no system metrics.</p>`;
  return html`<${SystemCharts} place=${place} metrics=${metrics} shown=${shown} settings=${chartSettings(query)} version=${run.eventsLineCount} />`;
}

function Overview({ place, run, save }) {
  const { value: metadata } = useLoaded(() => fetchJson({ ...place, run: run.name }, "wandb-metadata.json").catch(() => ({})), [run.name, run.fileCount]);
  const [search, setSearch] = useState("");
  const fits = ([key]) => key.toLowerCase().includes(search.toLowerCase());
  const rows = (tree) => Object.entries(tree).filter(([key]) => !/^_(wandb|timestamp)/.test(key)).filter(fits).sort(([a], [b]) => naturally(a, b)).map(([key, any]) => [key, value(any)]);
  const git = metadata?.git ?? {};
  const environment = { ...metadata };
  delete environment.git;
  // `save` is null for those who may not change the run: they see what is there
  const edited = (key, text, change, more = {}) => [key, (save || text) && html`<${Editable} text=${text} label=${key.toLowerCase()} onSave=${save && ((given) => save(change(given)))} ...${more} />`];
  const facts = [
    ["State", html`<${State} state=${run.state} />${run.exitcode ? ` exit code ${run.exitcode}` : ""}`],
    edited("Name", run.displayName, (text) => ({ displayName: text })),
    edited("Tags", run.tags.join(", "), (text) => ({ tags: [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))] }),
      { placeholder: "Add tags", shown: run.tags.length ? html`<${Tags} tags=${run.tags} />` : null }),
    edited("Notes", run.notes, (text) => ({ notes: text }), { placeholder: "Add notes", many: true, shown: run.notes ? html`<span class="notes">${run.notes}</span>` : null }),
    edited("Group", run.group, (text) => ({ groupName: text }), { placeholder: "Add a group" }),
    ["Author", run.user.username],
    ["Started", when(run.createdAt)],
    ["Duration", duration(lasted(run))],
    ["Job type", run.jobType],
    ["Run path", html`<code>${place.entity}/${place.project}/${run.name}</code>`],
    ["Sweep", run.sweepName && html`<a href=${pathTo(place.entity, place.project, "sweeps", run.sweepName)}>${run.sweepName}</a>`],
    ["Git repository", git.remote ?? git.remoteUrl],
    ["Git commit", (git.commit ?? run.commit) && html`<code>${git.commit ?? run.commit}</code>`],
  ].filter(([, shown]) => shown);
  return html`<div class="columns">
    <section class="card"><h2>Run</h2><${KeyValues} rows=${facts} /></section>
    <${RunAlerts} place=${{ ...place, run: run.name }} version=${run.heartbeatAt} />
    <section class="card"><h2>Config</h2>
      <input type="search" data-hotkey="/" placeholder="Search keys" aria-label="Search keys" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      ${rows(run.config).length ? html`<${KeyValues} rows=${rows(run.config)} />` : html`<p class="notice">No config.</p>`}</section>
    <section class="card"><h2>Summary</h2>
      ${rows(run.summary).length ? html`<${KeyValues} rows=${rows(run.summary)} />` : html`<p class="notice">No summary.</p>`}</section>
    ${metadata && Object.keys(environment).length > 0 && html`<section class="card"><h2>Environment</h2>
      <${KeyValues} rows=${rows(flatten(environment))} /></section>`}
  </div>`;
}

export function RunPage({ place, name, tab, query }) {
  const [deleting, setDeleting] = useState(false);
  const load = async () => {
    const { project } = await graphql(RUN, { ...place, run: name });
    return project?.run ? asRun(project.run) : null;
  };
  const { value: run, loading, error, reload } = useLoaded(load, [place.entity, place.project, name]);
  const live = run && !["finished", "failed", "killed"].includes(run.state);
  usePolling(reload, live ? LIVE_SECONDS : 0, [name]);
  const { value: types } = useLoaded(() => metricsOf(place, [name]), [name, run?.historyLineCount]);
  if (!run) return html`<${Status} loading=${loading} error=${error} empty>There is no run ${name} in ${place.entity}/${place.project}, or you may not see it.<//>`;
  const save = run.readOnly ? null : async (values) => {
    await changeRun(run.id, values);
    reload();
  };
  const path = (to) => pathTo(place.entity, place.project, "runs", name) + (to === "charts" ? "" : `/${to}`);
  const at = { ...place, run: name };
  const drawn = new Set(run.charts.map((chart) => chart.table)); // beside the metrics
  const media = [...(types ?? [])].filter(([key, kinds]) => !drawn.has(key) && [...kinds].some((kind) => !PLAIN.includes(kind))).map(([key]) => key);
  const tabs = TABS.filter(([each]) => each !== "media" || media.length);
  return html`<article class="run">
    <header class="run-head">
      <i class="dot" style=${{ background: color(`${place.entity}/${place.project}`, name) }}></i>
      <h1><${Editable} text=${label(run)} label="name" onSave=${save && ((text) => save({ displayName: text }))} /></h1>
      <${State} state=${run.state} />
      <span class="quiet"><${Moment} at=${run.createdAt} /> · ${duration(live ? (Date.now() - moment(run.createdAt)) / 1000 : lasted(run))}</span>
      <${Tags} tags=${run.tags} />
      ${(save || session.parquet) && html`<${Menu} label="⋯" title="More" align="right">
        ${session.parquet && html`<a class="button" download href=${historyParquet(place, name)}>History as Parquet</a>`}
        ${save && run.state === "running" && html`<button type="button" onClick=${async () => { await graphql("mutation S($id: ID!) { stopRun(input: {id: $id}) { success } }", { id: run.id }); reload(); }}>Ask it to stop</button>`}
        ${save && html`<button type="button" class="danger" onClick=${() => setDeleting(true)}>Delete</button>`}
      <//>`}
    </header>
    <${Tabs} tabs=${tabs} current=${tab} path=${path} />
    ${deleting && html`<${Dialog} title="Delete ${label(run)}?" action="Delete" danger onClose=${() => setDeleting(false)}
      onDone=${async () => { await deleteRuns([run.id]); navigate(pathTo(place.entity, place.project)); }}><p>Its rows and files are removed for good.</p><//>`}
    ${tab === "charts" && types && html`<${Charts} place=${place} run=${run} query=${query} types=${types} />`}
    ${tab === "overview" && html`<${Overview} place=${place} run=${run} save=${save} />`}
    ${tab === "system" && html`<${System} place=${place} run=${run} query=${query} />`}
    ${tab === "console" && html`<${Console} place=${at} count=${run.logLineCount} live=${live} />`}
    ${tab === "files" && html`<${Files} place=${at} count=${run.fileCount} />`}
    ${tab === "media" && types && html`<${Media} place=${at} keys=${media} settings=${run.settings} version=${run.historyLineCount} />`}
    ${tab === "artifacts" && html`<${RunArtifacts} place=${at} />`}
  </article>`;
}
