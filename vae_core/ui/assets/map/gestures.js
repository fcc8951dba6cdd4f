// What the hand does to the map beside panning and scrolling, which Plotly does: clicks, keys and
// the buttons.

const STILL = 5; // pixels that a click may wander
const SOON = 280; // milliseconds between the two clicks of a double click
const ZOOM = 1.4; // of the buttons and keys

export class Gestures {
  /** `map` has: area, plot, plane, points, live, hover, selection, trigger(value). */
  constructor(map) {
    this.map = map;
    this.since = null; // when the hand last did something that moves the view
    this.last = { time: -Infinity, left: 0, top: 0 };
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
    let wandered = false;
    const move = (later) => (wandered ||= !near(start, at(later)));
    const end = (later) => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      if (!wandered && later.type === "pointerup") this.click({ ...start, time: later.timeStamp });
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  click(now) {
    clearTimeout(this.waiting);
    const twice = now.time - this.last.time < SOON && near(now, this.last);
    this.last = twice ? { ...now, time: -Infinity } : now;
    if (twice) return this.reset();
    const { map } = this;
    const point = map.hover.nearest(now.left, now.top);
    if (point) return map.trigger({ x: point.x, y: point.y, index: point.index });
    if (!map.live) return;
    // On the empty plane it waits: the second click of a double click may follow.
    const place = { ...map.plane.toData(now.left, now.top), index: null };
    this.waiting = setTimeout(() => map.trigger(place), SOON);
  }

  press(event) {
    const { area, plot, hover, enabled } = this.map;
    if (event.target !== area || !plot?.flat) return;
    const place = hover.crosshair;
    if (event.key === "+" || event.key === "=") this.closer();
    else if (event.key === "-") this.farther();
    else if (event.key === "0") this.reset();
    else if (event.key === "Escape" && place) hover.clear();
    else if (event.key === "Escape") this.clear();
    else if (event.key === "Enter" && place) this.map.trigger({ ...place, index: null });
    else if (!enabled || !hover.press(event)) return;
    event.preventDefault();
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
