// From the columns of the server to the lines of a chart: smoothing, groups, bands.

// Columns hold NaN where there is no value.
const missing = Number.isNaN;

// All that is known of a metric, with a part of it in more detail.
export function detailed(whole, part, [low, high]) {
  const before = whole.x.filter((x) => x < low).length;
  const after = whole.x.filter((x) => x <= high).length;
  const count = before + part.x.length + whole.x.length - after;
  const joined = (outer, inner) => {
    const values = new (outer ?? inner).constructor(count).fill(NaN);
    if (outer) values.set(outer.subarray(0, before));
    if (inner) values.set(inner, before);
    if (outer) values.set(outer.subarray(after), before + part.x.length);
    return values;
  };
  const names = [...new Set([...Object.keys(whole.y), ...Object.keys(part.y)])];
  const each = (of) => Object.fromEntries(names.map((name) => [name, joined(of(whole, name), of(part, name))]));
  const mean = (data, name) => data.mean?.[name] ?? data.y[name];
  return { x: joined(whole.x, part.x), y: each((data, name) => data.y[name]), mean: whole.mean || part.mean ? each(mean) : null };
}

// Exponential moving average, corrected for its start. Missing values stay missing.
export function smooth(values, weight) {
  let last = 0;
  let count = 0;
  return values.map((value) => {
    if (missing(value)) return NaN;
    last = last * weight + (1 - weight) * value;
    count += 1;
    return last / (1 - weight ** count);
  });
}

// Values between known ones, so that runs of a group can be compared at every place.
function interpolated(x, y) {
  const filled = y.slice();
  let before = -1;
  for (let i = 0; i < y.length; i += 1) {
    if (missing(y[i])) continue;
    for (let j = before + 1; before >= 0 && j < i; j += 1) {
      filled[j] = y[before] + ((y[i] - y[before]) * (x[j] - x[before])) / (x[i] - x[before]);
    }
    before = i;
  }
  return filled;
}

// Mean, minimum and maximum over the members of a group, where any of them has a value.
function together(data, members) {
  const own = members.map((name) => data.mean?.[name] ?? data.y[name]);
  const filled = own.map((values) => interpolated(data.x, values));
  const [mean, low, high] = Array.from({ length: 3 }, () => new Float64Array(data.x.length).fill(NaN));
  for (let i = 0; i < data.x.length; i += 1) {
    if (own.every((values) => missing(values[i]))) continue;
    let [sum, count, least, most] = [0, 0, Infinity, -Infinity];
    for (let k = 0; k < filled.length; k += 1) {
      const value = filled[k][i];
      if (missing(value)) continue;
      sum += value;
      count += 1;
      // a bucket has its mean at the first of its two places
      const raw = data.y[members[k]];
      const extremes = data.mean ? [raw[i], missing(own[k][i + 1]) ? raw[i + 1] : NaN] : [value];
      for (const extreme of extremes) {
        if (extreme < least) least = extreme;
        if (extreme > most) most = extreme;
      }
      if (least > most) [least, most] = [value, value];
    }
    mean[i] = sum / count;
    low[i] = Math.min(least, mean[i]);
    high[i] = Math.max(most, mean[i]);
  }
  return { mean, low, high };
}

const positive = (values) => values.map((value) => (value > 0 ? value : NaN));

// What a chart draws. `shown` are lines: {name, label, color, members}; one with several members is
// drawn as their mean within a band. The raw line stays, faint, under a smoothed one.
export function linesOf(data, shown, { smoothing = 0, grouped = false, logY = false } = {}) {
  const columns = [data.x];
  const series = [];
  const bands = [];
  const add = (values, options) => {
    columns.push(logY ? positive(values) : values);
    series.push(options);
    return columns.length - 1;
  };
  for (const line of shown) {
    const members = line.members.filter((name) => data.y[name]?.some((value) => !missing(value)));
    if (!members.length) continue;
    const { label, color } = line;
    if (grouped) {
      const { mean, low, high } = together(data, members);
      const top = add(high, { label, color, width: 0, hidden: true });
      const bottom = add(low, { label, color, width: 0, hidden: true });
      bands.push({ series: [top, bottom], fill: `${color}2e` });
      add(smoothing ? smooth(mean, smoothing) : mean, { label, color, width: 2 });
    } else if (smoothing) {
      const [name] = members;
      add(data.y[name], { label, color: `${color}40`, width: 1, hidden: true });
      add(smooth(data.mean?.[name] ?? data.y[name], smoothing), { label, color, width: 2 });
    } else {
      add(data.y[members[0]], { label, color, width: 1.5 });
    }
  }
  return { columns, series, bands };
}

// Of each chart its own: what `define_metric` said, else the step.
export const DEFINED = "auto";

export const X_AXES = [
  ["_step", "Step"],
  ["_runtime", "Relative time"],
  ["_timestamp", "Wall time"],
];
