// What stands around every chart: its title, what can be done with it, and its larger form.
import { html, useEffect, useState } from "./lib.js";

export function Figure({ title, note, busy, actions, tools, children }) {
  const [large, setLarge] = useState(false);
  useEffect(() => {
    if (!large) return undefined;
    const close = (event) => event.key === "Escape" && setLarge(false);
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [large]);
  return html`<figure class="chart ${large ? "large" : ""} ${busy ? "busy" : ""}" aria-label="Chart of ${title}">
    <figcaption><span class="chart-title" title=${title} ...${tools?.handle}>${title}</span>${note && html`<small>${note}</small>`}
      <span class="chart-actions">${actions}${tools?.buttons}
        <button type="button" title=${large ? "Smaller (Esc)" : "Larger"} aria-pressed=${large} onClick=${() => setLarge(!large)}>${large ? "✕" : "⤢"}</button>
      </span>
    </figcaption>
    ${children}
  </figure>`;
}
