// Media that a run logged, one step at a time.
import { html, useRef, useState, useOnceSeen } from "./lib.js";
import { fileUrl, frameUrl } from "./api.js";
import { naturally, number } from "./format.js";
import { Guard, Status } from "./parts.js";
import { StepSlider, rowAt, useSteps } from "./steps.js";
import { Item } from "./media-items.js";
import { matcher } from "./filters.js";

// Where the files of a run are, and what the classes of its masks and boxes are called.
export function filesOf(place, settings = {}) {
  const labels = (key, layer) => settings["mask/class_labels"]?.[`${key}_wandb_delimeter_${layer}`]?.value;
  return { url: (path) => fileUrl(place, path), frame: (path) => frameUrl(place, path), labels };
}

function Panel({ place, source, name, version, step, onStep }) {
  const holder = useRef(null);
  const seen = useOnceSeen(holder);
  const { value: rows, loading, error } = useSteps(place, name, version, seen);
  const at = rows?.length ? rowAt(rows, step) : 0;
  return html`<section class="card media" ref=${holder}><h2>${name} ${rows?.length > 0 && html`<small>step ${number(rows[at]._step)}</small>`}</h2>
    ${rows?.length ? html`<${StepSlider} rows=${rows} at=${at} name=${name} onStep=${onStep} />
      <${Guard} key=${`${rows[at]._step}`}><${Item} source=${source} name=${name} media=${rows[at][name]} /><//>`
      : html`<${Status} loading=${loading || !seen} error=${error} empty>Nothing logged.<//>`}</section>`;
}

export function Media({ place, keys, settings, version }) {
  const [step, setStep] = useState(null);
  const [search, setSearch] = useState("");
  const source = filesOf(place, settings);
  const shown = keys.filter(matcher(search)).sort(naturally);
  return html`<div class="toolbar"><input type="search" data-hotkey="/" placeholder="Search media" aria-label="Search media (regular expression)" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      <span class="count">${number(shown.length)} of ${number(keys.length)}</span></div>
    <div class="media-grid">${shown.map((key) => html`<${Panel} key=${key} place=${place} source=${source} name=${key} version=${version} step=${step} onStep=${setStep} />`)}</div>`;
}
