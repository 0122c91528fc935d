// A chart that fetches its metric when it is seen, and again when runs have new rows.
import { html, useEffect, useMemo, useRef, useState, useSeen } from "./lib.js";
import { series } from "./api.js";
import { Chart } from "./chart.js";
import { definitionOf } from "./definitions.js";
import { DEFINED, detailed, linesOf } from "./lines.js";

const NOTHING = { x: new Float64Array(), y: {}, mean: null };

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
  const whole = JSON.stringify([place, metric, names, axis, logX, stream]);
  const asked = JSON.stringify([whole, version, range]);
  const answered = useRef("");
  const known = useRef({}); // the last answer without a range

  useEffect(() => {
    if (!seen || answered.current === asked) return undefined;
    const show = (next, bucketed) => {
      answered.current = asked;
      setData(next);
      setState({ loading: false, error: null, bucketed });
    };
    const all = known.current.whole === whole ? known.current.data : null;
    if (!names.length || (!range && all && known.current.version === version)) {
      show(names.length ? all : NOTHING, Boolean(names.length && all.mean));
      return undefined;
    }
    const abort = new AbortController();
    setState((last) => ({ ...last, loading: true, error: null }));
    const [low, high] = range ?? [null, null];
    const body = { ...place, runs: names, y: metric, x: axis, stream, low, high, logarithmic: logX };
    series(body, abort.signal).then(
      (answer) => {
        if (!range) known.current = { whole, version, data: answer };
        show(range && all ? detailed(all, answer, range) : answer, Boolean(answer.mean));
      },
      (error) => error.name !== "AbortError" && setState((last) => ({ ...last, loading: false, error })),
    );
    return () => abort.abort();
  }, [seen, asked]);

  const lines = useMemo(
    () => linesOf(data, shown, { smoothing, grouped, logY }),
    [data, shown, smoothing, grouped, logY],
  );
  const notes = [state.bucketed && "min–max of every bucket", axis !== "_step" && settings.axis === DEFINED && `over ${axis}`, defined.goal];
  return html`<div ref=${holder}>
    <${Chart} title=${title ?? metric} lines=${lines} axis=${axis} logX=${logX} logY=${logY} range=${range}
      onZoom=${(ends) => onZoom(ends, axis)} loading=${state.loading} error=${state.error} file=${`${place.project}-${metric}`}
      tools=${tools} note=${notes.filter(Boolean).join(" · ")} />
  </div>`;
}
