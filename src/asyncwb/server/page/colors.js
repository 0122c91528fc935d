// Colours of runs and groups. One keeps its colour: this browser remembers which it was given.
import { memory } from "./lib.js";

export const PALETTE = [
  "#3d6fe0", "#e07b1f", "#2f9e5b", "#d0415e", "#8a5cd6", "#12919c", "#b8860b", "#d65bb0",
  "#5f7a8c", "#7a9a1f", "#a5573b", "#4b4fc4", "#e5536b", "#2b8cc4", "#6d8f5a", "#c2571a",
  "#9a3f9a", "#3f9f86", "#8c7a2f", "#b0506e",
];
const MOST = 5000;
const given = new Map();

export function color(project, name) {
  if (!given.has(project)) given.set(project, new Map(Object.entries(memory.get(`colors:${project}`, {}))));
  const known = given.get(project);
  if (!known.has(name)) {
    known.set(name, known.size % PALETTE.length);
    if (known.size <= MOST) memory.set(`colors:${project}`, Object.fromEntries(known));
  }
  return PALETTE[known.get(name)];
}
