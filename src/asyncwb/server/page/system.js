// What machines said of themselves while they ran, over the time of each run.
import { html, useMemo, useState, useLoaded } from "./lib.js";
import { parse } from "./format.js";
import { Panels, zoomTo } from "./panels.js";
import { useLayout } from "./layout.js";
import { inParts } from "./runs.js";

const TAILS = `query Tails($entity: String, $project: String, $filters: JSONString, $first: Int) {
  project(name: $project, entityName: $entity) { runs(filters: $filters, first: $first) { edges { node { eventsLineCount eventsTail } } } } }`;
const PREFIX = "system.";

// Names of the metrics in the last row of a run.
export function systemMetrics(tail) {
  const [text] = parse(tail || "[]");
  return Object.entries(text ? parse(text) : {}).filter(([key, value]) => key.startsWith(PREFIX) && typeof value === "number").map(([key]) => key);
}

const device = (metric) => metric.split(".")[1];

export function SystemCharts({ place, metrics, shown, settings, version }) {
  const stable = useMemo(() => metrics, [metrics.join()]);
  const shared = useMemo(() => ({ ...settings, axis: "_runtime", grouped: false }), [JSON.stringify(settings)]);
  const arranging = useLayout(`${place.entity}/${place.project}/system`);
  return html`<${Panels} place=${place} metrics=${stable} shown=${shown} settings=${shared} arranging=${arranging} stream="events" sectionOf=${device} version=${version} onZoom=${zoomTo} />`;
}

// Of several runs; nothing is asked for until somebody opens it.
export function SystemOfRuns({ place, names, shown, settings, version }) {
  const [open, setOpen] = useState(false);
  const load = async () => {
    if (!open) return null;
    const nodes = await inParts(TAILS, place, names);
    return { metrics: [...new Set(nodes.flatMap((node) => systemMetrics(node.eventsTail)))], version: nodes.reduce((sum, node) => sum + node.eventsLineCount, 0) };
  };
  const { value: found } = useLoaded(load, [open, names.join(), version]);
  return html`<section class="charts-section system">
    <h2><button type="button" aria-expanded=${open} onClick=${() => setOpen(!open)}><span class="arrow" aria-hidden="true">▾</span>System metrics</button></h2>
    ${open && found && (found.metrics.length ? html`<${SystemCharts} place=${place} metrics=${found.metrics} shown=${shown} settings=${settings} version=${found.version} />` : html`<p class="notice">These runs sent none.</p>`)}
  </section>`;
}
