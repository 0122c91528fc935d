// Conditions on runs as people choose them, and as the server's filter language has them.
import { html, useSettled, useState } from "./lib.js";
import { Menu } from "./parts.js";
import { serverKey, titleOf } from "./runs.js";

const OPERATORS = [["=", "is"], ["!=", "is not"], [">", ">"], ["<", "<"], [">=", "≥"], ["<=", "≤"], ["~", "matches"], ["?", "exists"]];
const CODES = { "=": "$eq", "!=": "$ne", ">": "$gt", "<": "$lt", ">=": "$gte", "<=": "$lte", "~": "$regex" };

function typed(text) {
  if (text === "true" || text === "false") return text === "true";
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function condition([key, operator, text]) {
  const name = serverKey(key);
  if (operator === "?") return { [name]: { $exists: true } };
  const value = operator === "~" || /^(displayName|name|group|jobType|notes|user)$/.test(key) ? text : typed(text);
  if (key === "tags") return operator === "!=" ? { tags: { $nin: [text] } } : { tags: { $in: [text] } };
  return { [name]: { [CODES[operator]]: value } };
}

// The filter text of what stands in the address; what is typed counts when somebody pauses.
export function useFilters(query) {
  const search = useSettled(query.get("q"));
  const conditions = readFilters(query).map(condition);
  if (search) {
    const pattern = { $regex: search };
    conditions.push({ $or: [{ display_name: pattern }, { name: pattern }, { notes: pattern }] });
  }
  return conditions.length ? JSON.stringify({ $and: conditions }) : null;
}

// Whether a name fits a pattern; what is no pattern (yet) is taken as text.
export function matcher(text) {
  try {
    const pattern = new RegExp(text, "i");
    return (name) => pattern.test(name);
  } catch {
    return (name) => name.toLowerCase().includes(text.toLowerCase());
  }
}

export function readFilters(query) {
  try {
    const found = JSON.parse(query.get("filter") ?? "[]");
    return Array.isArray(found) ? found.filter((each) => Array.isArray(each) && each.length === 3) : [];
  } catch {
    return [];
  }
}

export function FilterMenu({ query, columns, onChange }) {
  const filters = readFilters(query);
  const [key, setKey] = useState("state");
  const set = (next) => onChange({ filter: next.length ? JSON.stringify(next) : null });
  const add = (close) => (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    set([...filters, [given.get("key"), given.get("operator"), given.get("value") ?? ""]]);
    close();
  };
  return html`<div class="filters">
    <${Menu} label=${filters.length ? `Filter (${filters.length})` : "Filter"} title="Filter runs">
      ${(close) => html`<form class="filter-form" onSubmit=${add(close)}>
        <select name="key" aria-label="Column" value=${key} onChange=${(event) => setKey(event.target.value)}>
          ${columns.map((column) => html`<option key=${column} value=${column}>${column.includes(".") ? column : titleOf(column)}</option>`)}
        </select>
        <select name="operator" aria-label="Comparison">${OPERATORS.map(([code, title]) => html`<option key=${code} value=${code}>${title}</option>`)}</select>
        <input name="value" aria-label="Value" autocomplete="off" placeholder=${key === "state" ? "running, finished …" : "value"} />
        <button type="submit" class="primary">Add</button>
      </form>`}
    <//>
    ${filters.map(([name, operator, text], i) => html`<span class="chip" key=${`${name}${operator}${text}`}>
      ${titleOf(name)} ${OPERATORS.find(([code]) => code === operator)?.[1]} ${text}
      <button type="button" aria-label="Remove this filter" onClick=${() => set(filters.filter((_, at) => at !== i))}>✕</button>
    </span>`)}
  </div>`;
}
