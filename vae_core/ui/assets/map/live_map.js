// One live map: the figure, what lies under and over it, and what the hand does to it.

import { Buttons, Legend } from "./controls.js";
import { Dots } from "./dots.js";
import { Gestures } from "./gestures.js";
import { Hover } from "./hover.js";
import { element } from "./images.js";
import { Pictures } from "./pictures.js";
import { Pins } from "./pins.js";
import { holds, sameRange } from "./plane.js";
import { loadPlotly, Plot } from "./plot.js";
import { Points } from "./points.js";
import { Refused, Routes } from "./requests.js";
import { Selection } from "./selection.js";
import { Terrain } from "./terrain.js";
import { readTheme } from "./theme.js";
import { frame, measure, summary } from "./timing.js";

const MOST = 50_000; // points that travel at once
const REST = 500; // milliseconds until Python is told of another view
const CLOCK = 500; // milliseconds between two looks at the clock
const HELP = `Arrow keys move a crosshair, with Shift by larger steps; Enter pins what is there,
Escape leaves it. Plus and minus zoom, 0 shows the whole map.`;
const ON_PICTURES = 0.6; // how strong dots are that lie on pictures

export class LiveMap {
  constructor(root) {
    this.began = performance.now();
    this.root = root;
    this.enabled = false;
    this.routes = null;
    this.points = new Points();
    this.build();
    this.watcher = new ResizeObserver(() => this.resized());
    this.watcher.observe(this.area);
  }

  build() {
    this.area = element("div", { className: "le-map-area", tabIndex: 0 });
    this.area.setAttribute("role", "application");
    this.area.setAttribute("aria-roledescription", "map");
    const layer = (name) => element(name, { className: "le-map-layer", ariaHidden: "true" });
    const [ground, dots, above] = [layer("canvas"), layer("canvas"), layer("canvas")];
    const pins = element("div", { className: "le-map-layer" });
    const figure = element("div", { className: "le-map-figure" });
    this.selection = new Selection(this, (polygon) => this.selected(polygon));
    this.area.append(ground, dots, figure, above, this.selection.layer, pins);
    this.figure = figure;
    this.dots = new Dots(dots);
    this.terrain = new Terrain(ground, this);
    this.pictures = new Pictures(above, this);
    this.hover = new Hover(this);
    this.pins = new Pins(pins, this, {
      dragged: (_, left, top, since) => this.hover.look(left, top, since),
      dropped: (places) => {
        this.hover.leave();
        this.send("pins", places);
      },
      picked: (pin) => this.trigger({ x: pin.x, y: pin.y, index: pin.index, pin: pin.id }),
    });
    this.gestures = new Gestures(this);
    this.buttons = new Buttons(this.gestures);
    this.legend = new Legend(() => this.recount());
    this.line = element("span");
    this.line.setAttribute("role", "status");
    this.times = element("span", { ariaHidden: "true" });
    const lines = element("div", { className: "le-map-line" }, this.line, this.times);
    const help = element("div", { className: "le-map-help", textContent: HELP, id: nextId() });
    this.area.setAttribute("aria-describedby", help.id);
    this.root.replaceChildren(this.buttons.box, this.area, this.legend.box, lines, help);
  }

  /** Where the map's plane lies on the screen; null before it is drawn, and for one in space. */
  get plane() {
    return (this.plot?.flat && this.plot.plane) || null;
  }

  get ink() {
    return this.live?.image.ink ? this.theme.rgb : null;
  }

  /** New data from Python; while the last is being drawn, the newest waits. */
  update(data) {
    this.next = data;
    this.updating ??= this.updateAll().finally(() => (this.updating = null));
  }

  async updateAll() {
    while (this.next) {
      const data = this.next;
      this.next = null;
      try {
        await this.take(data);
      } catch (error) {
        this.routes = null; // the next data asks again
        this.failed(error);
      }
    }
  }

