// The terrain under the points: a pyramid of tiles, as of a street map. A cell of level k is 2^k
// units wide; a tile is a block of cells aligned to its own size, so that panning finds it again.

import { fit, imageData, sprite } from "./images.js";

const AT_ONCE = 2; // requests in flight: the hover's own must find room
const KEPT = 64 * 2 ** 20; // bytes of tiles
const COARSER = 5; // levels above that stand in until the sharp ones come
// Kinds without pictures: samples of a smooth field.
const FIELD = { cell: 8, tile: 64 };

export class Terrain {
  /** `map` has: plane, data, routes, ink, status, redraw(). */
  constructor(canvas, map) {
    this.canvas = canvas;
    this.map = map;
    this.tiles = new Map(); // key → tile, the least recently used first
    this.bytes = 0;
    this.kind = "none";
    this.spans = {}; // kind → the least and the largest value that its colours mean
    this.queue = [];
    this.coming = new Map(); // key → its load
    this.running = 0;
  }

  /** `side`: pixels of a decoded picture. */
  set(kind, side) {
    this.kind = kind;
    // Pictures are never drawn smaller than they are, nor so small that nothing is seen.
    this.cell = kind === "decoded" ? Math.max(side, 24) : FIELD.cell;
    this.across =
      kind === "decoded" ? Math.max(2, Math.round(256 / Math.max(side, 32))) : FIELD.tile;
  }

  /** What its colours mean, in words; nothing where they are pictures. */
  get words() {
    if (this.kind === "density") {
      const { total, all } = this.map.counts;
      return `terrain: density of ${total < all ? "the points that pass" : "all points"}`;
    }
    const span = this.spans[this.kind];
    if (!span) return "";
    const [low, high] = span.map((value) => Number(value.toPrecision(3)));
    return `terrain: ${this.kind}, ${low} (dark) to ${high} nats (bright)`;
  }

  /** Another map, or other colours: the tiles are no longer right. */
  clear() {
    this.tiles.clear();
    this.bytes = 0;
    this.spans = {};
    for (const waiting of this.queue) waiting.done();
    this.queue = [];
  }

  level(plane) {
    return [plane.perX, plane.perY].map((per) => Math.ceil(Math.log2(this.cell / per)));
  }

  /** The tiles of a level that are in view, the middle ones first. */
  needed(plane, [kx, ky]) {
    const { x0, x1, y0, y1 } = plane.range;
    const width = this.across * 2 ** kx;
    const height = this.across * 2 ** ky;
    const found = [];
    for (let i = Math.floor(x0 / width); i * width < x1; i++) {
      for (let j = Math.floor(y0 / height); j * height < y1; j++) {
        const away = Math.hypot(
          ((i + 0.5) * width - (x0 + x1) / 2) * plane.perX,
          ((j + 0.5) * height - (y0 + y1) / 2) * plane.perY,
        );
        const range = { x0: i * width, x1: (i + 1) * width, y0: j * height, y1: (j + 1) * height };
        found.push({ key: this.key(kx, ky, i, j), kx, ky, i, j, range, away });
      }
    }
    return found.sort((a, b) => a.away - b.away);
  }

  key(kx, ky, i, j) {
    // What the decoder draws does not change with the points' colours and the filter.
    const of = this.kind === "decoded" ? this.map.data.identity : this.map.routes.key;
    return `${of} ${this.kind} ${kx} ${ky} ${i} ${j}`;
  }

  /** Draw what is there; coarser tiles where the sharp ones are still on their way. */
  draw() {
    const { plane } = this.map;
    const context = fit(
      this.canvas,
      this.canvas.parentElement.clientWidth,
      plane.box.top + plane.box.height + 4,
    );
    if (this.kind === "none" || !this.map.routes) return;
    const { left, top, width, height } = plane.box;
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    for (const tile of this.needed(plane, this.level(plane))) {
      const found = this.tiles.get(tile.key);
      if (found) this.paint(context, plane, found, tile.range);
      else this.standIn(context, plane, tile);
    }
  }

