// The buttons of the map and the legend of its classes: plain buttons, so that any hand reaches them.

import { element } from "./images.js";

const ICONS = {
  pan: "M12 2l3 3h-2v6h6V9l3 3-3 3v-2h-6v6h2l-3 3-3-3h2v-6H5v2l-3-3 3-3v2h6V5H9z",
  select:
    "M4 4h3v2H6v1H4zm5 0h6v2H9zm8 0h3v3h-2V6h-1zM4 9h2v6H4zm14 0h2v6h-2zM4 17h2v1h1v2H4zm14 0h2v3h-3v-2h1zM9 18h6v2H9z",
  lasso:
    "M12 4c5 0 9 2.7 9 6s-4 6-9 6c-1 0-2-.1-2.900-.3.1 2.300-.9 4.300-3.100 5.300l-.8-1.800c1.300-.6 2-1.700 1.900-3.100C4.600 15 3 12.700 3 10c0-3.300 4-6 9-6zm0 2c-3.900 0-7 1.800-7 4s3.100 4 7 4 7-1.800 7-4-3.100-4-7-4z",
  closer: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  farther: "M5 11h14v2H5z",
  reset: "M4 9V4h5v2H6v3zm11-5h5v5h-2V6h-3zM4 15h2v3h3v2H4zm14 0h2v5h-5v-2h3z",
  clear:
    "M6.4 5L12 10.600 17.600 5 19 6.400 13.400 12 19 17.600 17.600 19 12 13.400 6.400 19 5 17.600 10.600 12 5 6.400z",
};
const MODES = { pan: "Pan", select: "Select with a box", lasso: "Select with a lasso" };
const ACTIONS = {
  closer: "Zoom in",
  farther: "Zoom out",
  reset: "Show the whole map",
  clear: "Clear the selection",
};

const HELP = `Arrow keys move a crosshair, with Shift by larger steps; Enter pins what is there,
Escape leaves it. Plus and minus zoom, 0 shows the whole map.`;
let maps = 0;

/** What a reader of the screen is told of a map's keys. */
export function helpOf() {
  maps += 1;
  const id = `le-map-help-${maps}`;
  return element("div", { className: "le-map-help", textContent: HELP, id });
}

/** The row of buttons; `hand`: setMode(name), closer(), farther(), reset(), clear(). */
export class Buttons {
  constructor(hand) {
    this.box = element("div", { className: "le-map-buttons" });
    this.box.setAttribute("role", "toolbar");
    this.box.setAttribute("aria-label", "Map");
    this.modes = {};
    for (const [name, label] of Object.entries(MODES)) {
      this.modes[name] = button(name, label, () => {
        this.press(name);
        hand.setMode(name);
      });
    }
    const actions = Object.entries(ACTIONS).map(([name, label]) =>
      button(name, label, () => hand[name]()),
    );
    this.box.append(...Object.values(this.modes), ...actions);
    this.clear = actions.at(-1);
    this.clear.hidden = true;
    this.press("pan");
  }

  press(mode) {
    for (const [name, made] of Object.entries(this.modes))
      made.setAttribute("aria-pressed", name === mode);
  }
}

function button(name, label, act) {
  const made = element("button", { type: "button", title: label, onclick: act });
  made.setAttribute("aria-label", label);
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  made.append(svg);
  return made;
}

/**
 * What the colours mean. Classes are buttons: a click hides one, a double click isolates it, and
 * again brings all back. Values are a scale.
 */
export class Legend {
  constructor(changed) {
    this.box = element("div", { className: "le-map-legend", hidden: true });
    this.box.setAttribute("role", "group");
    this.box.setAttribute(
      "aria-label",
      "Colours: a click hides a class, a double click isolates it",
    );
    this.changed = changed;
    this.shown = "";
  }

  draw(classes, hidden, scale) {
    const shown = JSON.stringify([classes, scale]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.box.hidden = !classes.length && !scale;
    if (scale) return this.box.replaceChildren(...scaleOf(scale));
    const focused = document.activeElement?.dataset?.name;
    this.box.replaceChildren(...classes.map((entry) => this.entry(entry, classes, hidden)));
    if (focused !== undefined)
      this.box.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  entry({ name, color, hidden: isHidden }, classes, hidden) {
    const made = element("button", { type: "button" });
    made.dataset.name = name;
    made.setAttribute("aria-pressed", !isHidden);
    const dot = element("i");
    dot.style.background = color;
    made.append(dot, name);
    made.onclick = (event) => {
      // The second click of a double click.
      if (event.detail === 2) isolate(name, classes, hidden);
      else if (event.shiftKey) isolate(name, classes, hidden);
      else if (hidden.has(name)) hidden.delete(name);
      else hidden.add(name);
      this.changed();
    };
    return made;
  }
}

function scaleOf({ title, colorscale, cmin, cmax }) {
  const stops = colorscale.map(([share, color]) => `${color} ${100 * share}%`).join(", ");
  const bar = element("i", { className: "le-map-scale" });
  bar.style.background = `linear-gradient(to right, ${stops})`;
  const words = [title, cmin, cmax].map((word) => element("span", { textContent: short(word) }));
  return [words[0], words[1], bar, words[2]];
}

function short(value) {
  return typeof value === "number" ? `${Number(value.toPrecision(3))}`.replace("-", "−") : value;
}

function isolate(name, classes, hidden) {
  // The first click of the two has already turned this one on or off.
  const others = classes.filter((entry) => entry.name !== name);
  const alone = others.every((entry) => entry.hidden);
  hidden.clear();
  if (!alone) for (const entry of others) hidden.add(entry.name);
}
