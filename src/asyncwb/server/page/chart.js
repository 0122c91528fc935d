// One chart: lines over a shared x axis. Drag to zoom, double-click for everything; see gestures.js.
// uPlot draws the axes and follows the pointer, a worker paints the lines.
import { html, useEffect, useMemo, useRef } from "./lib.js";
import { duration, number } from "./format.js";
import { saveCsv, savePng } from "./export.js";
import { Figure } from "./figure.js";
import { followHands } from "./gestures.js";
import { Painting } from "./painting.js";
import { inTurn } from "./turns.js";

const NEAR = 60;
const LISTED = 9;
const HIGHLIGHTED = 40;
const DIGITS = 7; // of what the server answers

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function formatX(axis, value) {
  if (axis === "_timestamp") return new Date(value * 1000).toLocaleString();
  if (axis === "_runtime") return duration(value);
  return number(value);
}

const has = (value) => value !== undefined && !Number.isNaN(value);

// The nearest place with a value: runs need not have one at every place.
function nearest(plot, index, hovered) {
  const values = plot.data[index];
  for (let away = 0; away <= NEAR; away += 1) {
    for (const index of [hovered - away, hovered + away]) if (has(values[index])) return index;
  }
  return null;
}

function tooltip(box, specs, axis, moving) {
  return (plot) => {
    const { left, top, idx } = plot.cursor;
    if (idx == null || left < 0 || moving() || !plot.root.matches(":hover")) {
      box.hidden = true;
      return;
    }
    const at = plot.posToVal(top, "y");
    const rows = specs
      .map((spec, i) => ({ spec, value: plot.data[i + 1][nearest(plot, i + 1, idx)] }))
      .filter(({ spec, value }) => !spec.hidden && has(value))
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

// The least and largest value of what is seen.
function extremes(plot) {
  const [from, to] = plot.series[0].idxs;
  let [low, high] = [Infinity, -Infinity];
  for (const values of plot.data.slice(1)) {
    for (let i = from; i <= to; i += 1) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
  }
  return [low, high];
}

// The ends of all there is; where only a part is known, there may be more on both sides.
function wholeOf(x, range, logX) {
  const [first, last] = [x[0], x[x.length - 1]];
  return range && first >= range[0] && last <= range[1] ? [logX ? 0 : -Infinity, Infinity] : [first, last];
}

function boundsOfY(plot, logY) {
  const [low, high] = extremes(plot);
  if (low > high) return logY ? [1, 10] : [0, 1];
  return logY ? uPlot.rangeLog(low, high, 10, false) : uPlot.rangeNum(low, high, 0.08, false);
}

function viewOf({ bbox, scales: { x, y }, series }, { logX, logY }) {
  const alphas = series.slice(1).map(({ alpha }) => alpha);
  return {
    width: bbox.width, height: bbox.height, ratio: devicePixelRatio, xs: [x.min, x.max], ys: [y.min, y.max], logX, logY,
    alphas: alphas.some((alpha) => alpha !== 1) ? alphas : null,
  };
}

// `settings.ends` are those of x that somebody chose, or null.
function options(box, { series }, settings, size) {
  const { axis, logX, logY, ends, moving, zoomed, drawn } = settings;
  const line = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const bounds = (plot, low, high) => {
    if (ends()) return ends();
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
      y: { distr: logY ? 3 : 1, range: (plot) => boundsOfY(plot, logY) },
    },
    axes: [
      { ...line, size: 28, space: 70, ...(axis === "_timestamp" ? {} : { values: (plot, ticks) => ticks.map((tick) => (tick == null ? "" : formatX(axis, tick))) }) },
      { ...line, size: 58, space: 32, values: (plot, ticks) => ticks.map((tick) => (tick == null ? "" : number(tick))) },
    ],
    series: [{}, ...series.map((spec) => ({
      label: spec.label, stroke: spec.color, width: spec.width, auto: false, paths: () => null, points: { show: false },
    }))],
    cursor: {
      drag: { x: true, y: false, setScale: false },
      focus: series.length <= HIGHLIGHTED ? { prox: 24 } : undefined,
      dataIdx: nearest,
      points: { show: series.length <= HIGHLIGHTED },
      sync: { key: `x:${axis}:${logX}`, setSeries: false },
      bind: {
        dblclick: () => () => { zoomed(null); return null; },
        mousedown: (plot, target, handle) => (event) => { if (event.button === 0 && !event.shiftKey) handle(event); return null; },
      },
    },
    hooks: {
      draw: [drawn],
      setCursor: [tooltip(box, series, axis, moving)],
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
  const painting = useRef(null);
  const ends = useRef(null); // of x, as they are seen
  const moving = useRef(false); // somebody has the chart in hands: its ends are not yet `range`
  const latest = useRef(null);
  latest.current = { lines, range, onZoom };
  const shape = useMemo(() => JSON.stringify([lines.series, axis, logX, logY]), [lines, axis, logX, logY]);
  const empty = !lines.series.length;

  const whileBusy = (busy) => place.current?.setAttribute("aria-busy", busy);
  const end = () => {
    plot.current?.letGo();
    plot.current?.destroy();
    painting.current?.close();
    plot.current = painting.current = null;
    moving.current = false;
    whileBusy(false);
  };

  useEffect(() => {
    if (empty) return undefined;
    const node = place.current;
    const size = () => ({ width: node.clientWidth, height: node.clientHeight });
    const zoomed = (to) => latest.current.onZoom(to);
    const drawn = (made) => made === plot.current && whileBusy(!painting.current.draw(made.ctx, viewOf(made, { logX, logY }), made.bbox.left, made.bbox.top));
    const make = () => {
      if (!box.current) return; // it was taken away before its turn came
      const now = latest.current.lines;
      end();
      ends.current = latest.current.range;
      painting.current = new Painting(() => plot.current.redraw(false));
      painting.current.setLines(now);
      const settings = { axis, logX, logY, ends: () => ends.current, moving: () => moving.current, zoomed, drawn };
      const made = new uPlot(options(box.current, now, settings, size()), now.columns, node);
      const whole = () => wholeOf(made.data[0], latest.current.range, logX);
      made.letGo = followHands(made, {
        logX,
        whole,
        ends: () => [made.scales.x.min, made.scales.x.max],
        show: (to) => {
          moving.current = true;
          ends.current = to;
          made.setScale("x", { min: to[0], max: to[1] });
        },
        done: (to) => {
          moving.current = false;
          if (to.join() === whole().join()) ends.current = null;
          zoomed(ends.current);
        },
      });
      plot.current = made;
    };
    whileBusy(true);
    const takeBack = inTurn(make);
    const resized = new ResizeObserver(() => {
      const { width, height } = size();
      if (plot.current && (plot.current.width !== width || plot.current.height !== height)) plot.current.setSize({ width, height });
    });
    resized.observe(node);
    window.addEventListener("theme", make);
    return () => {
      takeBack();
      resized.disconnect();
      window.removeEventListener("theme", make);
    };
  }, [shape, empty]);

  useEffect(() => {
    if (empty || !plot.current) return undefined;
    whileBusy(true);
    return inTurn(() => {
      if (!plot.current) return;
      if (!moving.current) ends.current = range;
      painting.current.setLines(lines);
      plot.current.setData(lines.columns);
    });
  }, [lines, range?.join()]);

  // A new plot takes the place of the last one when it is its turn; where there is nothing to draw, none is.
  useEffect(() => end, [empty]);

  const csv = () => {
    const header = [axis, ...lines.series.map((spec, i) => spec.label + (spec.hidden ? ` (${lines.bands.length ? ["max", "min"][i % 3] : "raw"})` : ""))];
    const value = (y) => (has(y) ? Number(y.toPrecision(DIGITS)) : null);
    const [x, ...columns] = lines.columns;
    const { min, max } = plot.current.scales.x;
    const rows = Array.from(x, (at, row) => [at, ...columns.map((column) => value(column[row]))]);
    saveCsv(file, header, rows.filter(([at]) => at >= min && at <= max));
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
