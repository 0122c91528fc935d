// Figures, models and molecules, drawn in a frame with an origin of its own: what somebody logged
// never meets the session. The page reads the file and hands it over.
import { html, useEffect, useRef, useState, useSeen } from "./lib.js";
import { bytes } from "./format.js";

const LARGEST = 64 * 1024 * 1024;
const LOADING = { error: "", facts: "Loading …" };
const KINDS = [
  [/\.plotly\.json$/i, "plotly"],
  [/\.bokeh\.json$/i, "bokeh"],
  [/\.(pts\.json|obj|gltf|glb|stl)$/i, "model"],
  [/\.(pdb|pqr|mmcif|mcif|cif|sdf|sd|gro|mol2|mmtf)$/i, "molecule"],
];

export const viewerOf = (name) => KINDS.find(([pattern]) => pattern.test(name))?.[1];

async function read(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(response.status === 404 ? "The file is not there (yet)." : `The server answered ${response.status}.`);
  if (Number(response.headers.get("content-length")) > LARGEST) throw new Error(`It is larger than ${bytes(LARGEST)}: download it.`);
  return response.arrayBuffer();
}

function colors() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["surface", "text", "muted", "grid", "accent"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

// `load` gives what is shown, where it is no file.
export function Viewer({ url, name, caption, small, kind = viewerOf(name), load = () => read(url) }) {
  const holder = useRef(null);
  const frame = useRef(null);
  const seen = useSeen(holder);
  const [state, setState] = useState(LOADING);
  // Browsers draw few models at once: frames that nobody sees are given up.
  useEffect(() => {
    if (!seen) return undefined;
    setState(LOADING);
    const say = (message, parts = []) => frame.current?.contentWindow?.postMessage(message, "*", parts);
    const listen = async ({ source, data }) => {
      if (source !== frame.current?.contentWindow) return;
      if (data.ready) {
        try {
          const file = await load();
          say({ show: name, file, colors: colors() }, [file]);
        } catch (error) {
          setState({ error: error.message, facts: "" });
        }
      } else setState({ error: String(data.error ?? ""), facts: String(data.facts ?? "") });
    };
    const dress = () => say({ colors: colors() });
    window.addEventListener("message", listen);
    window.addEventListener("theme", dress);
    return () => {
      window.removeEventListener("message", listen);
      window.removeEventListener("theme", dress);
    };
  }, [seen, url ?? load]);
  const page = new URL(`viewers/${kind}.html`, import.meta.url).href;
  return html`<div ref=${holder}>
    ${caption && html`<p>${caption}</p>`}
    ${state.error ? html`<p class="notice">${state.error}</p>` : seen ? html`<iframe ref=${frame} class="viewer" sandbox="allow-scripts" referrerpolicy="no-referrer" src=${page} title=${name}></iframe>` : html`<div class="viewer"></div>`}
    ${!small && html`<p class="viewer-facts"><a download href=${url}>${name.split("/").pop()}</a><span>${state.facts}</span></p>`}
  </div>`;
}
