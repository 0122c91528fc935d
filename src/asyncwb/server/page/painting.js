// The picture of a chart's lines, which a worker paints. The last one lasts until the next is there.
const painted = new Map();
let worker = null;

function send(message) {
  if (!worker) {
    worker = new Worker(new URL("./painter.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data: { chart, bitmap } }) => painted.get(chart)?.(bitmap);
  }
  worker.postMessage(message);
}

let charts = 0;

export class Painting {
  #chart = (charts += 1);
  lines = null;
  #picture = null; // {bitmap, lines, view, key}
  #asked = null; // what is being painted
  #wanted = null; // what comes after that

  constructor(onPainted) {
    painted.set(this.#chart, (bitmap) => {
      this.#picture?.bitmap.close();
      this.#picture = { bitmap, ...this.#asked };
      this.#asked = null;
      if (this.#wanted) this.#ask(this.#wanted);
      onPainted();
    });
  }

  setLines(lines) {
    if (lines === this.lines) return;
    this.lines = lines;
    const { columns, series, bands } = lines;
    send({ chart: this.#chart, lines: { columns, series: series.map(({ color, width, hidden }) => ({ color, width, hidden })), bands } });
  }

  #ask(wanted) {
    this.#wanted = null;
    this.#asked = wanted;
    send({ chart: this.#chart, view: wanted.view });
  }

  // Draws what there is of a view; whether that is all of it. What is missing will be painted.
  draw(context, view, left, top) {
    if (view.width < 1 || view.height < 1) return true;
    const key = JSON.stringify(view);
    const fits = (each) => each?.key === key && each.lines === this.lines;
    if (this.#picture) this.#stretch(context, view, left, top);
    if (fits(this.#picture)) {
      this.#wanted = null;
      return true;
    }
    if (fits(this.#asked)) this.#wanted = null;
    else {
      const wanted = { view, key, lines: this.lines };
      if (this.#asked) this.#wanted = wanted;
      else this.#ask(wanted);
    }
    return false;
  }

  // A picture of another part stands where that part is in this view.
  #stretch(context, view, left, top) {
    const { bitmap, view: old } = this.#picture;
    const { width, height } = view;
    if (old.logX !== view.logX || old.logY !== view.logY) return;
    const [x0, x1] = spanOf(old.xs, view.xs, view.logX, width);
    const [y0, y1] = spanOf(old.ys, view.ys, view.logY, height);
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.drawImage(bitmap, left + x0, top + height - y1, x1 - x0, y1 - y0);
    context.restore();
  }

  close() {
    painted.delete(this.#chart);
    this.#picture?.bitmap.close();
    if (this.lines) send({ chart: this.#chart });
  }
}

function spanOf(ends, [low, high], log, size) {
  const forth = log ? Math.log10 : Number;
  return ends.map((end) => ((forth(end) - forth(low)) / (forth(high) - forth(low))) * size);
}
