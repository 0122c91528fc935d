// Axes of drawings: round numbers for ticks, places for values.
import { naturally, number, value } from "./format.js";

const STEPS = [1, 2, 5, 10];
const known = (each) => each !== null && each !== undefined && each !== "";

// Round numbers between two values, about as many as are wanted.
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * STEPS.find((each) => each * power >= 0.7 * rough);
  const first = Math.ceil(low / step);
  const found = [];
  for (let i = first; i * step <= high + step * 1e-9; i += 1) found.push(Number((i * step).toPrecision(12)));
  return found;
}

// The middle of a band for each name, between two ends.
export function bands(names, from, to) {
  const places = new Map(names.map((name, i) => [name, i]));
  const band = (to - from) / Math.max(1, names.length);
  return { at: (name) => from + band * (places.get(name) + 0.5), band: Math.abs(band) };
}

// Where values stand between two ends, in pixels. Numbers by their size, everything else by its name.
export function scaleOf(values, from, to, { zero = false, margin = 0.04 } = {}) {
  const room = from > to ? 36 : 70; // for a tick: upward, across
  const found = values.filter(known);
  const numeric = found.every((each) => typeof each === "number");
  if (!numeric || !found.length) {
    const names = [...new Set(found.map(value))].sort(naturally);
    const { at, band } = bands(names, from, to);
    return { numeric: false, band, at: (each) => (known(each) ? at(value(each)) : null), ticks: names.map((name) => [at(name), name]) };
  }
  let [low, high] = [Infinity, -Infinity];
  for (const each of found) {
    if (!Number.isFinite(each)) continue;
    low = Math.min(low, each);
    high = Math.max(high, each);
  }
  if (low > high) [low, high] = [0, 1];
  if (zero) [low, high] = [Math.min(0, low), Math.max(0, high)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const pad = (high - low) * margin;
  const [start, end] = zero ? [low - (low < 0 ? pad : 0), high + (high > 0 ? pad : 0)] : [low - pad, high + pad];
  const at = (each) => (typeof each === "number" && Number.isFinite(each) ? from + ((each - start) / (end - start)) * (to - from) : null);
  const count = Math.max(2, Math.round(Math.abs(to - from) / room));
  return { numeric: true, low, high, at, ticks: ticks(start, end, count).map((each) => [at(each), number(each)]) };
}
