// One chart: lines over a shared x axis. Drag to zoom, double-click for everything.
import { html, useEffect, useMemo, useRef } from "./lib.js";
import { duration, number } from "./format.js";
import { saveCsv, savePng } from "./export.js";
import { Figure } from "./figure.js";
import { inTurn } from "./turns.js";

const FEW_POINTS = 40;
const NEAR = 60;
const LISTED = 9;
const HIGHLIGHTED = 40;
const DENSE = 20_000;
const DIGITS = 7; // of what the server answers

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function formatX(axis, value) {
  if (axis === "_timestamp") return new Date(value * 1000).toLocaleString();
  if (axis === "_runtime") return duration(value);
  return number(value);
}

// The nearest place with a value: runs need not have one at every place.
function nearest(plot, index, hovered) {
  const values = plot.data[index];
  for (let away = 0; away <= NEAR; away += 1) {
    if (values[hovered - away] != null) return hovered - away;
    if (values[hovered + away] != null) return hovered + away;
  }
  return hovered;
}

function tooltip(box, specs, axis) {
  return (plot) => {
    const { left, top, idx } = plot.cursor;
    if (idx == null || left < 0 || !plot.root.matches(":hover")) {
      box.hidden = true;
      return;
    }
    const at = plot.posToVal(top, "y");
    const rows = specs
      .map((spec, i) => ({ spec, value: plot.data[i + 1][nearest(plot, i + 1, idx)] }))
      .filter(({ spec, value }) => !spec.hidden && value != null)
      .sort((a, b) => Math.abs(a.value - at) - Math.abs(b.value - at))
      .slice(0, LISTED)
      .sort((a, b) => b.value - a.value);
    if (!rows.length) {
      box.hidden = true;
      return;
    }
    box.replaceChildren(
      Object.assign(document.createElement("b"), { textContent: formatX(axis, plot.data[0][idx]) }),
      ...rows.map(({ spec, value }) => {
        const row = document.createElement("div");
        const dot = document.createElement("i");
        dot.style.background = spec.color;
        const label = Object.assign(document.createElement("span"), { textContent: spec.label });
        const text = Object.assign(document.createElement("em"), { textContent: number(value) });
        row.append(dot, label, text);
        return row;
      }),
    );
    box.hidden = false;
    const right = left > plot.over.clientWidth / 2;
    box.style.left = right ? "" : `${plot.over.offsetLeft + left + 14}px`;
    box.style.right = right ? `${plot.root.clientWidth - plot.over.offsetLeft - left + 14}px` : "";
  };
}

