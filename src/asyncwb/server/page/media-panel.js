// Media of several runs side by side, at one step.
import { html, useRef, useState, useLoaded, useOnceSeen } from "./lib.js";
import { number } from "./format.js";
import { Figure } from "./figure.js";
import { Guard, Status } from "./parts.js";
import { filesOf } from "./media.js";
import { Item } from "./media-items.js";
import { StepSlider, rowAt, stepsOf } from "./steps.js";

const MOST = 12; // runs

// Media that runs have in their summary, but for the tables of charts: [{key, runs}].
export function mediaOf(runs) {
  const found = new Map();
  for (const run of runs) {
    const drawn = new Set(run.charts.map((chart) => chart.table));
    for (const [key, media] of Object.entries(run.summary)) {
      if (!media?._type || drawn.has(key)) continue;
      if (!found.has(key)) found.set(key, { key, runs: [] });
      found.get(key).runs.push(run);
    }
  }
  return [...found.values()];
}

export function MediaPanel({ place, media, lineOf, version, tools }) {
  const holder = useRef(null);
  const seen = useOnceSeen(holder);
  const [step, setStep] = useState(null);
  const { key, runs } = media;
  const shown = runs.slice(0, MOST);
  const load = async () => (seen ? Promise.all(shown.map((run) => stepsOf({ ...place, run: run.name }, key))) : null);
  const { value: rows, loading, error } = useLoaded(load, [seen, key, version, shown.map((run) => run.name).join()]);
  const steps = [...new Set((rows ?? []).flat().map((row) => row._step))].sort((a, b) => a - b).map((each) => ({ _step: each }));
  const at = steps.length ? rowAt(steps, step) : 0;
  const notes = [steps.length > 1 && `step ${number(steps[at]._step)}`, runs.length > MOST && `the first ${MOST} of ${number(runs.length)} runs`];
  return html`<div ref=${holder}><${Figure} title=${key} note=${notes.filter(Boolean).join(" · ")} busy=${loading} tools=${tools}>
    <div class="plot scrolled media-runs">${rows?.length ? shown.map((run, i) => {
      const row = rows[i]?.[rowAt(rows[i], steps[at]?._step ?? null)];
      const { label, color } = lineOf(run);
      return row && html`<section key=${run.name}><h3><i class="dot" style=${{ background: color }}></i>${label} ${row._step !== steps[at]._step && html`<small>step ${number(row._step)}</small>`}</h3>
        <${Guard} key=${row._step}><${Item} source=${filesOf({ ...place, run: run.name }, run.settings)} name=${key} media=${row[key]} /><//></section>`;
    }) : html`<${Status} loading=${loading || !seen} error=${error} empty>Nothing logged.<//>`}</div>
    <${StepSlider} rows=${steps} at=${at} name=${key} onStep=${setStep} />
  <//></div>`;
}
