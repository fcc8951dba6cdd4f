// The points of the dataset, from the traces that plotly.py made: where they lie, which is which,
// how they are coloured. Their dots are painted by dots.js, not by Plotly (see there).

import { rgb } from "./theme.js";

const TYPES = {
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  f4: Float32Array,
  f8: Float64Array,
};
const TONES = 256; // of a scale of values

export class Points {
  constructor() {
    this.hidden = new Set(); // names of classes
    this.groups = []; // one a trace: {name, marker, title, number}, in the order first seen
    this.set([], true);
  }

  /**
   * Take the points of `traces`, one trace for each class. A class without any in view keeps its
   * colour, and values their range, unless the points are `fresh`: coloured by something else.
   */
  set(traces, fresh) {
    if (fresh) this.groups = [];
    const parts = traces.map((trace) => this.part(trace));
    const count = parts.reduce((sum, { x }) => sum + x.length, 0);
    Object.assign(this, {
      count,
      x: new Float64Array(count),
      y: new Float64Array(count),
      index: new Int32Array(count),
      group: new Uint16Array(count),
      value: new Float64Array(count),
      chosen: null,
    });
    let start = 0;
    for (const { x, y, index, value, group } of parts) {
      this.x.set(x, start);
      this.y.set(y, start);
      this.index.set(index, start);
      this.value.set(value, start);
      this.group.fill(group, start, start + x.length);
      start += x.length;
    }
    this.order = shuffled(this.index);
  }

  part({ name: given = "", meta: number, x, y, customdata, marker = {} }) {
    const name = plain(given);
    let group = this.groups.findIndex((known) => known.name === name);
    if (group < 0) {
      const title = plain(marker.colorbar?.title?.text ?? "");
      group = this.groups.push({ name, marker, title, number }) - 1;
    }
    const values = marker.cmin === undefined ? [] : numbers(marker.color);
    return { x: numbers(x), y: numbers(y), index: numbers(customdata), value: values, group };
  }

  /** Pixels across a dot, and how opaque it is. */
  get style() {
    const { size = 5, opacity = 0.75 } = this.groups[0]?.marker ?? {};
    return { size, opacity };
  }

  /** What the colours of values mean, or null: {title, colorscale, cmin, cmax}. */
  get scale() {
    const { marker, title } = this.groups[0] ?? {};
    if (!Array.isArray(marker?.colorscale) || marker.cmin === undefined) return null;
    const { colorscale, cmin, cmax } = marker;
    return { title, colorscale, cmin, cmax };
  }

  /** Names and colours of the classes, if there are any to tell apart. */
  classes(theme) {
    if (this.groups.length < 2) return [];
    return this.groups.map(({ name }, group) => ({
      name,
      color: this.groupColour(group, theme),
      hidden: this.hidden.has(name),
    }));
  }

  /** The numbers of the hidden classes, ascending. */
  get hiddenNumbers() {
    const found = this.groups.filter(({ name }) => this.hidden.has(name));
    return found.map(({ number }) => number).sort((a, b) => a - b);
  }

  set hiddenNumbers(numbers) {
    const found = this.groups.filter(({ number }) => numbers.includes(number));
    this.hidden.clear();
    for (const { name } of found) this.hidden.add(name);
  }

  groupColour(group, theme) {
    const { color } = this.groups[group].marker;
    return typeof color === "string" ? color : theme.classes[group % theme.classes.length];
  }