  async take(data) {
    const before = this.data;
    this.data = data;
    this.live = data.live;
    const routes = this.live && new Routes(this.live);
    const isOther = routes?.key !== this.routes?.key || data.identity !== before?.identity;
    const fetching = routes && isOther ? routes.points(null, MOST) : null;
    this.plot ??= await this.makePlot(data.plotly);
    this.area.setAttribute("aria-label", data.alt);
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) !== JSON.stringify(this.theme)) this.recolour(theme);
    if (data.identity !== before?.identity) this.begin(data);
    if (data.figure !== before?.figure) this.setFigure(data.figure);
    this.setOptions(this.live?.options ?? {});
    if (fetching) this.setPoints(await fetching, true);
    this.routes = routes;
    this.plot.setExtent(this.points.extent(this.plot.places));
    await this.plot.draw(this.theme, this.points);
    this.pins.set(this.live?.pins ?? []);
    await this.recount();
    await this.sharpen();
    if (!this.ready) measure("map-ready", this.began, await frame());
    this.ready = true;
    this.seen = this.plane?.range;
    this.say();
  }

  async makePlot(address) {
    return new Plot(this.figure, await loadPlotly(address), {
      moving: () => this.redraw(),
      settled: () => this.settled(),
      click: (point) => this.trigger(point),
      drawn: () => this.redraw(),
    });
  }

  /** Another map, or the first: it begins with the view and the selection that Python gives. */
  begin(data) {
    this.plot.reset(data.identity, data.view ?? null);
    this.hover.leave();
    this.terrain.clear();
    this.pictures.clear();
    this.selection.set(data.selection ?? null);
    this.seen = null;
  }

  setFigure(text) {
    const figure = JSON.parse(text);
    this.area.style.height = `${figure.layout.height ?? 600}px`;
    const points = this.plot.setFigure(figure);
    this.root.classList.toggle("le-map-space", !this.plot.flat);
    if (this.live) return;
    this.plot.rehome();
    this.setPoints({ data: points }, true);
  }

  setOptions({ terrain = "none", pictures = "none", hover = false, ms = false }) {
    const side = this.live?.image.size ?? 0;
    this.enabled = Boolean(this.live && hover && this.plot.flat);
    this.wanted = terrain;
    this.pictures.set(pictures, side);
    clearInterval(this.clock);
    this.times.textContent = "";
    if (ms) this.clock = setInterval(() => (this.times.textContent = summary()), CLOCK);
  }

  recolour(theme) {
    this.theme = theme;
    this.terrain.clear();
    this.pictures.clear();
  }

  setPoints({ data, ...counts }, fresh) {
    this.counts = counts;
    this.points.set(data, fresh);
    if (fresh) this.pictures.clear();
    this.plot.cloud = this.plot.flat ? [] : data;
  }

  /** Other points, another selection, or other classes hidden. */
  recount() {
    const { shown, in_view: inView } = this.counts ?? {};
    // Where not all points can be shown, their density can.
    const terrain = this.wanted === "none" && shown < inView ? "density" : this.wanted;
    this.terrain.set(terrain, this.live?.image.size ?? 0);
    this.dim = terrain === "decoded" ? ON_PICTURES : 1;
    this.points.choose(this.selection.polygon);
    this.buttons.clear.hidden = !this.selection.polygon;
    this.pictures.replace(inView ? shown / inView : 1);
    this.legend.draw(this.points.classes(this.theme), this.points.hidden, this.points.scale);
    return this.plot.flat ? this.redraw() : this.plot.draw(this.theme, this.points);
  }

  /** Draw all that lies on the plane, together with the frame in which Plotly moves its axes. */
  redraw() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      if (!this.plane) return;
      this.terrain.draw();
      this.dots.draw(this.plane, this.points, this.theme, this.dim, this.pictures.covered);
      this.pictures.draw();
      this.selection.draw();
      this.pins.draw();
      this.hover.follow();
    });
  }

  /** The view has come to rest: fetch what it lacks, and tell Python. */
  async settled() {
    this.redraw();
    const { range } = this.plane;
    if (sameRange(this.seen, range)) return;
    this.seen = range;
    const since = this.gestures.taken();
    try {
      await this.sharpen();
    } catch (error) {
      this.failed(error);
    }
    const end = await frame();
    if (!sameRange(this.plane.range, range)) return; // moved on meanwhile
    measure("map-view", since, end);
    this.say();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.send("view", range), REST);
  }

  async sharpen() {
    if (!this.live || !this.plane) return;
    const terrain = this.terrain.sharpen();
    await this.fetchPoints(); // which may ask for another terrain
    await Promise.all([terrain, this.terrain.sharpen(), this.pictures.fill()]);
  }

  /** Of a large set, the points in view, unless they are there already. */
  async fetchPoints() {
    if (!(this.counts?.total > MOST)) return;
    const { routes } = this;
    const { range } = this.plane;
    const known = this.counts.range; // nothing for all of the map
    if (known ? sameRange(range, known) : holds(range, this.plot.home)) return;
    const answer = await routes.points(range, MOST);
    if (routes !== this.routes || !sameRange(range, this.plane.range)) return;
    this.setPoints({ ...answer, range }, false);
    this.recount();
  }

  selected(polygon) {
    this.recount();
    this.send("selection", polygon);
  }

  send(name, value) {
    if (this.data.sends) this.tell.state(name, { map: this.data.identity, value });
  }

  trigger(value) {
    if (this.data.sends) this.tell.trigger("click", { map: this.data.identity, value });
  }

  /** What is shown, of how many; and the milliseconds, where they are asked for. */
  say() {
    const { shown, in_view: inView } = this.counts ?? {};
    const count = (number) => number.toLocaleString("en-GB");
    const parts = [];
    if (shown < inView) parts.push(`${count(shown)} of ${count(inView)} points in view shown`);
    if (this.terrain.words) parts.push(this.terrain.words);
    if (this.pictures.awaits) parts.push("zoom in to see the images");
    this.line.textContent = parts.join(" · ");
    this.line.classList.remove("le-map-error");
  }

  failed(error) {
    if (!(error instanceof Refused)) console.error(error); // a fault of ours
    this.line.textContent = error.message;
    this.line.classList.add("le-map-error");
  }

  async resized() {
    await this.plot?.resize();
    this.gestures.since = null; // not by the hand on the map
    if (this.ready && this.plane) this.settled();
  }

  remove() {
    this.watcher.disconnect();
    clearTimeout(this.resting);
    clearInterval(this.clock);
    this.plot?.remove();
  }
}

let maps = 0;

function nextId() {
  maps += 1;
  return `le-map-help-${maps}`;
}
