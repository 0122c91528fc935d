// Charts that a run made of a table, with `wandb.plot`: of one run by step, of several runs over each other.
import { html, useMemo, useRef, useState, useLoaded, useOnceSeen } from "./lib.js";
import { number } from "./format.js";
import { fetchJson } from "./files.js";
import { Figure } from "./figure.js";
import { StepSlider, rowAt, useSteps } from "./steps.js";
import { Plot } from "./plots.js";
import { DataTable } from "./data-table.js";
import { Status } from "./parts.js";
import { drawingOf } from "./presets.js";
import { saveCsv, saveSvg } from "./export.js";
import { PresetChart, usePreset } from "./preset-chart.js";

const MOST = 20; // tables that one chart fetches

// Charts of the same key and kind belong together.
export function chartsOfRuns(runs) {
  const found = new Map();
  for (const run of runs) {
    for (const chart of run.charts) {
      if (!found.has(chart.key)) found.set(chart.key, { ...chart, runs: [] });
      const known = found.get(chart.key);
      if (known.preset === chart.preset) known.runs.push(run);
    }
  }
  return [...found.values()];
}

const pathOf = (table) => (typeof table?.path === "string" && /table-file$/.test(table._type) ? table.path : null);

// What is drawn of which run: the table of a step where one run is looked at, else the newest.
function useTables({ place, chart, lineOf, version, stepped, seen }) {
  const [step, setStep] = useState(null);
  const chosen = chart.runs.slice(0, MOST);
  const { value: rows } = useSteps({ ...place, run: chosen[0].name }, chart.table, version, Boolean(seen && stepped));
  const at = rows?.length ? rowAt(rows, step) : 0;
  const tableOf = (run) => pathOf(rows?.length ? rows[at][chart.table] : run.summary[chart.table]);
  const wanted = chosen.filter(tableOf);
  const load = async () => {
    if (!seen) return null;
    return Promise.all(wanted.map(async (run) => {
      const { columns = [], data = [] } = await fetchJson({ ...place, run: run.name }, tableOf(run));
      return { run: lineOf(run), columns: columns.map(String), data: data.filter(Array.isArray) };
    }));
  };
  const found = useLoaded(load, [seen, ...[chosen.map((run) => run.name), wanted.map(tableOf)].map(JSON.stringify)]);
  const slider = rows?.length > 1 && html`<${StepSlider} rows=${rows} at=${at} name=${chart.key} onStep=${setStep} />`;
  return { ...found, slider, step: rows?.length > 1 ? rows[at]._step : null };
}

export function CustomChart({ place, chart, lineOf, version, stepped, tools }) {
  const holder = useRef(null);
  const drawn = useRef(null);
  const seen = useOnceSeen(holder);
  const [asTable, setAsTable] = useState(false);
  const { value: tables, error, loading, slider, step } = useTables({ place, chart, lineOf, version, stepped, seen });
  const drawing = useMemo(() => tables && drawingOf(chart, tables), [tables, chart.preset, JSON.stringify([chart.fields, chart.texts])]);
  const { value: preset } = usePreset(chart.preset, Boolean(tables?.length && !drawing));
  const drawable = drawing || preset;
  const title = chart.texts.title || chart.key;
  const csv = () => {
    const [{ columns }] = tables;
    saveCsv(`${place.project}-${chart.key}`, ["run", ...columns], tables.flatMap(({ run, data }) => data.map((row) => [run.label, ...row])));
  };
  const actions = html`
    ${drawable && html`<button type="button" aria-pressed=${asTable} onClick=${() => setAsTable(!asTable)}>table</button>`}
    <button type="button" title="Save as CSV" disabled=${!tables?.length} onClick=${csv}>CSV</button>
    ${drawing && !asTable && html`<button type="button" title="Save as PNG" onClick=${() => saveSvg(`${place.project}-${chart.key}`, drawn.current, title)}>PNG</button>`}`;
  const notes = [
    step !== null && `step ${number(step)}`,
    chart.runs.length > MOST && `the first ${MOST} of ${number(chart.runs.length)} runs`,
    tables?.length > 0 && !drawable && `the table of ${chart.preset}`,
  ];
  return html`<div ref=${holder}><${Figure} title=${title} note=${notes.filter(Boolean).join(" · ")} busy=${loading} actions=${actions} tools=${tools}>
    ${drawing && !asTable ? html`<${Plot} drawing=${drawing} label=${title} place=${drawn} />`
      : preset && tables?.length && !asTable ? html`<${PresetChart} preset=${preset} chart=${chart} tables=${tables} title=${title} />`
      : tables?.length ? html`<div class="plot scrolled"><${DataTable} table=${tables[0]} name=${chart.key} /></div>`
      : html`<${Status} loading=${loading || !seen} error=${error} empty>No table yet.<//>`}
    ${slider}
  <//></div>`;
}
