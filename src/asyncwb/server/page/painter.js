// The lines of charts, painted in a worker, so that the page moves meanwhile. {chart, lines} is what
// a chart draws, {chart, view} asks for a picture of a part of it, {chart} alone takes its leave.
const FEW = 40;
// Browsers draw lines of one dot many times faster than any other: those that go up and down all the time are
// drawn so, when all of them together would be longer than this.
const LONG = 300_000;
const DOT = 2.5;
const charts = new Map();

// From values to dots between 0 and `size`.
function placing([low, high], log, size) {
  const forth = log ? Math.log10 : Number;
  const start = forth(low);
  const factor = size / (forth(high) - start);
  return (value) => (forth(value) - start) * factor;
}

// The places that are seen, with one more on both sides, to which the lines lead.
function windowOf(x, [low, high]) {
  const first = x.findIndex((place) => place >= low);
  const last = x.findLastIndex((place) => place <= high);
  return [Math.max(0, (first < 0 ? x.length : first) - 1), Math.min(x.length - 1, last + 1)];
}

// A run need not have a value at every place: on to the next one that it has.
function valued(values, index, by) {
  while (index > 0 && index < values.length - 1 && Number.isNaN(values[index])) index += by;
  return index;
}

// A line; how far up and down it goes. Of the points over one column of dots its first, least, largest and
// last show the same.
function trace(context, { xs, first, last }, values, up) {
  let [column, count, x, from, low, high, to, way] = [NaN, 0, 0, 0, 0, 0, 0, 0];
  const end = () => {
    if (count === 0) return;
    way += high - low;
    context.lineTo(x, from);
    if (count > 2) {
      context.lineTo(x, low);
      context.lineTo(x, high);
    }
    if (count > 1) context.lineTo(x, to);
  };
  for (let i = valued(values, first, -1); i <= valued(values, last, 1); i += 1) {
    const y = up(values[i]);
    if (Number.isNaN(y)) continue;
    if (Math.floor(xs[i]) !== column) {
      end();
      if (count) way += Math.abs(y - to);
      [column, count, x, from, low, high, to] = [Math.floor(xs[i]), 1, xs[i], y, y, y, y];
      continue;
    }
    count += 1;
    if (y < low) low = y;
    if (y > high) high = y;
    to = y;
  }
  end();
  return way;
}

function fillBand(context, { xs, first, last }, [top, bottom], up) {
  context.beginPath();
  for (const [values, by] of [[top, 1], [bottom, -1]]) {
    for (let i = by > 0 ? first : last; i >= first && i <= last; i += by) {
      if (!Number.isNaN(values[i])) context.lineTo(xs[i], up(values[i]));
    }
  }
  context.fill();
}

function dots(context, { xs, first, last }, values, up, radius) {
  context.beginPath();
  for (let i = first; i <= last; i += 1) {
    if (Number.isNaN(values[i])) continue;
    context.moveTo(xs[i] + radius, up(values[i]));
    context.arc(xs[i], up(values[i]), radius, 0, 2 * Math.PI);
  }
  context.fill();
}

function only(values, first, last) {
  let count = 0;
  for (let i = first; i <= last && count < 2; i += 1) if (!Number.isNaN(values[i])) count += 1;
  return count === 1;
}

function paint({ columns: [x, ...columns], series, bands }, { width, height, ratio, xs: [low, high], ys, logX, logY, alphas }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const [first, last] = windowOf(x, [low, high]);
  const across = placing([low, high], logX, width);
  const above = placing(ys, logY, height);
  const up = (value) => height - above(value);
  const seen = { xs: Float64Array.from(x, across), first, last };
  const few = x.length <= FEW;
  context.lineJoin = "round";
  for (const { series: [top, bottom], fill } of bands) {
    context.globalAlpha = alphas?.[top - 1] ?? 1;
    context.fillStyle = fill;
    fillBand(context, seen, [columns[top - 1], columns[bottom - 1]], up);
  }
  // raw lines behind all smoothed ones
  for (const i of [...series.keys()].sort((a, b) => Boolean(series[b].hidden) - Boolean(series[a].hidden))) {
    const { color, width: wide, hidden } = series[i];
    if (!wide) continue;
    context.globalAlpha = alphas?.[i] ?? 1;
    context.strokeStyle = color;
    context.fillStyle = color;
    context.beginPath();
    const way = trace(context, seen, columns[i], up);
    context.lineWidth = way * series.length > LONG ? Math.min(wide * ratio, 1) : wide * ratio;
    context.stroke();
    if (!hidden && (few || only(columns[i], first, last))) dots(context, seen, columns[i], up, DOT * ratio);
  }
  return canvas.transferToImageBitmap();
}

onmessage = ({ data: { chart, lines, view } }) => {
  if (lines) charts.set(chart, lines);
  else if (view) {
    const bitmap = paint(charts.get(chart), view);
    postMessage({ chart, bitmap }, [bitmap]);
  } else charts.delete(chart);
};
