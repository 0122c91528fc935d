// Charts in sections by the prefix of their metric, with the settings that they share.
import { html, useMemo, useState } from "./lib.js";
import { setQuery } from "./router.js";
import { naturally } from "./format.js";
import { Guard } from "./parts.js";
import { matcher } from "./filters.js";
import { CustomChart } from "./custom-charts.js";
import { LayoutMenu, PINNED, arranged, moved, toggled } from "./layout.js";
import { MediaPanel } from "./media-panel.js";
import { MetricChart } from "./metric-chart.js";
import { DEFINED, X_AXES } from "./lines.js";

const FIRST = 24;

// What part of which axis is shown: `3~7`, of another axis than the step `3~7~epoch`.
function zoomOf(text) {
  const [low, high, ...axis] = (text ?? "").split("~");
  const ends = [low, high].map(Number);
  return low && high && ends.every(Number.isFinite) && ends[0] < ends[1] ? { axis: axis.join("~") || "_step", ends } : null;
}

// As many digits as tell the ends apart: seconds of this century need more than steps.
function short([low, high]) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const digits = 4 + Math.ceil(Math.log10(size / (high - low)));
  return [low, high].map((end) => Number(end.toPrecision(Math.max(5, digits))));
}

export function zoomTo(ends, axis) {
  const parts = ends && [...short(ends), ...(axis === "_step" ? [] : [axis])];
  setQuery({ zoom: parts && parts.join("~") });
}

// Settings of charts, as they stand in the address.
export function chartSettings(query) {
  return {
    axis: query.get("x") || DEFINED,
    smoothing: Math.min(0.999, Math.max(0, Number(query.get("smooth")) || 0)),
    logX: query.has("logx"),
    logY: query.has("logy"),
    range: zoomOf(query.get("zoom")),
    search: query.get("metrics") ?? "",
  };
}

export function ChartControls({ settings, metrics, children }) {
  const { axis, smoothing, logX, logY } = settings;
  const others = metrics.includes(axis) || axis.startsWith("_") || axis === DEFINED ? metrics : [axis, ...metrics];
  return html`<div class="toolbar" role="toolbar" aria-label="Charts">
    <input type="search" data-hotkey="/" placeholder="Search metrics" aria-label="Search metrics (regular expression)"
      value=${settings.search} onInput=${(event) => setQuery({ metrics: event.target.value })} />
    <label>X <select aria-label="X axis" value=${axis} onChange=${(event) => setQuery({ x: event.target.value === DEFINED ? null : event.target.value, zoom: null })}>
      <option value=${DEFINED}>As defined, or step</option>
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

// before the keys of charts that runs made themselves, and of media
const CUSTOM = "chart:";
const MEDIA = "media:";

// What can be done with the place of a chart: pin it, move it, drag it by its title.
function toolsOf(id, ids, section, { layout, change }) {
  const pinned = layout.pinned.includes(id);
  const kind = `asyncwb/${section.toLowerCase()}`; // charts move within their section
  const move = (name, to) => change(section === PINNED ? { pinned: moved(ids, name, to) } : { charts: { ...layout.charts, [section]: moved(ids, name, to) } });
  return {
    buttons: html`
      <button type="button" title="Earlier" disabled=${ids[0] === id} onClick=${() => move(id, -1)}>‹</button>
      <button type="button" title="Later" disabled=${ids[ids.length - 1] === id} onClick=${() => move(id, 1)}>›</button>
      <button type="button" title=${pinned ? "Unpin" : "Pin to the top"} aria-pressed=${pinned} onClick=${() => change({ pinned: toggled(layout.pinned, id) })}>${pinned ? "★" : "☆"}</button>`,
    handle: { draggable: true, onDragStart: (event) => event.dataTransfer.setData(kind, id) },
    target: {
      onDragOver: (event) => event.dataTransfer.types.includes(kind) && event.preventDefault(),
      onDrop: (event) => {
        event.preventDefault();
        move(event.dataTransfer.getData(kind), id);
      },
    },
  };
}

function Section({ name, ids, arranging, draw }) {
  const [open, setOpen] = useState(true);
  const [many, setMany] = useState(FIRST);
  return html`<section class="charts-section">
    <h2><button type="button" aria-expanded=${open} onClick=${() => setOpen(!open)}><span class="arrow" aria-hidden="true">▾</span>${name} <small>${ids.length}</small></button></h2>
    ${open && html`<div class="charts">${ids.slice(0, many).map((id) => {
      const tools = toolsOf(id, ids, name, arranging);
      return html`<div key=${id} class="panel" ...${tools.target}><${Guard}>${draw(id, tools)}<//></div>`;
    })}</div>`}
    ${open && ids.length > many && html`<button type="button" class="more" onClick=${() => setMany(many + FIRST)}>Show more of ${ids.length - many}</button>`}
  </section>`;
}

// `charts` are those that runs made of tables; `arranging` is what `useLayout` gives.
export function Panels({ metrics, charts = [], media = [], settings, sectionOf, arranging, lineOf, ...rest }) {
  const [custom, shows] = useMemo(() => [new Map(charts.map((chart) => [CUSTOM + chart.key, chart])), new Map(media.map((each) => [MEDIA + each.key, each]))], [charts, media]);
  const sections = useMemo(() => {
    const fits = matcher(settings.search);
    const found = sectionsOf(metrics.filter((metric) => fits(metric) && metric !== settings.axis), sectionOf);
    const more = [["Custom charts", custom], ["Media", shows]].map(([name, members]) => [name, [...members].filter(([, each]) => fits(each.key)).map(([id]) => id)]);
    return [...found, ...more.filter(([, ids]) => ids.length)];
  }, [metrics, custom, shows, settings.search, settings.axis]);
  const shown = arranged(sections, arranging.layout);
  const draw = (id, tools) => {
    const { place, version, stepped } = rest;
    if (custom.has(id)) return html`<${CustomChart} chart=${custom.get(id)} place=${place} lineOf=${lineOf} version=${version} stepped=${stepped} tools=${tools} />`;
    if (shows.has(id)) return html`<${MediaPanel} media=${shows.get(id)} place=${place} lineOf=${lineOf} version=${version} tools=${tools} />`;
    return html`<${MetricChart} metric=${id} settings=${settings} tools=${tools} ...${rest} />`;
  };
  return html`${sections.length > 0 && html`<div class="sections-menu"><${LayoutMenu} sections=${sections.map(([name]) => name)} ...${arranging} /></div>`}
    ${!sections.length && html`<p class="notice">${metrics.length || charts.length || media.length ? "No metric fits the search." : "Nothing is logged yet."}</p>`}
    ${sections.length > 0 && !shown.length && html`<p class="notice">All sections are hidden.</p>`}
    ${shown.map(([name, ids]) => html`<${Section} key=${name} name=${name} ids=${ids} arranging=${arranging} draw=${draw} />`)}`;
}
