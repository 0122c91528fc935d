// Which sections and charts of a project are shown, and in which order; this browser remembers it.
import { html, memory, useState } from "./lib.js";
import { Menu } from "./parts.js";

export const PINNED = "Pinned";
const NOTHING = { pinned: [], hidden: [], sections: [], charts: {} };

export function useLayout(project) {
  const key = `layout:${project}`;
  const [layout, setLayout] = useState(() => ({ ...NOTHING, ...memory.get(key, {}) }));
  const change = (values) => {
    const next = { ...layout, ...values };
    memory.set(key, next);
    setLayout(next);
  };
  return { layout, change, reset: () => change(NOTHING) };
}

// Names in the order that somebody gave them; those that nobody placed keep their own, behind.
export function ordered(names, order) {
  const places = new Map(order.map((name, i) => [name, i]));
  const at = (name) => places.get(name) ?? Infinity;
  return [...names].sort((a, b) => (at(a) === at(b) ? 0 : at(a) - at(b)));
}

// The same names, with one moved to the place of another or by some places.
export function moved(names, name, to) {
  const rest = names.filter((each) => each !== name);
  const from = names.indexOf(name);
  const at = typeof to === "number" ? from + to : names.indexOf(to);
  rest.splice(Math.min(rest.length, Math.max(0, at)), 0, name);
  return rest;
}

const without = (names, name) => names.filter((each) => each !== name);
export const toggled = (names, name) => (names.includes(name) ? without(names, name) : [...names, name]);

// Sections as they are shown: [[name, ids]], with the pinned ones first.
export function arranged(sections, { pinned, hidden, sections: order, charts }) {
  const every = new Set(sections.flatMap(([, ids]) => ids));
  const first = pinned.filter((id) => every.has(id));
  const found = new Map(sections);
  const names = ordered([...found.keys()], order).filter((name) => !hidden.includes(name));
  const rest = names.map((name) => [name, ordered(found.get(name).filter((id) => !first.includes(id)), charts[name] ?? [])]);
  return [[PINNED, first], ...rest].filter(([, ids]) => ids.length);
}

export function LayoutMenu({ sections, layout, change, reset }) {
  const names = ordered(sections, layout.sections);
  const move = (name, by) => change({ sections: moved(names, name, by) });
  return html`<${Menu} label="Sections" title="Choose and order sections" align="right">
    <div class="column-menu"><div class="scroll">${names.map((name, i) => html`<div class="layout-row" key=${name}>
      <label><input type="checkbox" checked=${!layout.hidden.includes(name)} onChange=${() => change({ hidden: toggled(layout.hidden, name) })} /> ${name}</label>
      <button type="button" aria-label="${name} up" disabled=${i === 0} onClick=${() => move(name, -1)}>↑</button>
      <button type="button" aria-label="${name} down" disabled=${i === names.length - 1} onClick=${() => move(name, 1)}>↓</button></div>`)}</div>
      <div class="column-buttons"><button type="button" onClick=${reset}>default</button></div>
      <p class="quiet">Charts move when their title is dragged; ☆ pins one to the top.</p></div>
  <//>`;
}
