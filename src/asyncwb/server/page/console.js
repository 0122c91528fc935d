// What a run wrote to its terminal; follows a run that writes.
import { html, useEffect, useRef, useState } from "./lib.js";
import { fileUrl, graphql } from "./api.js";

const PAGE = 1000;
const LINES = `query Lines($entity: String, $project: String, $run: String!, $first: Int, $after: String, $last: Int, $before: String) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    logLines(first: $first, after: $after, last: $last, before: $before) {
      edges { node { number timestamp level line } } pageInfo { startCursor endCursor hasPreviousPage hasNextPage } } } } }`;

// Text with terminal colours, as spans.
const SEQUENCE = /\u001b\[([\d;]*)([A-Za-z])|\u001b\][^\u0007]*\u0007|\u001b./g;
export function ansi(text) {
  const parts = [];
  let [start, style] = [0, ""];
  const push = (end) => end > start && parts.push(style ? html`<span class=${style}>${text.slice(start, end)}</span>` : text.slice(start, end));
  for (const found of text.matchAll(SEQUENCE)) {
    push(found.index);
    start = found.index + found[0].length;
    if (found[2] !== "m") continue;
    for (const code of (found[1] || "0").split(";").map(Number)) {
      if (code === 0) style = "";
      else if (code === 1) style = `${style} bold`;
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style = `${style.replace(/ ?ansi\d/, "")} ansi${code % 10}`;
    }
  }
  push(text.length);
  return parts;
}

export function Console({ place, count, live }) {
  const [state, setState] = useState({ lines: [], start: null, end: null, more: false, loading: true, error: null });
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const box = useRef(null);
  const ask = async (page) => (await graphql(LINES, { ...place, ...page })).project.run.logLines;
  const nodes = (page) => page.edges.map((edge) => edge.node);
  const guard = (work) => work.catch((error) => setState((last) => ({ ...last, loading: false, error })));

  useEffect(() => {
    guard(ask({ last: PAGE }).then((page) => setState({ lines: nodes(page), start: page.pageInfo.startCursor, end: page.pageInfo.endCursor, more: page.pageInfo.hasPreviousPage, loading: false, error: null })));
  }, [place.run]);
  useEffect(() => {
    if (state.loading) return;
    // The last lines may still change, as progress bars do: they are asked for again.
    guard(ask({ last: PAGE }).then((page) => setState((last) => {
      const fresh = nodes(page);
      const first = fresh[0]?.number ?? 0;
      return { ...last, lines: [...last.lines.filter((line) => line.number < first), ...fresh], end: page.pageInfo.endCursor };
    })));
  }, [count]);
  useEffect(() => { if (follow && box.current) box.current.scrollTop = box.current.scrollHeight; }, [state.lines, follow]);

  const earlier = () => guard(ask({ last: PAGE, before: state.start }).then((page) => setState((last) => ({ ...last, lines: [...nodes(page), ...last.lines], start: page.pageInfo.startCursor, more: page.pageInfo.hasPreviousPage }))));
  const shown = search ? state.lines.filter(({ line }) => line.toLowerCase().includes(search.toLowerCase())) : state.lines;
  return html`<div class="console-tab">
    <div class="toolbar">
      <input type="search" data-hotkey="/" placeholder="Search lines" aria-label="Search lines" value=${search} onInput=${(event) => setSearch(event.target.value)} />
      <label><input type="checkbox" checked=${follow} onChange=${(event) => setFollow(event.target.checked)} /> follow</label>
      <span class="count">${count} lines${live ? ", live" : ""}</span>
      <a class="button" download href=${fileUrl(place, "output.log")}>output.log</a>
    </div>
    ${state.error && html`<p class="notice error">${state.error.message}</p>`}
    ${!state.loading && !state.lines.length ? html`<p class="notice">Nothing was written.</p>` : html`<div class="console" ref=${box} tabindex="0" role="log" aria-label="Console">
      ${state.more && html`<button type="button" class="more" onClick=${() => { setFollow(false); earlier(); }}>Earlier lines</button>`}
      ${shown.map((line) => html`<div key=${line.number} class=${line.level === "error" ? "stderr" : ""} title=${line.timestamp}><b>${line.number + 1}</b><span>${ansi(line.line.replace(/\n$/, ""))}</span></div>`)}
    </div>`}
  </div>`;
}
