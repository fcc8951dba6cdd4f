// A chart that changes where it stands. Streamlit's own is another element with each new figure: it
// would blink with each epoch of a training.

import { loadPlotly } from "./plot.js";
import { Latest } from "./requests.js";
import { readTheme, themed } from "./theme.js";

const CONFIG = { displayModeBar: false };
const STANDOFF = 8; // pixels between an axis's numbers and its title
const charts = new WeakMap();

export default function render({ data, parentElement }) {
  const div = parentElement.querySelector(".le-chart");
  if (!charts.has(div)) charts.set(div, new Chart(div));
  const chart = charts.get(div);
  chart.draws.ask(data);
  const owner = (chart.owner = {});
  return () => {
    // Streamlit ends a call as soon as it returns, where newer data came before.
    if (chart.owner !== owner) return;
    charts.delete(div);
    chart.remove();
  };
}

class Chart {
  constructor(div) {
    this.div = div;
    this.draws = new Latest((data) => this.draw(data));
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(div);
  }

  async draw({ plotly, figure, alt }) {
    const { data, layout } = JSON.parse(figure);
    this.div.style.height = `${layout.height}px`;
    this.div.setAttribute("aria-label", alt);
    this.plotly = await loadPlotly(plotly);
    if (this.gone) return;
    const theme = readTheme(this.div);
    await this.plotly.react(this.div, ramped(data, theme.ramp), fitted(layout, theme), CONFIG);
  }

  resize() {
    // Plotly refuses a plot that is hidden, as on a page that is being left: at once, or later.
    if (this.div.data && this.div.clientWidth) this.plotly.Plots.resize(this.div).catch(() => {});
  }

  /** What Plotly may still have to draw, it draws; it keeps nothing but on the element. */
  remove() {
    this.gone = true;
    this.watcher.disconnect();
    this.draws.forget();
  }
}

/** What shows values by colour does so in the theme's. */
function ramped(traces, ramp) {
  const colorscale = ramp.map((colour, i) => [i / (ramp.length - 1), colour]);
  return traces.map((trace) => (trace.type === "heatmap" ? { ...trace, colorscale } : trace));
}

/** In the theme, and with as much room beside the axes as their numbers need. */
function fitted(layout, theme) {
  const result = themed(layout, theme);
  for (const name of Object.keys(result).filter((key) => /^[xy]axis/.test(key))) {
    const { title } = result[name];
    Object.assign(result[name], { automargin: true, title: { ...title, standoff: STANDOFF } });
  }
  return result;
}
