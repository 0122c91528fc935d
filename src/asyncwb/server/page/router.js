// Where we are. The address holds everything that somebody may want to share or to come back to.
import { useEffect, useState } from "./lib.js";
import { ROOT } from "./api.js";

const base = new URL(ROOT).pathname;

function read() {
  const parts = location.pathname.slice(base.length).split("/").filter(Boolean).map(decodeURIComponent);
  return { parts, query: new URLSearchParams(location.search) };
}

function announce() {
  window.dispatchEvent(new Event("moved"));
}

export function navigate(path) {
  history.pushState(null, "", ROOT + path);
  window.scrollTo(0, 0);
  announce();
}

// Change parts of the query; null removes one. The way back leads over pages, not over settings.
export function setQuery(changes) {
  const { query } = read();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "" || value === false) query.delete(key);
    else query.set(key, value === true ? "1" : value);
  }
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  announce();
}

export function useRoute() {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const follow = () => setRoute(read());
    window.addEventListener("moved", follow);
    window.addEventListener("popstate", follow);
    return () => {
      window.removeEventListener("moved", follow);
      window.removeEventListener("popstate", follow);
    };
  }, []);
  return route;
}

// Links to our own pages change the page without loading it anew.
export function followLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // links in drawings have no plain `href`
    const to = new URL(link.getAttribute("href"), ROOT).href;
    if (link.getAttribute("target") || link.hasAttribute("download") || !to.startsWith(ROOT)) return;
    event.preventDefault();
    navigate(to.slice(ROOT.length));
  });
}