function options(box, { series, bands }, settings, size) {
  const { axis, logX, logY, range, zoomed, columns } = settings;
  const line = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const few = columns[0].length <= FEW_POINTS;
  // Browsers draw lines of one dot many times faster than any other.
  const dense = series.length * columns[0].length > DENSE;
  const bounds = (plot, low, high) => {
    if (range) return range;
    if (low == null) return [logX ? 1 : 0, logX ? 10 : 1];
    return low === high ? [logX ? low / 2 : low - 1, logX ? high * 2 : high + 1] : [low, high];
  };
  return {
    ...size,
    padding: [10, 14, 0, 0],
    legend: { show: false },
    focus: { alpha: series.length <= HIGHLIGHTED ? 0.35 : 1 },
    scales: {
      x: { time: axis === "_timestamp", distr: logX ? 3 : 1, range: bounds },
      y: logY ? { distr: 3 } : { range: (plot, low, high) => (low == null ? [0, 1] : uPlot.rangeNum(low, high, 0.08, false)) },
    },
    axes: [
      { ...line, size: 28, space: 70, ...(axis === "_timestamp" ? {} : { values: (plot, ticks) => ticks.map((tick) => (tick == null ? "" : formatX(axis, tick))) }) },
      { ...line, size: 58, space: 32, values: (plot, ticks) => ticks.map((tick) => (tick == null ? "" : number(tick))) },
    ],
    series: [{}, ...series.map((spec) => ({
      label: spec.label,
      stroke: spec.width ? spec.color : "transparent",
      width: dense ? Math.min(spec.width, 1 / devicePixelRatio) : spec.width,
      spanGaps: true,
      points: { show: few && !spec.hidden, size: 5, fill: spec.color },
    }))],
    bands,
    cursor: {
      drag: { x: true, y: false, setScale: false },
      focus: series.length <= HIGHLIGHTED ? { prox: 24 } : undefined,
      dataIdx: nearest,
      points: { show: series.length <= HIGHLIGHTED },
      sync: { key: `x:${axis}:${logX}`, setSeries: false },
      bind: { dblclick: () => () => { zoomed(null); return null; } },
    },
    hooks: {
      setCursor: [tooltip(box, series, axis)],
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width > 4) zoomed([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
    },
  };
}

export function Chart({ title, lines, axis, logX, logY, range, onZoom, loading, error, note, file, tools }) {
  const place = useRef(null);
  const box = useRef(null);
  const plot = useRef(null);
  const drawn = useRef(null);
  const latest = useRef(null);
  latest.current = lines;
  const zoomed = useRef(onZoom);
  zoomed.current = onZoom;
  const shape = useMemo(
    () => JSON.stringify([lines.series, lines.bands, axis, logX, logY, range, lines.columns[0].length <= FEW_POINTS]),
    [lines, axis, logX, logY, range],
  );
  const empty = !lines.series.length;

  useEffect(() => {
    if (empty) return undefined;
    const node = place.current;
    const size = () => ({ width: node.clientWidth, height: node.clientHeight });
    const make = () => {
      if (!box.current) return; // it was taken away before its turn came
      const now = latest.current;
      const settings = { axis, logX, logY, range, columns: now.columns, zoomed: (to) => zoomed.current(to) };
      plot.current?.destroy();
      plot.current = new uPlot(options(box.current, now, settings, size()), now.columns, node);
      drawn.current = now;
    };
    const takeBack = inTurn(make);
    const resized = new ResizeObserver(() => plot.current?.setSize(size()));
    resized.observe(node);
    window.addEventListener("theme", make);
    return () => {
      takeBack();
      resized.disconnect();
      window.removeEventListener("theme", make);
    };
  }, [shape, empty]);

  useEffect(() => {
    if (empty) return undefined;
    return inTurn(() => {
      if (plot.current && drawn.current !== lines) plot.current.setData(lines.columns);
      drawn.current = lines;
    });
  }, [lines]);

  // A new plot takes the place of the last one when it is its turn; where there is nothing to draw, none is.
  useEffect(() => () => {
    plot.current?.destroy();
    plot.current = null;
  }, [empty]);

  const csv = () => {
    const header = [axis, ...lines.series.map((spec, i) => spec.label + (spec.hidden ? ` (${lines.bands.length ? ["max", "min"][i % 3] : "raw"})` : ""))];
    const value = (y) => (y == null ? null : Number(y.toPrecision(DIGITS)));
    const [x, ...columns] = lines.columns;
    saveCsv(file, header, x.map((at, row) => [at, ...columns.map((column) => value(column[row]))]));
  };

  const actions = html`
    ${range && html`<button type="button" title="Show everything" onClick=${() => onZoom(null)}>reset zoom</button>`}
    <button type="button" title="Save as CSV" disabled=${empty} onClick=${csv}>CSV</button>
    <button type="button" title="Save as PNG" disabled=${empty} onClick=${() => savePng(file, plot.current.ctx.canvas, title)}>PNG</button>`;
  return html`<${Figure} title=${title} note=${note} busy=${loading} actions=${actions} tools=${tools}>
    <div class="plot" ref=${place}>
      ${error && html`<p class="notice error">${error.message}</p>`}
      ${empty && !error && html`<p class="notice">${loading ? "Loading …" : "No values here"}</p>`}
      <div class="tooltip" ref=${box} hidden></div>
    </div>
  <//>`;
}