  standIn(context, plane, { kx, ky, i, j, range }) {
    for (let up = 1; up <= COARSER; up++) {
      const key = this.key(kx + up, ky + up, Math.floor(i / 2 ** up), Math.floor(j / 2 ** up));
      const found = this.tiles.get(key);
      if (found) return this.paint(context, plane, found, range);
    }
    // None coarser: the four finer ones, where one has just zoomed out.
    for (const [a, b] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ]) {
      const found = this.tiles.get(this.key(kx - 1, ky - 1, 2 * i + a, 2 * j + b));
      if (found) this.paint(context, plane, found, found.range);
    }
  }

  /** Draw the part of a tile that covers `range`. */
  paint(context, plane, tile, range) {
    const { range: whole, picture } = tile;
    const perX = picture.width / (whole.x1 - whole.x0);
    const perY = picture.height / (whole.y1 - whole.y0);
    const from = plane.toPixel(range.x0, range.y1);
    const to = plane.toPixel(range.x1, range.y0);
    // Whole pixels, or seams would show between tiles.
    const [left, top, right, bottom] = [from.left, from.top, to.left, to.top].map(Math.round);
    context.drawImage(
      picture,
      (range.x0 - whole.x0) * perX,
      (whole.y1 - range.y1) * perY,
      (range.x1 - range.x0) * perX,
      (range.y1 - range.y0) * perY,
      left,
      top,
      right - left,
      bottom - top,
    );
  }

  /** Fetch what the view lacks; resolves once it is all there, or no longer wanted. */
  sharpen() {
    if (this.kind === "none" || !this.map.routes) return Promise.resolve();
    const { plane } = this.map;
    const all = this.needed(plane, this.level(plane));
    for (const { key } of all) this.touch(key);
    for (const waiting of this.queue) waiting.done();
    const missing = all.filter(({ key }) => !this.tiles.has(key));
    const coming = missing.filter(({ key }) => this.coming.has(key));
    this.queue = missing
      .filter(({ key }) => !this.coming.has(key))
      .map((tile) => ({ ...tile, kind: this.kind, across: this.across }));
    const loads = this.queue.map((tile) => new Promise((resolve) => (tile.done = resolve)));
    while (this.running < AT_ONCE && this.queue.length) this.run();
    return Promise.all([...coming.map(({ key }) => this.coming.get(key)), ...loads]);
  }

  async run() {
    this.running += 1;
    while (this.queue.length) {
      const tile = this.queue.shift();
      const load = this.load(tile);
      this.coming.set(tile.key, load);
      await load;
      this.coming.delete(tile.key);
      tile.done();
    }
    this.running -= 1;
  }

  /** Whatever the map shows meanwhile: the key says what it is of, and it may be wanted again. */
  async load({ key, kind, across, range }) {
    const { routes, status } = this.map;
    try {
      const raw = await routes.terrain(kind, range, across, across);
      status.worked("terrain");
      if (raw.span) this.spans[kind] = raw.span;
      const ink = kind === "decoded" ? this.map.ink : null;
      this.keep(key, { range, picture: sprite(imageData(raw, 0, ink)), bytes: raw.bytes.length });
      this.map.redraw();
    } catch (error) {
      status.failed("terrain", error);
    }
  }

  touch(key) {
    const tile = this.tiles.get(key);
    if (!tile) return;
    this.tiles.delete(key);
    this.tiles.set(key, tile);
  }

  keep(key, tile) {
    this.bytes -= this.tiles.get(key)?.bytes ?? 0;
    this.tiles.set(key, tile);
    this.bytes += tile.bytes;
    for (const [oldest, { bytes }] of this.tiles) {
      if (this.bytes <= KEPT) break;
      this.tiles.delete(oldest);
      this.bytes -= bytes;
    }
  }
}
