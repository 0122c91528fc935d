// The page: who is signed in, where we are, and what stands around every view.
import { html, render, useEffect, useState, memory } from "./lib.js";
import { ROOT, pathTo, session, showSession, signIn, signOut } from "./api.js";
import { followLinks, navigate, useRoute } from "./router.js";
import { Dialog, Menu, Tabs } from "./parts.js";
import { SignIn } from "./sign-in.js";
import { Projects } from "./projects.js";
import { Workspace } from "./workspace.js";
import { RunsTable } from "./table.js";
import { RunPage } from "./run.js";
import { Compare } from "./compare.js";
import { Artifacts, Collection } from "./artifacts.js";
import { SweepPage, Sweeps } from "./sweeps.js";
import { Explore } from "./explore.js";
import { Reports } from "./reports.js";
import { Alerts } from "./alerts.js";

const VIEWS = [["workspace", "Workspace"], ["table", "Runs"], ["artifacts", "Artifacts"], ["sweeps", "Sweeps"], ["reports", "Reports"], ["alerts", "Alerts"]];
const KEYS = [["/", "search"], ["g p", "projects"], ["g w", "workspace"], ["g r", "runs"], ["g a", "artifacts"], ["g s", "sweeps"], ["g e", "reports"], ["g l", "alerts"], ["t", "light or dark"], ["?", "these keys"], ["Esc", "close"], ["Tab, Space, Enter", "move, choose, open"]];

function setTheme(theme) {
  memory.set("theme", theme);
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  window.dispatchEvent(new Event("theme"));
}

const isDark = () => (memory.get("theme", "") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const switchTheme = () => setTheme(isDark() ? "light" : "dark");

function useKeys(parts, help) {
  useEffect(() => {
    let waiting = false;
    const keys = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      if (waiting) {
        waiting = false;
        const view = { w: "workspace", r: "table", a: "artifacts", s: "sweeps", e: "reports", l: "alerts" }[event.key];
        if (event.key === "p") navigate("");
        else if (view && parts.length > 1) navigate(pathTo(parts[0], parts[1], view));
        return;
      }
      if (event.key === "g") waiting = true;
      else if (event.key === "t") switchTheme();
      else if (event.key === "?") help(true);
      else if (event.key === "/") {
        const field = document.querySelector("[data-hotkey='/']");
        if (field) {
          event.preventDefault();
          field.focus();
        }
      }
    };
    document.addEventListener("keydown", keys);
    return () => document.removeEventListener("keydown", keys);
  }, [parts.join("/")]);
}

function View({ route }) {
  const { parts, query } = route;
  const [entity, project, kind = "workspace", ...rest] = parts;
  if (!project || project === "projects") return html`<${Projects} entity=${entity} />`;
  const place = { entity, project };
  if (kind === "runs" && rest[0]) return html`<${RunPage} key=${rest[0]} place=${place} name=${rest[0]} tab=${rest[1] ?? "charts"} query=${query} />`;
  if (kind === "sweeps" && rest[0]) return html`<${SweepPage} key=${rest[0]} place=${place} name=${rest[0]} query=${query} />`;
  if (kind === "artifacts" && rest[1]) return html`<${Collection} key=${rest.slice(0, 2).join("/")} place=${place} type=${rest[0]} collection=${rest[1]} version=${rest[2]} query=${query} />`;
  const view = { workspace: Workspace, overview: Workspace, table: RunsTable, runs: RunsTable, compare: Compare, artifacts: Artifacts, sweeps: Sweeps, reports: Reports, alerts: Alerts, relations: Explore }[kind];
  if (!view) return html`<p class="notice">There is no such page.</p>`;
  return html`<${view} key=${`${entity}/${project}/${kind}`} place=${place} query=${query} />`;
}

function App({ problem }) {
  const [user, setUser] = useState(session.user);
  const [help, setHelp] = useState(false);
  const route = useRoute();
  const [entity, project, kind, name] = route.parts;
  const inProject = project && project !== "projects";
  useKeys(route.parts, setHelp);
  useEffect(() => {
    const ended = () => setUser(null);
    window.addEventListener("signed-out", ended);
    return () => window.removeEventListener("signed-out", ended);
  }, []);
  useEffect(() => { document.title = [kind === "runs" || kind === "sweeps" ? name : null, inProject ? project : entity, "asyncwb"].filter(Boolean).join(" · "); }, [route]);
  if (!user) return html`<${SignIn} problem=${problem} onDone=${() => setUser(session.user)} />`;
  const leave = async () => {
    await signOut();
    setUser(null);
  };
  return html`<div class="page">
    <header class="top">
      <a class="brand" href=${ROOT} aria-label="Projects"><img src=${new URL("icon.svg", import.meta.url).href} alt="" width="22" height="22" /></a>
      <nav class="crumbs" aria-label="Place">${entity && html`<a href=${pathTo(entity)}>${entity}</a>`}${inProject && html`<span>/</span><a href=${pathTo(entity, project)}>${project}</a>`}</nav>
      ${inProject && html`<${Tabs} tabs=${VIEWS} current=${["runs", "relations", "compare"].includes(kind) ? "table" : kind ?? "workspace"} path=${(view) => pathTo(entity, project, view)} />`}
      <span class="space"></span>
      <button type="button" class="icon" title="Keys (?)" aria-label="Keys" onClick=${() => setHelp(true)}>?</button>
      <button type="button" class="icon" title="Light or dark (t)" aria-label="Light or dark" onClick=${switchTheme}>◐</button>
      <${Menu} label=${user.username} title="Account" align="right"><p class="quiet">asyncwb ${session.version}</p><button type="button" onClick=${leave}>Sign out</button><//>
    </header>
    <main><${View} route=${route} /></main>
    ${help && html`<${Dialog} title="Keys" action="Close" onClose=${() => setHelp(false)} onDone=${() => {}}><dl class="keys">${KEYS.map(([key, does]) => html`<dt key=${key}><kbd>${key}</kbd></dt><dd>${does}</dd>`)}</dl><//>`}
  </div>`;
}

async function start() {
  setTheme(memory.get("theme", ""));
  followLinks();
  let problem = "";
  const link = new URLSearchParams(location.hash.slice(1)).get("sign-in");
  // The link works once; nobody who looks at the address bar or the history should see it.
  if (link) history.replaceState(null, "", location.pathname + location.search);
  try {
    if (link) await signIn({ link });
  } catch (error) {
    problem = error.message;
  }
  try {
    if (!session.user) await showSession();
  } catch (error) {
    problem = error.message;
  }
  render(html`<${App} problem=${problem} />`, document.getElementById("app"));
}

start();
