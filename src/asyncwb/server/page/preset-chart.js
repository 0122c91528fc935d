// Charts that are drawn by a preset which somebody made on this server.
import { html, useCallback, useLoaded } from "./lib.js";
import { graphql } from "./api.js";
import { Viewer } from "./viewer.js";

const PRESET = "query($id: ID!) { customChart(id: $id) { displayName spec } }";

// The preset of a chart, if one is wanted; null where this server has none that the viewer may see.
export const usePreset = (id, wanted) => useLoaded(async () => (wanted ? (await graphql(PRESET, { id })).customChart : null), [id, wanted]);

export function PresetChart({ preset, chart, tables, title }) {
  const { fields, texts } = chart;
  const load = useCallback(async () => {
    const rows = tables.flatMap(({ run, columns, data }) => data.map((row) => ({ id: run.name, name: run.label, color: run.color, ...Object.fromEntries(columns.map((name, i) => [name, row[i]])) })));
    return new TextEncoder().encode(JSON.stringify({ spec: preset.spec, fields, texts, rows })).buffer;
  }, [preset, tables, JSON.stringify([fields, texts])]);
  return html`<div class="plot"><${Viewer} kind="vega" name=${title} load=${load} small=${true} /></div>`;
}
