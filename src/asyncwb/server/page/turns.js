// Charts are drawn in turn, a few in each frame, so that the page moves while many of them change.
const MILLISECONDS = 12;
const queue = new Set();
let running = false;

async function step() {
  const end = performance.now() + MILLISECONDS;
  for (const work of queue) {
    queue.delete(work);
    work();
    await null; // uPlot draws when the script that changed it has ended
    if (performance.now() > end) break;
  }
  running = queue.size > 0;
  if (running) requestAnimationFrame(step);
}

// Does `work` soon; what comes back takes that back.
export function inTurn(work) {
  queue.add(work);
  if (!running) requestAnimationFrame(step);
  running = true;
  return () => queue.delete(work);
}
