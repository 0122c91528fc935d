// The libraries under one name, and small hooks.
import { Component, h, render } from "./vendor/preact.js";
import { useCallback, useEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { Component, render, useCallback, useEffect, useMemo, useRef, useState };

// The result of an asynchronous function, called anew whenever `inputs` change. While the next
// result is on its way the last one stays, so that nothing flickers.
export function useLoaded(load, inputs) {
  const [state, setState] = useState({ value: undefined, error: null, loading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let current = true;
    setState((last) => ({ ...last, loading: true }));
    load().then(
      (value) => current && setState({ value, error: null, loading: false }),
      (error) => current && setState((last) => ({ ...last, error, loading: false })),
    );
    return () => { current = false; };
  }, [...inputs, round]);
  return { ...state, reload: useCallback(() => setRound((n) => n + 1), []) };
}

// Calls `tick` again and again while the page is seen; waits longer where an answer takes long.
export function usePolling(tick, seconds, inputs = []) {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    if (!seconds) return undefined;
    let timer = 0;
    let stopped = false;
    const round = async () => {
      const start = performance.now();
      if (!document.hidden) await Promise.resolve(latest.current()).catch(() => {});
      const took = performance.now() - start;
      if (!stopped) timer = setTimeout(round, Math.max(seconds * 1000, 4 * took));
    };
    timer = setTimeout(round, seconds * 1000);
    return () => { stopped = true; clearTimeout(timer); };
  }, [seconds, ...inputs]);
}

// The size of an element, in pixels.
export function useSize(ref) {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const look = () => ref.current && setSize({ width: ref.current.clientWidth, height: ref.current.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return size;
}

// Whether an element has been scrolled near the window.
export function useSeen(ref) {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => setSeen(entries[entries.length - 1].isIntersecting),
      { rootMargin: "300px" },
    );
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return seen;
}

// Whether an element has ever been near the window.
export function useOnceSeen(ref) {
  const seen = useSeen(ref);
  const once = useRef(false);
  once.current ||= seen;
  return once.current;
}

// A value that follows after it has been quiet for a moment.
export function useSettled(value, milliseconds = 80) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

// What this browser remembers; nothing where it may not.
export const memory = {
  get(key, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`asyncwb:${key}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`asyncwb:${key}`, JSON.stringify(value));
    } catch {
      // private windows and full stores: the choice lasts until the page is left
    }
  },
};
