// One live map: the figure, what lies under and over it, and what the hand does to it.

import { Line } from "./line.js";
import { build } from "./parts.js";
import { corners, holds, sameRange } from "./plane.js";
import { loadPlotly, Plot } from "./plot.js";
import { Points } from "./points.js";
import { Latest, Routes, Stale } from "./requests.js";
import { Status } from "./status.js";
import { readTheme } from "./theme.js";
import { frame, measure } from "./timing.js";

const REST = 500; // milliseconds until Python is told of another view
const HIDING = 300; // milliseconds in which further classes may be hidden
const ON_PICTURES = 0.85; // how strong dots are that lie on pictures

export class LiveMap {
  constructor(root) {
    this.began = performance.now();
    this.root = root;
    this.enabled = false;
    this.routes = null;
    this.ending = new AbortController(); // what listens and what asks ends with the map
    this.line = new Line(this.ending.signal);
    this.points = new Points();
    this.status = new Status();
    this.updates = new Latest((data) => this.take(data));
    this.closeness = new Latest((view) => this.fetchPoints(view));
    build(this);
    this.watcher = new ResizeObserver(() => this.resized());
    this.watcher.observe(this.area);
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
    this.pins.answered();
    this.look = data.look ?? this.look; // also of data that is passed over
    this.updates.ask(data);
  }

  async take(data) {
    try {
      await this.show(data);
      this.status.worked("map");
    } catch (error) {
      this.routes = null; // the next data asks again
      this.status.failed("map", error);
    }
  }

  /** What a promise becomes, as long as the map is there. */
  async while(promise) {
    const value = await promise;
    if (this.ending.signal.aborted) throw new Stale();
    return value;
  }

  async show(data) {
    const before = this.taken;
    this.taken = null; // until all of it has gone well
    this.data = data;
    this.live = data.live;
    const { routes, isOther } = this.routesOf(data);
    const fetching = isOther ? routes.points(null, data.live.most) : null;
    fetching?.catch(() => {}); // it is looked at below
    this.plot ??= await this.while(this.makePlot(data.plotly));
    this.area.setAttribute("aria-label", data.alt);
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) !== JSON.stringify(this.theme)) this.recolour(theme);
    if (data.identity !== before?.identity) this.begin(data);
    if (data.figure !== before?.figure) this.setFigure(data.figure);
    this.setOptions(this.live?.options ?? {});
    if (fetching) this.setPoints(await this.while(fetching), isFresh(data, before));
    this.hide(data, before);
    this.routes = routes;
    const places = [...this.plot.places, ...corners(this.counts.extent)];
    this.plot.setExtent(this.points.extent(places));
    await this.while(this.plot.draw(this.theme, this.points));
    this.pins.set(this.live?.pins ?? []);
    await this.recount();
    await this.while(this.sharpen());
    if (!this.ready) measure("map-ready", this.began, await frame());
    this.ready = true;
    this.seen = this.plane?.range;
    this.taken = data;
    this.say();
    this.bring(this.look);
  }

  /** Bring a place into view that Python asks for, once. */
  bring(place) {
    if (!place || place.id === this.brought || !this.plane) return;
    this.brought = place.id;
    const { left, top } = this.plane.toPixel(place.x, place.y);
    if (this.plane.holds(left, top)) return;
    const { box } = this.plane;
    this.plot.look(
      this.plane.moved(left - box.left - box.width / 2, top - box.top - box.height / 2),
    );
  }

  /** Where the data comes from: as before, unless it is another map or looks other. */
  routesOf({ live, identity }) {
    const routes = live && new Routes(live, identity, this.ending.signal, this.line);
    const isOther = Boolean(routes) && routes.key !== this.routes?.key;
    return { routes: isOther ? routes : live && this.routes, isOther };
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
    this.status.time(ms);
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
      if (!this.plane || this.ending.signal.aborted) return;
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
    await this.sharpen();
    const end = await frame();
    if (!sameRange(this.plane.range, range)) return; // moved on meanwhile
    measure("map-view", since, end);
    this.say();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.send("view", range), REST);
  }

  async sharpen() {
    const { routes } = this;
    if (!routes || !this.plane) return;
    const terrain = this.terrain.sharpen();
    // What comes may ask for another terrain.
    await this.closeness.ask({ routes, range: this.plane.range });
    if (routes !== this.routes) return;
    await Promise.all([terrain, this.terrain.sharpen(), this.pictures.fill()]);
  }

  /** Of a large set, the points in view, unless they are there already. */
  async fetchPoints({ routes, range }) {
    const { most } = this.live;
    if (!(this.counts?.total > most)) return;
    const known = this.counts.range; // nothing for all of the map
    if (known ? sameRange(range, known) : holds(range, this.plot.home)) return;
    try {
      const answer = await routes.points(range, most);
      this.status.worked("points");
      if (routes !== this.routes || !sameRange(range, this.plane.range)) return;
      this.setPoints({ ...answer, range }, false);
      this.recount();
    } catch (error) {
      this.status.failed("points", error);
    }
  }

  /** Classes are hidden or shown in the legend; Python is told once the hand rests. */
  hid() {
    this.recount();
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => {
      this.hiding = null;
      this.hidden = this.points.hiddenNumbers.join(",");
      this.send("hidden", this.points.hiddenNumbers);
    }, HIDING);
  }

  /** Hide the classes that Python says, unless the hand has said otherwise since. */
  hide(data, before) {
    if (!this.live || this.hiding) return;
    const { hide = "" } = this.live.map;
    if (hide === this.hidden && !isFresh(data, before)) return;
    this.hidden = hide;
    this.points.hiddenNumbers = hide ? hide.split(",").map(Number) : [];
  }

  selected(polygon) {
    this.recount();
    this.send("selection", polygon);
  }

  /** What is `held` in the hand will be told again. */
  send(name, value, held = false) {
    const { identity: map, sends } = this.data;
    if (sends && !this.ending.signal.aborted) this.tell.state(name, { map, value, held });
  }

  trigger(value) {
    const { identity: map, sends } = this.data;
    if (sends && !this.ending.signal.aborted) this.tell.trigger("click", { map, value });
  }

  /** What is shown, of how many. */
  say() {
    const { shown, in_view: inView } = this.counts ?? {};
    const count = (number) => number.toLocaleString("en-GB");
    const parts = [];
    if (shown < inView) parts.push(`${count(shown)} of ${count(inView)} points in view shown`);
    if (this.terrain.words) parts.push(this.terrain.words);
    if (this.pictures.awaits) parts.push("zoom in to see the images");
    this.status.say(parts.join(" · "));
  }

  async resized() {
    await this.plot?.resize();
    this.gestures.since = null; // not by the hand on the map
    if (this.ready && this.plane) this.settled();
  }

  remove() {
    this.ending.abort();
    this.watcher.disconnect();
    for (const timer of [this.resting, this.hiding, this.pins.resting]) {
      clearTimeout(timer);
    }
    this.status.time(false);
    this.hover.clear();
    this.plot?.remove();
  }
}

/** Whether points are other ones, or coloured by something else: not if some are hidden. */
function isFresh(data, before) {
  const other = (name) => data.live?.map[name] !== before?.live?.map[name];
  return data.identity !== before?.identity || other("colour");
}
