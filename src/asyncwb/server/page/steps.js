// The rows of a run that have a value of a media type under a key, by step.
import { html, useLoaded } from "./lib.js";
import { graphql } from "./api.js";

const SAMPLES = 500;
const HISTORY = `query Media($entity: String, $project: String, $run: String!, $spec: JSONString!) {
  project(name: $project, entityName: $entity) { run(name: $run) { sampledHistory(specs: [$spec]) } } }`;

export async function stepsOf(place, key) {
  const spec = JSON.stringify({ keys: ["_step", key], samples: SAMPLES });
  const { project } = await graphql(HISTORY, { ...place, spec });
  return project.run.sampledHistory[0].filter((row) => row[key]?._type);
}

export const useSteps = (place, key, version, wanted) => useLoaded(async () => (wanted ? stepsOf(place, key) : null), [place.run, key, version, wanted]);

// The newest row at or before a step; the last one where no step is chosen.
export function rowAt(rows, step) {
  let at = rows.length - 1;
  if (step !== null) while (at > 0 && rows[at]._step > step) at -= 1;
  return at;
}

export const StepSlider = ({ rows, at, name, onStep }) => rows.length > 1 && html`<input type="range" class="step-slider" min="0" max=${rows.length - 1} value=${at} aria-label="Step of ${name}"
  aria-valuetext="step ${rows[at]._step}" onInput=${(event) => onStep(rows[event.target.value]._step)} />`;
