// Streamlit's theme, read from its CSS variables, as layout of Plotly and as colours to draw with.

export function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: value("text-color"),
    background: value("background-color"),
    primary: value("primary-color"),
    font: value("font"),
    classes: value("chart-categorical-colors").split(",").filter(Boolean),
    ramp: value("chart-sequential-colors").split(",").filter(Boolean),
    rgb: rgb(style.color),
  };
}

export function themed(layout, theme) {
  // See-through: the grid lies on the points.
  const faint = (share) => `rgba(${theme.rgb.join()},${share})`;
  const axis = {
    gridcolor: faint(0.08),
    linecolor: faint(0.2),
    zerolinecolor: faint(0.2),
    tickfont: { color: faint(0.72), size: 12 },
  };
  const title = (given) => ({ ...given, font: { color: faint(0.85), size: 13 } });
  const themedAxis = (given = {}) => ({ ...axis, ...given, title: title(given.title) });
  const result = {
    ...layout,
    template: undefined,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, color: theme.text, size: 13 },
    colorway: theme.classes,
    hoverlabel: {
      bgcolor: theme.background,
      bordercolor: faint(0.3),
      font: { color: theme.text, family: theme.font },
    },
  };
  if (layout.scene) {
    // WebGL knows no see-through lines.
    const [text, ground] = [theme.rgb, rgb(theme.background)];
    const grid = text.map((value, i) => Math.round(ground[i] + 0.15 * (value - ground[i])));
    const gridcolor = `rgb(${grid.join()})`;
    const space = (given) => ({ ...themedAxis(given), gridcolor, zerolinecolor: gridcolor });
    result.scene = { ...layout.scene };
    for (const name of ["xaxis", "yaxis", "zaxis"]) result.scene[name] = space(layout.scene[name]);
  } else {
    const further = Object.keys(layout).filter((name) => /^[xy]axis\d/.test(name));
    for (const name of ["xaxis", "yaxis", ...further]) {
      // Fixed margins: nothing shifts while the numbers on the axes change.
      result[name] = { ...themedAxis(layout[name]), automargin: false };
    }
  }
  return result;
}

const known = new Map();
let probe = null;

/** Red, green and blue of any CSS colour, 0 … 255. */
export function rgb(colour) {
  if (!known.has(colour)) {
    probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    known.set(colour, [...probe.getImageData(0, 0, 1, 1).data.subarray(0, 3)]);
  }
  return known.get(colour);
}
