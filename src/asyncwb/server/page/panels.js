// Charts in sections by the prefix of their metric, with the settings that they share.
import { html, useMemo, useState } from "./lib.js";
import { setQuery } from "./router.js";
import { naturally } from "./format.js";
import { MetricChart } from "./metric-chart.js";
import { X_AXES } from "./lines.js";

const FIRST = 24;

// Settings of charts, as they stand in the address.
export function chartSettings(query) {
  const range = (query.get("zoom") ?? "").split("~").map(Number);
  return {
    axis: query.get("x") || "_step",
    smoothing: Math.min(0.999, Math.max(0, Number(query.get("smooth")) || 0)),
    logX: query.has("logx"),
    logY: query.has("logy"),
    range: range.length === 2 && range.every(Number.isFinite) && range[0] < range[1] ? range : null,
    search: query.get("metrics") ?? "",
  };
}

export const zoomTo = (range) => setQuery({ zoom: range && range.map((x) => Number(x.toPrecision(8))).join("~") });

export function matcher(text) {
  try {
    const pattern = new RegExp(text, "i");
    return (name) => pattern.test(name);
  } catch {
    return (name) => name.toLowerCase().includes(text.toLowerCase());
  }
}

export function ChartControls({ settings, metrics, children }) {
  const { axis, smoothing, logX, logY } = settings;
  const others = metrics.includes(axis) || axis.startsWith("_") ? metrics : [axis, ...metrics];
  return html`<div class="toolbar" role="toolbar" aria-label="Charts">
    <input type="search" data-hotkey="/" placeholder="Search metrics" aria-label="Search metrics (regular expression)"
      value=${settings.search} onInput=${(event) => setQuery({ metrics: event.target.value })} />
    <label>X <select aria-label="X axis" value=${axis} onChange=${(event) => setQuery({ x: event.target.value === "_step" ? null : event.target.value, zoom: null })}>
      ${X_AXES.map(([key, title]) => html`<option key=${key} value=${key}>${title}</option>`)}
      ${others.length > 0 && html`<optgroup label="Metrics">${others.map((key) => html`<option key=${key} value=${key}>${key}</option>`)}</optgroup>`}
    </select></label>
    <label>Smoothing <input type="range" min="0" max="0.99" step="0.01" value=${smoothing} aria-label="Smoothing"
      onInput=${(event) => setQuery({ smooth: Number(event.target.value) ? event.target.value : null })} /></label>
    <button type="button" aria-pressed=${smoothing > 0} title="Smoothing on or off"
      onClick=${() => setQuery({ smooth: smoothing ? null : "0.6" })}>${smoothing ? smoothing.toFixed(2) : "off"}</button>
    <label><input type="checkbox" checked=${logX} onChange=${(event) => setQuery({ logx: event.target.checked })} /> log x</label>
    <label><input type="checkbox" checked=${logY} onChange=${(event) => setQuery({ logy: event.target.checked })} /> log y</label>
    ${settings.range && html`<button type="button" class="accent" onClick=${() => zoomTo(null)}>Reset zoom</button>`}
    ${children}
  </div>`;
}

const upToSlash = (metric) => metric.slice(0, Math.max(0, metric.indexOf("/")));

export function sectionsOf(metrics, sectionOf = upToSlash) {
  const sections = new Map();
  for (const metric of [...metrics].sort(naturally)) {
    const name = sectionOf(metric) || "Charts";
    if (!sections.has(name)) sections.set(name, []);
    sections.get(name).push(metric);
  }
  return [...sections].sort(([a], [b]) => (b === "Charts") - (a === "Charts") || naturally(a, b));
}

function Section({ name, metrics, ...rest }) {
  const [open, setOpen] = useState(true);
  const [many, setMany] = useState(FIRST);
  return html`<section class="charts-section">
    <h2><button type="button" aria-expanded=${open} onClick=${() => setOpen(!open)}><span class="arrow" aria-hidden="true">▾</span>${name} <small>${metrics.length}</small></button></h2>
    ${open && html`<div class="charts">${metrics.slice(0, many).map((metric) => html`<${MetricChart} key=${metric} metric=${metric} ...${rest} />`)}</div>`}
    ${open && metrics.length > many && html`<button type="button" class="more" onClick=${() => setMany(many + FIRST)}>Show more of ${metrics.length - many}</button>`}
  </section>`;
}

export function Panels({ metrics, settings, sectionOf, ...rest }) {
  const sections = useMemo(() => {
    const fits = matcher(settings.search);
    return sectionsOf(metrics.filter((metric) => fits(metric) && metric !== settings.axis), sectionOf);
  }, [metrics, settings.search, settings.axis]);
  if (!sections.length) return html`<p class="notice">${metrics.length ? "No metric fits the search." : "Nothing is logged yet."}</p>`;
  return sections.map(([name, members]) => html`<${Section} key=${name} name=${name} metrics=${members} settings=${settings} ...${rest} />`);
}
