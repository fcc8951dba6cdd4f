// The figure that plotly.py built, drawn by the plotly.js that came with it: axes, marks, and the
// gestures that pan and zoom. A map in space is Plotly's altogether.

import { Plane, rangeOf, sameRange } from "./plane.js";
import { numbers, plain } from "./points.js";
import { Latest } from "./requests.js";
import { themed } from "./theme.js";

const CONFIG = { scrollZoom: true, displayModeBar: false, doubleClick: false };
const MARGIN = { l: 52, r: 8, t: 8, b: 42 };
const ROOM = 0.05; // around the outermost points, of their extent

let loading = null;

/** plotly.js, fetched once for all maps of the document. */
export function loadPlotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = null;
      reject(new Error("plotly.js could not be loaded."));
    };
    document.head.append(script);
  });
  return loading;
}

export class Plot {
  /** `on`: moving(), settled(), click(point), drawn(). */
  constructor(div, plotly, on) {
    this.div = div;
    this.plotly = plotly;
    this.on = on;
    this.dragmode = "pan";
    this.range = null; // as the hand left it; what is shown may be wider, as the scales are equal
    this.cloud = []; // points of a map in space
    this.draws = 0;
    this.drawing = new Latest(() => this.drawOnce());
  }

  /** Another figure. Traces with `customdata` are points of the dataset: they are handed back. */
  setFigure({ data, layout }) {
    this.layout = layout;
    this.flat = !layout.scene;
    this.marks = data.filter((trace) => !trace.customdata);
    return data.filter((trace) => trace.customdata);
  }

  /** Another map: it begins with `range`, or with all of it. */
  reset(identity, range) {
    this.identity = identity;
    this.range = range;
    this.home = null;
  }

  /** Say where the points lie, so that the whole map is known. */
  setExtent({ x0, x1, y0, y1 }) {
    const [x, y] = [(x1 - x0 || 1) * ROOM, (y1 - y0 || 1) * ROOM];
    this.home ??= { x0: x0 - x, x1: x1 + x, y0: y0 - y, y1: y1 + y };
    this.range ??= this.home;
  }

  /** Other points: the whole map is another, and seen again unless the hand has moved away. */
  rehome() {
    if (sameRange(this.range, this.home)) this.range = null;
    this.home = null;
  }

  /** Places of the marks, which the whole map holds as well. */
  get places() {
    return this.marks.flatMap((mark) => {
      const [x, y] = [numbers(mark.x), numbers(mark.y)];
      return Array.from(x, (value, i) => [value, y[i]]);
    });
  }

  /** Draw what is set; what is set while it is being drawn is drawn next. */
  draw(theme, points) {
    this.theme = theme;
    this.points = points;
    return this.drawing.ask(true);
  }

  async drawOnce() {
    const { data, layout } = this.compose();
    if (this.div.data) {
      await this.plotly.react(this.div, data, layout, CONFIG);
    } else {
      await this.plotly.newPlot(this.div, data, layout, CONFIG);
      this.listen();
      this.measure();
    }
  }

  compose() {
    const layout = themed(this.layout, this.theme);
    this.draws += 1;
    Object.assign(layout, {
      margin: this.flat ? MARGIN : { l: 0, r: 0, t: 0, b: 0 },
      showlegend: false, // the map has a legend that a keyboard reaches
      hovermode: "closest",
      clickmode: "event",
      dragmode: this.flat ? this.dragmode : "orbit",
      // Plotly keeps what the hand did while this stays the same: the camera of a map in space.
      uirevision: this.flat ? this.draws : this.identity,
    });
    if (this.flat) {
      const { x0, x1, y0, y1 } = this.range;
      Object.assign(layout.xaxis, { range: [x0, x1], autorange: false });
      Object.assign(layout.yaxis, { range: [y0, y1], autorange: false });
    }
    // As SVG: each WebGL plot takes one of the few contexts that a page has.
    const type = (mark) => (mark.type === "scattergl" ? "scatter" : mark.type);
    const marks = this.marks.map((mark) => ({ ...mark, type: type(mark) }));
    return { data: [...this.cloud.map((trace) => this.coloured(trace)), ...marks], layout };
  }

  /** A trace of a map in space as the legend has it. */
  coloured(trace) {
    const { groups, hidden } = this.points;
    const group = groups.findIndex(({ name }) => name === plain(trace.name ?? ""));
    const values = trace.marker.cmin !== undefined;
    const color = values ? trace.marker.color : this.points.groupColour(group, this.theme);
    const marker = { ...trace.marker, color, showscale: false };
    return { ...trace, marker, visible: !hidden.has(groups[group].name) };
  }

  listen() {
    const on = (name, act) => this.div.on(`plotly_${name}`, act);
    on("relayouting", (event) => this.moved(event, this.on.moving));
    on("relayout", (event) => this.moved(event, this.on.settled));
    on("afterplot", () => this.measure());
    on("click", ({ points }) => {
      const { x, y, customdata } = points[0] ?? {};
      if (!this.flat && Number.isInteger(customdata)) this.on.click({ x, y, index: customdata });
    });
  }

  moved(event, tell) {
    const range = this.flat ? rangeOf(event) : null;
    if (!range) return;
    this.range = range;
    if (tell === this.on.moving) this.plane = new Plane(range, this.plane.box);
    tell();
  }

  /** Where the plot area lies; Plotly's own rectangle for the pointer is exactly that. */
  measure() {
    const area = this.flat && this.div.querySelector(".nsewdrag");
    if (!area) return;
    const outer = this.div.getBoundingClientRect();
    const { left, top, width, height } = area.getBoundingClientRect();
    const box = { left: left - outer.left, top: top - outer.top, width, height };
    const { xaxis, yaxis } = this.div.layout;
    const [[x0, x1], [y0, y1]] = [xaxis.range, yaxis.range];
    this.plane = new Plane({ x0, x1, y0, y1 }, box);
    this.on.drawn();
  }

  /** Show another range, as if the hand had moved there. */
  look({ x0, x1, y0, y1 }) {
    return this.plotly.relayout(this.div, { "xaxis.range": [x0, x1], "yaxis.range": [y0, y1] });
  }

  setDragmode(mode) {
    this.dragmode = mode;
    return this.plotly.relayout(this.div, { dragmode: mode });
  }

  resize() {
    // Plotly refuses a plot that is hidden, as on a page that is being left.
    return this.div.data && this.div.clientWidth ? this.plotly.Plots.resize(this.div) : null;
  }

  async remove() {
    this.drawing.forget();
    await this.drawing.running;
    this.plotly.purge(this.div);
  }
}
