// What the charts of `wandb.plot` draw of a table: marks, as {kind, x, y, color, text ...}.
import { PALETTE } from "./colors.js";
import { number, value } from "./format.js";

const BINS = 30;
const MOST_CLASSES = 100; // of a matrix; its table says more
const DASHES = ["—", "- -", "···", "-·-"]; // of lines, as their drawing has them
const paint = (i) => PALETTE[i % PALETTE.length];

// Rows of all runs with their values under the names that the chart gives them.
function rowsOf(tables, fields) {
  return tables.flatMap(({ run, columns, data }) => {
    const at = Object.fromEntries(Object.entries(fields).map(([name, column]) => [name, columns.indexOf(column)]));
    return data.map((row) => ({ run, ...Object.fromEntries(Object.entries(at).map(([name, i]) => [name, i < 0 ? null : row[i]])) }));
  });
}

// Colours by the run where there are several, else by a column.
function painter(rows, tables, name) {
  const kinds = [...new Set(rows.map((row) => value(row[name])))];
  const several = tables.length > 1;
  return {
    kinds,
    of: (row) => (several ? row.run.color : paint(kinds.indexOf(value(row[name])))),
    label: (row) => [several && row.run.label, name && row[name] !== null && value(row[name])].filter(Boolean).join(" · "),
    legend: several ? [...tables.map(({ run }) => [run.label, run.color]), ...(name && kinds.length > 1 ? kinds.map((kind, i) => [`${DASHES[i % DASHES.length]} ${kind}`, null]) : [])] : kinds.length > 1 ? kinds.map((kind, i) => [kind, paint(i)]) : [],
  };
}

function lines(tables, { x, y, by }, titles) {
  const rows = rowsOf(tables, { x, y, by });
  const colors = painter(rows, tables, "by");
  const found = new Map();
  for (const row of rows) {
    if (typeof row.y !== "number" || row.x === null) continue;
    const key = JSON.stringify([row.run.name, value(row.by)]);
    if (!found.has(key)) found.set(key, { color: colors.of(row), text: colors.label(row), dashed: tables.length > 1 ? colors.kinds.indexOf(value(row.by)) : 0, points: [] });
    found.get(key).points.push([row.x, row.y]);
  }
  const marks = [...found.values()];
  for (const mark of marks) if (mark.points.every(([at]) => typeof at === "number")) mark.points.sort(([a], [b]) => a - b);
  return { kind: "lines", marks, legend: colors.legend, x: titles.x ?? x, y: titles.y ?? y };
}

function scatter(tables, { x, y }) {
  const rows = rowsOf(tables, { x, y }).filter((row) => row.x !== null && row.y !== null);
  const colors = painter(rows, tables, "");
  return { kind: "points", marks: rows.map((row) => ({ x: row.x, y: row.y, color: colors.of(row), text: colors.label(row) })), legend: colors.legend, x, y };
}

function bars(tables, { label, value: size }) {
  const rows = rowsOf(tables, { label, size }).filter((row) => typeof row.size === "number");
  const colors = painter(rows, tables, "");
  const marks = rows.map((row) => ({ name: value(row.label), size: row.size, color: colors.of(row), text: colors.label(row), run: row.run.name }));
  return { kind: "bars", marks, names: [...new Set(marks.map((mark) => mark.name))], runs: tables.map(({ run }) => run.name), legend: colors.legend, x: size, y: label };
}

function histogram(tables, { value: column }) {
  const rows = rowsOf(tables, { at: column }).filter((row) => typeof row.at === "number" && Number.isFinite(row.at));
  const colors = painter(rows, tables, "");
  const low = rows.reduce((least, row) => Math.min(least, row.at), Infinity);
  const high = rows.reduce((most, row) => Math.max(most, row.at), -Infinity);
  const width = (high - low) / BINS || 1;
  const marks = tables.map(({ run }) => {
    const counts = new Array(BINS).fill(0);
    for (const row of rows) if (row.run === run) counts[Math.min(BINS - 1, Math.floor((row.at - low) / width))] += 1;
    return { color: tables.length > 1 ? run.color : paint(0), text: tables.length > 1 ? run.label : "", counts };
  });
  return { kind: "histogram", marks: rows.length ? marks : [], low, width, legend: colors.legend, x: column, y: "count" };
}

function confusion(tables, fields) {
  const rows = rowsOf(tables, fields);
  const names = [...new Set(rows.flatMap((row) => [value(row.Actual), value(row.Predicted)]))];
  if (names.length > MOST_CLASSES) return null;
  const cells = new Map();
  for (const row of rows) {
    const key = JSON.stringify([value(row.Actual), value(row.Predicted)]);
    if (!cells.has(key)) cells.set(key, { actual: value(row.Actual), predicted: value(row.Predicted), count: 0, parts: [] });
    const cell = cells.get(key);
    cell.count += Number(row.nPredictions) || 0;
    if (tables.length > 1) cell.parts.push(`${row.run.label}: ${number(row.nPredictions)}`);
  }
  return { kind: "matrix", marks: [...cells.values()], names, legend: [], x: "Predicted", y: "Actual" };
}

const DRAWN = {
  line: (tables, fields) => lines(tables, { x: fields.x, y: fields.y, by: fields.stroke }, {}),
  lineseries: (tables, fields, texts) => lines(tables, { x: fields.step, y: fields.lineVal, by: fields.lineKey }, { x: texts.xname || "x", y: "" }),
  "area-under-curve": (tables, fields, texts) => lines(tables, { x: fields.x, y: fields.y, by: fields.class }, { x: texts["x-axis-title"], y: texts["y-axis-title"] }),
  scatter, bar: bars, histogram, confusion_matrix: confusion,
};

// The drawing of a chart; null where it has one of its own that this server does not know, or is too large for one.
export function drawingOf({ preset, fields, texts }, tables) {
  const draw = DRAWN[/^wandb\/([\w-]+)\/v\d+$/.exec(preset)?.[1]];
  return draw && tables.length ? draw(tables, fields, texts) : null;
}

// The key of the table that a chart asks for.
function tableOf(fields) {
  for (const field of Array.isArray(fields) ? fields : []) {
    const found = field?.args?.find?.((each) => each?.name === "tableKey")?.value ?? tableOf(field?.fields);
    if (found) return String(found);
  }
  return null;
}

// The charts that the config of a run asks for.
export function chartsOf(settings) {
  const found = [];
  for (const [key, entry] of Object.entries(settings?.visualize ?? {})) {
    const panel = entry?.panel_config;
    if (entry?.panel_type !== "Vega2" || !panel) continue;
    const table = tableOf(panel.userQuery?.queryFields) ?? `${key}_table`;
    found.push({ key, preset: String(panel.panelDefId ?? ""), fields: panel.fieldSettings ?? {}, texts: panel.stringSettings ?? {}, table });
  }
  for (const [key, entry] of Object.entries(settings?.viz ?? {})) found.push({ key, preset: String(entry?.id ?? ""), fields: {}, texts: {}, table: key });
  return found;
}