  /** Red, green and blue of each point's tone; `tones[i]` says which is point i's. */
  palette(theme) {
    const { scale } = this;
    if (!scale) {
      return {
        colours: this.groups.map((_, group) => rgb(this.groupColour(group, theme))),
        tones: this.group,
      };
    }
    const { cmin, cmax } = scale;
    const tones = new Uint16Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const share = (this.value[i] - cmin) / (cmax - cmin || 1);
      tones[i] = Math.min(Math.max(share, 0), 1) * (TONES - 1);
    }
    return { colours: toneColours(scale.colorscale), tones };
  }

  /** For each group, whether it is shown. */
  get shown() {
    return this.groups.map(({ name }) => !this.hidden.has(name));
  }

  /** The smallest range that holds all points, and the places `more` [[x, y], …]. */
  extent(more = []) {
    const range = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
    const take = (x, y) => {
      range.x0 = Math.min(range.x0, x);
      range.x1 = Math.max(range.x1, x);
      range.y0 = Math.min(range.y0, y);
      range.y1 = Math.max(range.y1, y);
    };
    for (let i = 0; i < this.count; i++) take(this.x[i], this.y[i]);
    for (const [x, y] of more) take(x, y);
    return Number.isFinite(range.x0) ? range : { x0: -1, x1: 1, y0: -1, y1: 1 };
  }

  inView({ x0, x1, y0, y1 }) {
    const { x, y, count } = this;
    let found = 0;
    for (let i = 0; i < count; i++) {
      if (x[i] >= x0 && x[i] <= x1 && y[i] >= y0 && y[i] <= y1) found += 1;
    }
    return found;
  }

  /** The point nearest to a place of the screen, no farther than `reach` pixels; or null. */
  nearest(plane, left, top, reach) {
    const { x, y, group, count, shown } = this;
    const at = plane.toData(left, top);
    const { perX, perY } = plane;
    let [best, least] = [-1, reach * reach];
    for (let i = 0; i < count; i++) {
      const right = (x[i] - at.x) * perX;
      const up = (y[i] - at.y) * perY;
      const away = right * right + up * up;
      if (away < least && shown[group[i]]) [best, least] = [i, away];
    }
    return best < 0 ? null : this.described(best);
  }

  described(i) {
    const { name } = this.groups[this.group[i]];
    const value = this.scale ? this.value[i] : null;
    return { x: this.x[i], y: this.y[i], index: this.index[i], name, value };
  }

  /** Mark the points inside a polygon [[x, y], …]; with null, none is marked. */
  choose(polygon) {
    this.chosen = polygon && inside(this.x, this.y, polygon);
  }
}

/** Names are escaped for Plotly, which reads HTML. */
export function plain(name) {
  return new DOMParser().parseFromString(name, "text/html").body.textContent;
}

/** Numbers as plotly.py sends them: typed arrays as base64, or plain lists. */
export function numbers(values) {
  if (!values?.bdata) return values ?? [];
  const letters = atob(values.bdata);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return new TYPES[values.dtype](bytes.buffer);
}

function toneColours(colorscale) {
  const stops = colorscale.map(([share, colour]) => [share, rgb(colour)]);
  return Array.from({ length: TONES }, (_, tone) => {
    const share = tone / (TONES - 1);
    const upper = Math.max(
      1,
      stops.findIndex(([end]) => end >= share),
    );
    const [[from, low], [to, high]] = [stops[upper - 1], stops[upper]];
    const weight = (share - from) / (to - from || 1);
    return low.map((value, channel) => value + weight * (high[channel] - value));
  });
}

/** 1 for each place inside the polygon; even-odd, as a lasso may cross itself. */
function inside(x, y, polygon) {
  const xs = polygon.map((corner) => corner[0]);
  const ys = polygon.map((corner) => corner[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const found = new Uint8Array(x.length);
  for (let i = 0; i < x.length; i++) {
    if (x[i] < left || x[i] > right || y[i] < low || y[i] > high) continue;
    found[i] = crossings(x[i], y[i], xs, ys) % 2;
  }
  return found;
}

/** How many sides of the polygon lie to the right of a place. */
function crossings(x, y, xs, ys) {
  let count = 0;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
    if (ys[i] > y === ys[j] > y) continue;
    if (x < xs[i] + ((y - ys[i]) * (xs[j] - xs[i])) / (ys[j] - ys[i])) count += 1;
  }
  return count;
}

/** Positions in a random order that belongs to the indices: no class always lies on top. */
function shuffled(index) {
  const keys = new Float64Array(index.length);
  for (let i = 0; i < index.length; i++) keys[i] = hash(index[i]) * 2 ** 20 + i;
  return Uint32Array.from(keys.sort(), (key) => key % 2 ** 20);
}

/** A whole number spread over 32 bits (the finaliser of MurmurHash3). */
function hash(index) {
  let h = index | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
