// Pictures instead of dots: the images themselves at their points, where there is room for them.

import { arranged } from "./arranging.js";
import { fit, imageData, sprite } from "./images.js";

const FEW = 2500; // points in view, from which on there are pictures
const BATCH = 200; // pictures a request
const KEPT = 4000;
const PAPER = 0.75; // how opaque the ground is that ink is drawn on
const MARGIN = 0.5; // share of the view around it in which pictures are made ready

export class Pictures {
  /** `map` has: plane, points, routes, ink, theme, status, redraw(). */
  constructor(canvas, map) {
    this.canvas = canvas;
    this.map = map;
    this.what = "none";
    this.sprites = new Map(); // `${what} ${index}` → canvas
    this.placed = new Map(); // level → positions of the points that have room
    this.share = 1; // of the points in view that are known
  }

  set(what, side) {
    this.what = what;
    this.side = Math.min(Math.max(side * 1.1, 26), 60);
  }

  clear() {
    this.sprites.clear();
    this.palette = null;
  }

  /** Other points, or other classes hidden; `share` of those in view are known. */
  replace(share) {
    this.share = share;
    this.placed.clear();
    this.palette = null;
  }

  get points() {
    return this.map.points;
  }

  /** Red, green and blue of a point. */
  colour(number) {
    this.palette ??= this.points.palette(this.map.theme);
    return this.palette.colours[this.palette.tones[number]];
  }

  get on() {
    return this.what !== "none" && this.points.inView(this.map.plane.range) <= FEW * this.share;
  }

  /** Whether there are too many points in view for pictures. */
  get awaits() {
    return this.what !== "none" && Boolean(this.map.plane) && !this.on;
  }

  /**
   * The pictures that have room. They stay until the scale has grown by √2, over which they grow
   * themselves.
   */
  place() {
    const { perX, perY } = this.map.plane;
    const level = Math.floor(2 * Math.log2(perX));
    const scale = 2 ** (level / 2);
    if (!this.placed.has(level)) {
      if (this.placed.size > 8) this.placed.clear();
      const across = scale / this.side;
      this.placed.set(level, arranged(this.points, across, (across * perY) / perX));
    }
    return { ...this.placed.get(level), side: (this.side * perX) / scale };
  }

  /** For each point whether a picture is shown over it; null while there are none. */
  get covered() {
    if (!this.on) return null;
    const { numbers } = this.visible();
    return numbers.every((number) => this.sprites.has(this.key(number)))
      ? this.place().covered
      : null;
  }

  /** The placed points in view, and a little around it. */
  visible(share = 0) {
    const { numbers, side } = this.place();
    const { range, perX, perY } = this.map.plane;
    const { x, y } = this.points;
    const right = side / perX + share * (range.x1 - range.x0);
    const up = side / perY + share * (range.y1 - range.y0);
    const inside = (i) =>
      x[i] > range.x0 - right &&
      x[i] < range.x1 + right &&
      y[i] > range.y0 - up &&
      y[i] < range.y1 + up;
    return { numbers: numbers.filter(inside), side };
  }

  draw() {
    const { plane, theme } = this.map;
    const context = fit(
      this.canvas,
      this.canvas.parentElement.clientWidth,
      plane.box.top + plane.box.height + 4,
    );
    if (!this.on) return;
    const { left, top, width, height } = plane.box;
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    const { numbers, side } = this.visible();
    const inner = side - 2;
    context.imageSmoothingEnabled = this.side > 28;
    context.lineWidth = 1.5;
    for (const number of numbers) {
      const picture = this.sprites.get(this.key(number));
      if (!picture) continue;
      const at = plane.toPixel(this.points.x[number], this.points.y[number]);
      const [x, y] = [Math.round(at.left - inner / 2), Math.round(at.top - inner / 2)];
      context.globalAlpha = this.map.ink ? PAPER : 1;
      context.fillStyle = theme.background;
      context.fillRect(x, y, inner, inner);
      context.globalAlpha = 1;
      context.drawImage(picture, x, y, inner, inner);
      if (!this.map.ink) {
        context.strokeStyle = `rgb(${this.colour(number).join()})`;
        context.strokeRect(x, y, inner, inner);
      }
    }
  }

  key(number) {
    return `${this.what} ${this.points.index[number]}`;
  }

  /** Fetch the pictures that the view lacks. */
  async fill() {
    const { order } = this.points;
    while (this.on) {
      const { numbers } = this.visible(MARGIN);
      const lacking = numbers
        .filter((number) => !this.sprites.has(this.key(number)))
        .slice(0, BATCH);
      if (!lacking.length) return;
      if (!(await this.load(lacking)) || order !== this.points.order) return;
      this.map.redraw();
    }
  }

  async load(numbers) {
    const { routes, status } = this.map;
    const { what, points } = this;
    const colours = numbers.map((number) => this.colour(number));
    const keys = numbers.map((number) => this.key(number));
    try {
      const raw = await routes.pictures(
        numbers.map((number) => points.index[number]),
        what,
      );
      status.worked("pictures");
      if (routes !== this.map.routes) return false;
      if (this.sprites.size > KEPT) this.sprites.clear();
      keys.forEach((key, i) => {
        // Strokes are drawn in the colour of their point: the map keeps its classes.
        this.sprites.set(key, sprite(imageData(raw, i, this.map.ink && colours[i])));
      });
      return true;
    } catch (error) {
      status.failed("pictures", error);
      return false;
    }
  }
}
