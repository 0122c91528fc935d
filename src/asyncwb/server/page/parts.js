// Small parts that every page uses.
import { Component, html, useEffect, useRef, useState } from "./lib.js";
import { when, ago } from "./format.js";

export const State = ({ state }) => html`<span class="state ${state}"><i></i>${state}</span>`;

export const Tags = ({ tags }) => (tags ?? []).map((tag) => html`<span class="tag" key=${tag}>${tag}</span>`);

export const Moment = ({ at }) => html`<time title=${when(at)}>${ago(at)}</time>`;

export function Status({ loading, error, empty, children }) {
  if (error) return html`<p class="notice error" role="alert">${error.message}</p>`;
  if (loading) return html`<p class="notice">Loading …</p>`;
  if (empty) return html`<div class="notice">${children}</div>`;
  return null;
}

// What somebody logged may be anything: where it cannot be drawn, the rest of the page stays.
export class Guard extends Component {
  static getDerivedStateFromError(error) {
    return { error };
  }

  render({ children }, { error }) {
    return error ? html`<p class="notice">This cannot be shown: ${error.message}</p>` : children;
  }
}

export function Tabs({ tabs, current, path }) {
  const place = useRef(null);
  // a telephone has no room for all
  useEffect(() => {
    const here = place.current.querySelector("[aria-current]");
    if (here) place.current.scrollLeft = here.offsetLeft + here.offsetWidth / 2 - place.current.clientWidth / 2;
  }, [current]);
  return html`<nav class="tabs" aria-label="Views" ref=${place}>
    ${tabs.map(([name, title]) => html`<a key=${name} href=${path(name)}
      aria-current=${name === current ? "page" : undefined}>${title}</a>`)}
  </nav>`;
}

// A menu under a button; a click elsewhere or Escape closes it.
export function Menu({ label, title, children, align = "left" }) {
  const [open, setOpen] = useState(false);
  const place = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const close = (event) => {
      if (event.type === "keydown" ? event.key === "Escape" : !place.current.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("keydown", close);
    };
  }, [open]);
  return html`<div class="menu" ref=${place}>
    <button type="button" title=${title} aria-expanded=${open} onClick=${() => setOpen(!open)}>${label}</button>
    ${open && html`<div class="menu-body ${align}">${typeof children === "function" ? children(() => setOpen(false)) : children}</div>`}
  </div>`;
}

// Text that becomes a field when it is clicked. Enter keeps, Escape leaves it as it was. Without
// `onSave` it is text alone: who only looks sees no way to change it.
export function Editable({ text, label, placeholder, onSave, many, shown }) {
  const [draft, setDraft] = useState(null);
  const [error, setError] = useState("");
  if (!onSave) return shown ?? text;
  if (draft === null) {
    return html`<span class="editable ${text ? "" : "empty"}" onClick=${() => setDraft(text ?? "")}>${shown ?? (text || placeholder)}
      <button type="button" class="pen" title="Edit ${label}" aria-label="Edit ${label}">✎</button></span>`;
  }
  const keep = async () => {
    if (draft === null) return;
    try {
      if (draft !== (text ?? "")) await onSave(draft);
      setDraft(null);
      setError("");
    } catch (failure) {
      setError(failure.message);
    }
  };
  const keys = (event) => {
    if (event.key === "Escape") setDraft(null);
    if (event.key === "Enter" && (!many || event.ctrlKey || event.metaKey)) keep();
    event.stopPropagation();
  };
  const field = { value: draft, "aria-label": label, placeholder, onKeyDown: keys, onBlur: keep,
    onInput: (event) => setDraft(event.target.value), ref: (node) => node && document.activeElement !== node && node.focus() };
  return html`<span class="editing">
    ${many ? html`<textarea rows="4" ...${field}></textarea>` : html`<input ...${field} />`}
    ${error && html`<span class="error" role="alert">${error}</span>`}
  </span>`;
}

// A question before something that cannot be undone, and fields for short answers.
export function Dialog({ title, children, action, danger, onClose, onDone }) {
  const place = useRef(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => { place.current.showModal(); }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await onDone(new FormData(event.target));
      onClose();
    } catch (failure) {
      setError(failure.message);
      setBusy(false);
    }
  };
  return html`<dialog ref=${place} onClose=${onClose} aria-label=${title}>
    <form onSubmit=${submit}>
      <h2>${title}</h2>
      ${children}
      ${error && html`<p class="error" role="alert">${error}</p>`}
      <div class="actions">
        <button type="button" onClick=${() => place.current.close()}>Cancel</button>
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${busy}>${action}</button>
      </div>
    </form>
  </dialog>`;
}

export function KeyValues({ rows, link }) {
  return html`<table class="keyvalues"><tbody>
    ${rows.map(([key, value]) => html`<tr key=${key}><th scope="row">${key}</th><td>${link?.(key, value) ?? value}</td></tr>`)}
  </tbody></table>`;
}
