// What the hand does to the map beside panning and scrolling, which Plotly does: clicks, keys and
// the buttons.

const STILL = 5; // pixels that a click may wander
const SOON = 500; // milliseconds between the two clicks of a double click
const ZOOM = 1.4; // of the buttons and keys
const NEVER = { time: -Infinity, left: 0, top: 0 };

export class Gestures {
  /** `map` has: area, plot, plane, live, hover, selection, ending, trigger(value). */
  constructor(map) {
    this.map = map;
    this.since = null; // when the hand last did something that moves the view
    this.last = NEVER;
    const touched = ({ timeStamp }) => (this.since = timeStamp);
    map.area.addEventListener("wheel", touched, { passive: true });
    map.area.addEventListener("pointerup", touched);
    map.area.addEventListener("keydown", (event) => this.press(event));
    map.area.addEventListener("pointerdown", (event) => this.begin(event));
  }

  /** When the move of the view began that has come to its end. */
  taken() {
    const since = this.since ?? performance.now();
    this.since = null;
    return since;
  }

  /** A press that does not wander is a click: by pointer events, so that a finger clicks, too. */
  begin(event) {
    const { area, plot, plane } = this.map;
    if (event.button || event.target.closest("button") || !plot?.flat) return;
    const bounds = area.getBoundingClientRect();
    const at = (given) => ({ left: given.clientX - bounds.left, top: given.clientY - bounds.top });
    const start = at(event);
    if (!plane?.holds(start.left, start.top)) return;
    const over = new AbortController();
    const signal = AbortSignal.any([this.map.ending.signal, over.signal]);
    let wandered = false;
    const move = (later) => (wandered ||= !near(start, at(later)));
    const end = (later) => {
      over.abort();
      if (!wandered && later.type === "pointerup") this.click({ ...start, time: later.timeStamp });
    };
    window.addEventListener("pointermove", move, { signal });
    window.addEventListener("pointerup", end, { signal });
    window.addEventListener("pointercancel", end, { signal });
  }

  click(now) {
    const first = this.last;
    if (now.time - first.time < SOON && near(now, first)) {
      this.last = NEVER;
      this.reset();
      // The first click of a double click is not waited with; on the empty plane it is taken back.
      if (first.isPlace) this.map.trigger({ undo: first.time });
      return;
    }
    const what = this.at(now);
    this.last = { ...now, isPlace: what?.index === null };
    if (what) this.map.trigger({ ...what, time: now.time });
  }

  /** What is meant by a place of the map's box: a point of the dataset, or where there is none. */
  at({ left, top }) {
    const { hover, plane, live } = this.map;
    const point = hover.nearest(left, top);
    if (point) return { x: point.x, y: point.y, index: point.index };
    return live ? { ...plane.toData(left, top), index: null } : null;
  }

  press(event) {
    const { area, plot, hover } = this.map;
    if (event.target !== area || !plot?.flat) return;
    const place = hover.crosshair;
    if (event.key === "+" || event.key === "=") this.closer();
    else if (event.key === "-") this.farther();
    else if (event.key === "0") this.reset();
    else if (event.key === "Escape" && place) hover.clear();
    else if (event.key === "Escape") this.clear();
    else if (event.key === "Enter" && place) this.pin(place);
    else if (!hover.press(event)) return;
    event.preventDefault();
  }

  pin(place) {
    const what = this.at(place);
    if (what) this.map.trigger(what);
  }

  /** Pan, or select with a box or a lasso. */
  setMode(mode) {
    const { area, plot, selection } = this.map;
    selection.mode = mode;
    area.dataset.mode = mode;
    plot?.setDragmode(mode === "pan" ? "pan" : false);
  }

  closer() {
    this.zoom(ZOOM);
  }

  farther() {
    this.zoom(1 / ZOOM);
  }

  zoom(by) {
    this.since = performance.now();
    if (this.map.plane) this.map.plot.look(this.map.plane.moved(0, 0, by));
  }

  reset() {
    this.since = performance.now();
    if (this.map.plot?.flat) this.map.plot.look(this.map.plot.home);
  }

  clear() {
    this.map.selection.clear();
  }
}

function near(a, b) {
  return Math.hypot(a.left - b.left, a.top - b.top) <= STILL;
}
