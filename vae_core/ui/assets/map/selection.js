// Selecting with a box or a lasso. What is selected is a polygon in the map's own units: it moves
// with the view, and Python answers it over all points, shown or not.

const STILL = 5; // pixels that a click may wander
const APART = 3; // pixels between two corners of a lasso
const LOOSE = 1; // pixels that a corner may lie off the line to be left out, or more where many are
const MOST = 24; // corners: a lasso must fit into an address, and once more where it is projected

export class Selection {
  /** `map` has: area, plane, ending. `changed(polygon)` is called with a new one, or null. */
  constructor(map, changed) {
    this.map = map;
    this.changed = changed;
    this.mode = "pan";
    this.polygon = null;
    const space = "http://www.w3.org/2000/svg";
    this.layer = document.createElementNS(space, "svg");
    this.layer.setAttribute("class", "le-map-layer le-map-selection");
    this.layer.setAttribute("aria-hidden", "true");
    this.path = document.createElementNS(space, "path");
    this.layer.append(this.path);
    map.area.addEventListener("pointerdown", (event) => this.begin(event));
  }

  begin(event) {
    const { area, plane } = this.map;
    if (this.mode === "pan" || event.button || event.target.closest("button")) return;
    const bounds = area.getBoundingClientRect();
    const at = ({ clientX, clientY }) => [clientX - bounds.left, clientY - bounds.top];
    const start = at(event);
    if (!plane?.holds(...start)) return;
    const corners = [start];
    const over = new AbortController();
    const signal = AbortSignal.any([this.map.ending.signal, over.signal]);
    const move = (later) => this.extend(corners, at(later));
    const end = ({ type }) => {
      over.abort();
      if (type === "pointercancel") this.draw();
      else if (corners.length > 2) this.finish(corners);
    };
    window.addEventListener("pointermove", move, { signal });
    window.addEventListener("pointerup", end, { signal });
    window.addEventListener("pointercancel", end, { signal });
  }

  extend(corners, [left, top]) {
    const [first] = corners;
    const last = corners.at(-1);
    if (corners.length === 1 && Math.hypot(left - first[0], top - first[1]) < STILL) return;
    if (this.mode === "select") {
      corners.splice(1, 3, [left, first[1]], [left, top], [first[0], top]);
    } else if (Math.hypot(left - last[0], top - last[1]) >= APART) {
      corners.push([left, top]);
    }
    this.outline(corners);
  }

  finish(corners) {
    const { plane } = this.map;
    let [kept, loose] = [simplified(corners, LOOSE), LOOSE];
    while (kept.length > MOST) kept = simplified(corners, (loose *= 1.5));
    if (kept.length < 3) return this.draw(); // a line holds nothing: what was selected still is
    const places = kept.map(([left, top]) => plane.toData(left, top));
    this.set(places.map(({ x, y }) => [rounded(x, plane.perX), rounded(y, plane.perY)]));
    this.changed(this.polygon);
  }

  clear() {
    if (!this.polygon) return;
    this.set(null);
    this.changed(null);
  }

  set(polygon) {
    this.polygon = polygon;
    this.draw();
  }

  draw() {
    const { plane } = this.map;
    if (!plane) return;
    const corners = (this.polygon ?? []).map(([x, y]) => plane.toPixel(x, y));
    this.outline(corners.map(({ left, top }) => [left, top]));
    const { left, top, width, height } = plane.box;
    this.layer.style.clipPath = `path("M${left},${top}h${width}v${height}h${-width}z")`;
  }

  outline(corners) {
    const path = corners.map(([left, top]) => `${left.toFixed(1)},${top.toFixed(1)}`).join("L");
    this.path.setAttribute("d", corners.length > 1 ? `M${path}Z` : "");
  }
}

/** Fewer corners for an outline that is `loose` pixels off at most (Douglas & Peucker 1973). */
function simplified(corners, loose) {
  const [first, last] = [corners[0], corners.at(-1)];
  let [farthest, most] = [0, loose];
  for (let i = 1; i < corners.length - 1; i++) {
    const away = distance(corners[i], first, last);
    if (away > most) [farthest, most] = [i, away];
  }
  if (!farthest) return [first, last];
  const before = simplified(corners.slice(0, farthest + 1), loose);
  return [...before.slice(0, -1), ...simplified(corners.slice(farthest), loose)];
}

/** Of a corner from the line between two others. */
function distance([x, y], [x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (!length) return Math.hypot(x - x0, y - y0);
  return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length;
}

/** To less than a tenth of a pixel, of which there are `per` a unit. */
function rounded(value, per) {
  return Number(value.toFixed(Math.min(Math.max(Math.ceil(Math.log10(per)) + 1, 0), 15)));
}
