// Charts of Vega and Vega-Lite, in the colours of the page where they have none of their own.
import { expressionInterpreter } from "../vendor/vega-interpreter.js";

const PLACE = /\$\{(field|string):([^}:]+)(?::([^}]*))?\}/g;
const DATA = "wandb"; // what a preset calls the table
const PATHS = new Set(["field", "fields", "groupby"]); // where Vega reads a name as a path
const MANY = ["concat", "hconcat", "vconcat", "facet", "repeat"]; // views that have sizes of their own

const container = document.getElementById("view");
let shown = null;

// Vega-Lite would show a name as it stands in a path.
function fieldTitle({ aggregate, field }) {
  const name = field?.replace(/\\(.)/g, "$1") ?? "Records";
  return typeof aggregate === "string" ? `${aggregate} of ${name}` : name;
}

// A preset with the names of columns and the texts in their places.
function filled(part, given, key = "") {
  if (Array.isArray(part)) return part.map((each) => filled(each, given, key));
  if (part && typeof part === "object") return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, filled(each, given, name)]));
  if (typeof part !== "string") return part;
  const put = (_, kind, name, otherwise) => {
    const found = given[kind][name] ?? otherwise ?? "";
    return kind === "field" && PATHS.has(key) ? String(found).replace(/[.[\]\\]/g, "\\$&") : String(found);
  };
  return part.replace(PLACE, put);
}

function styleOf({ surface, text, muted, grid }) {
  const guide = { labelColor: muted, titleColor: text };
  return {
    background: surface, title: { color: text, subtitleColor: muted }, view: { stroke: grid },
    axis: { ...guide, gridColor: grid, domainColor: grid, tickColor: grid }, legend: guide, header: guide, style: { "guide-label": { fill: muted }, "guide-title": { fill: text } },
  };
}

function specOf({ spec, fields, texts, rows }, colors) {
  const own = filled(JSON.parse(spec), { field: fields, string: texts });
  if (/\/vega\//.test(own.$schema ?? "")) {
    const sources = (own.data ?? []).filter((source) => source.name !== DATA);
    const given = (own.data ?? []).find((source) => source.name === DATA);
    return vega.parse({ ...own, data: [{ ...given, name: DATA, values: rows }, ...sources] }, styleOf(colors), { ast: true });
  }
  const size = MANY.some((kind) => kind in own) ? {} : { width: "container", height: "container", autosize: { type: "fit", contains: "padding" } };
  const whole = { ...size, data: { name: DATA }, ...own, datasets: { ...own.datasets, [DATA]: rows } };
  return vega.parse(vegaLite.compile(whole, { config: styleOf(colors), fieldTitle }).spec, null, { ast: true });
}

async function draw(colors) {
  shown.view?.finalize();
  shown.view = new vega.View(specOf(shown.chart, colors), { expr: expressionInterpreter, container, hover: true, renderer: "svg", logLevel: vega.None });
  await shown.view.runAsync();
}

viewers.follow({
  show(_name, file, colors) {
    shown = { chart: JSON.parse(viewers.text(file)), view: shown?.view };
    return draw(colors);
  },
  dress: (colors) => shown && draw(colors),
});
