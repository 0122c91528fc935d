// A chart that fetches its metric when it is seen, and again when runs have new rows.
import { html, useEffect, useMemo, useRef, useState, useSeen } from "./lib.js";
import { series } from "./api.js";
import { Chart } from "./chart.js";
import { definitionOf } from "./definitions.js";
import { DEFINED, linesOf } from "./lines.js";

const NOTHING = { x: [], y: {} };

export function MetricChart({ place, metric, stream = "history", version, definitions = [], onZoom, title, tools, ...wanted }) {
  const holder = useRef(null);
  const seen = useSeen(holder);
  // What nobody sees stays as it was.
  const kept = useRef(wanted);
  if (seen) kept.current = wanted;
  const { shown, settings } = kept.current;
  const [data, setData] = useState(NOTHING);
  const [state, setState] = useState({ loading: true, error: null });
  const names = useMemo(() => shown.flatMap((line) => line.members), [shown]);
  const { smoothing, logX, logY, grouped } = settings;
  const defined = definitionOf(definitions, metric);
  const axis = settings.axis === DEFINED ? defined.step ?? "_step" : settings.axis;
  const range = settings.range?.axis === axis ? settings.range.ends : null;
  const asked = JSON.stringify([place, metric, names, axis, logX, range, stream, version]);
  const answered = useRef("");

  useEffect(() => {
    if (!seen || answered.current === asked) return undefined;
    if (!names.length) {
      setData(NOTHING);
      setState({ loading: false, error: null });
      return undefined;
    }
    const abort = new AbortController();
    setState({ loading: true, error: null });
    const [low, high] = range ?? [null, null];
    const body = { ...place, runs: names, y: metric, x: axis, stream, low, high, logarithmic: logX };
    series(body, abort.signal).then(
      (answer) => {
        answered.current = asked;
        setData(answer);
        setState({ loading: false, error: null });
      },
      (error) => error.name !== "AbortError" && setState({ loading: false, error }),
    );
    return () => abort.abort();
  }, [seen, asked]);

  const lines = useMemo(
    () => linesOf(data, shown, { smoothing, grouped, logY }),
    [data, shown, smoothing, grouped, logY],
  );
  const notes = [data.mean && "min–max of every bucket", axis !== "_step" && settings.axis === DEFINED && `over ${axis}`, defined.goal];
  return html`<div ref=${holder}>
    <${Chart} title=${title ?? metric} lines=${lines} axis=${axis} logX=${logX} logY=${logY} range=${range}
      onZoom=${(ends) => onZoom(ends, axis)} loading=${state.loading} error=${state.error} file=${`${place.project}-${metric}`}
      tools=${tools} note=${notes.filter(Boolean).join(" · ")} />
  </div>`;
}
