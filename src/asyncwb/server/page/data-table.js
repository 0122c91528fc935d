// Rows that somebody logged, with order and search.
import { html, useMemo, useState } from "./lib.js";
import { naturally, number, value } from "./format.js";
import { saveCsv } from "./export.js";

const FIRST = 100;

const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : naturally(value(a), value(b)));

// `table` is {columns, data}; `show` draws a cell that holds an object.
export function DataTable({ table, name, show }) {
  const [[column, direction], setSort] = useState([0, 0]);
  const [search, setSearch] = useState("");
  const [many, setMany] = useState(FIRST);
  const columns = Array.isArray(table.columns) ? table.columns : [];
  const rows = useMemo(() => {
    const wanted = search.toLowerCase();
    const found = table.data.filter((row) => Array.isArray(row)).filter((row) => !wanted || row.some((cell) => value(cell).toLowerCase().includes(wanted)));
    return direction ? [...found].sort((a, b) => direction * compare(a[column], b[column])) : found;
  }, [table, column, direction, search]);
  const sorted = (i) => direction !== 0 && column === i;
  return html`<div class="data-table">
    <div class="toolbar"><input type="search" placeholder="Search rows" aria-label="Search rows" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      <span class="count">${number(rows.length)} rows</span><button type="button" onClick=${() => saveCsv(name, columns, rows)}>CSV</button></div>
    <div class="scroll-x"><table class="grid"><thead><tr>${columns.map((title, i) => html`<th key=${i} class=${typeof table.data?.[0]?.[i] === "number" ? "number" : ""} aria-sort=${sorted(i) ? (direction > 0 ? "ascending" : "descending") : undefined}><button type="button" onClick=${() => setSort([i, sorted(i) && direction === 1 ? -1 : 1])}>${String(title)}${sorted(i) ? (direction > 0 ? " ↑" : " ↓") : ""}</button></th>`)}</tr></thead>
      <tbody>${rows.slice(0, many).map((row, i) => html`<tr key=${i}>${row.map((cell, j) => html`<td key=${j} class=${typeof cell === "number" ? "number" : ""}>${cell?._type && show ? show(cell) : value(cell)}</td>`)}</tr>`)}</tbody></table></div>
    ${rows.length > many && html`<button type="button" class="more" onClick=${() => setMany(many + 5 * FIRST)}>Show more of ${number(rows.length - many)}</button>`}
  </div>`;
}
