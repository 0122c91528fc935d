// A plot in somebody's hands: Ctrl and the wheel, or a pinch on a trackpad, zoom about the pointer;
// Shift and drag move it. What is drawn follows at once, finer points are loaded when the hand rests.
const RESTS = 180; // milliseconds
const SPEED = 0.0025;
const MOST = 120; // of one turn of a wheel, in its own units
const NARROWEST = 1e-9; // what numbers can tell apart

// `ends` are those of x now, `whole` those of all there is; `show` draws a part, `done` keeps it.
export function followHands(plot, { logX, ends, whole, show, done }) {
  const { over } = plot;
  const [forth, back] = logX ? [Math.log10, (value) => 10 ** value] : [Number, Number];
  let next = null; // what the next frame shows
  let timer = 0;
  let frame = 0;

  const rest = () => {
    clearTimeout(timer);
    timer = setTimeout(() => done(ends()), RESTS);
  };
  const to = (low, high) => {
    const [least, most] = whole().map(forth);
    const span = high - low;
    if (span < NARROWEST * Math.max(Math.abs(low), Math.abs(high)) || least === most) return;
    const start = Math.min(Math.max(low, least), most - span);
    next = span < most - least ? [back(start), back(start + span)] : whole();
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      show(next);
    });
  };
  const current = () => (frame ? next : ends()).map(forth);

  const turned = (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    const turn = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1);
    const factor = Math.exp(SPEED * Math.min(MOST, Math.max(-MOST, turn)));
    const [low, high] = current();
    const at = low + ((event.clientX - over.getBoundingClientRect().left) / over.clientWidth) * (high - low);
    to(at + (low - at) * factor, at + (high - at) * factor);
    rest();
  };

  const taken = (event) => {
    if (event.button !== 0 || !event.shiftKey) return;
    event.preventDefault();
    over.setPointerCapture(event.pointerId);
    const [low, high] = current();
    const moved = ({ clientX }) => {
      const by = ((event.clientX - clientX) / over.clientWidth) * (high - low);
      to(low + by, high + by);
    };
    over.addEventListener("pointermove", moved);
    over.addEventListener("lostpointercapture", () => {
      over.removeEventListener("pointermove", moved);
      rest();
    }, { once: true });
  };

  over.addEventListener("wheel", turned, { passive: false });
  over.addEventListener("pointerdown", taken);
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
