// Values as people read them.

export function number(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(3).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(5)));
}

export function value(any) {
  if (any === null || any === undefined) return "";
  if (typeof any === "number") return number(any);
  if (typeof any !== "object") return String(any);
  if (any._type) return `[${any._type}]`;
  return JSON.stringify(any);
}

export function bytes(count) {
  if (count === null || count === undefined) return "";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = Number(count);
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${unit ? size.toPrecision(3) : size} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !(seconds >= 0)) return "";
  if (seconds < 10) return `${Number(seconds.toPrecision(2))}s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

export const moment = (text) => (text ? Date.parse(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`) : NaN);

export function ago(text) {
  const seconds = (Date.now() - moment(text)) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 10) return "just now";
  return `${duration(seconds).split(" ")[0]} ago`;
}

export function when(text) {
  const at = moment(text);
  return Number.isFinite(at) ? new Date(at).toLocaleString() : "";
}

export const lasted = (run) => (moment(run.heartbeatAt) - moment(run.createdAt)) / 1000;

// Nested objects as flat keys joined by dots.
export function flatten(tree, prefix = "", into = {}) {
  for (const [key, inner] of Object.entries(tree ?? {})) {
    const name = prefix + key;
    const nested = inner && typeof inner === "object" && !Array.isArray(inner) && !inner._type;
    if (nested && Object.keys(inner).length) flatten(inner, `${name}.`, into);
    else into[name] = inner;
  }
  return into;
}

// JSON with the bare tokens that runs may hold.
export function parse(text) {
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    const quoted = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
    try {
      return JSON.parse(text.replace(quoted, (part) => (part[0] === '"' ? part : `"${part}"`)));
    } catch {
      return {};
    }
  }
}

// The config of a run: the server keeps {key: {value, desc}}.
export function config(tree) {
  const found = {};
  for (const [key, entry] of Object.entries(tree)) {
    if (key === "_wandb" || key === "wandb_version") continue;
    found[key] = entry && typeof entry === "object" && "value" in entry ? entry.value : entry;
  }
  return found;
}

export function naturally(a, b) {
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
