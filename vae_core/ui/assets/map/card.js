// The card at the cursor: what the decoder draws there, and what is known of the place.

import { element, imageData } from "./images.js";

const GAP = 18; // pixels between the cursor and the card
const SMALLEST = 0.18; // opacity where no data is near
const LISTED = 16; // numbers of z, above which its length stands for it
const A_LINE = 4; // of them

export class Card {
  constructor(parent) {
    this.canvas = element("canvas", { width: 1, height: 1 });
    this.canvas.setAttribute("aria-hidden", "true");
    this.title = element("strong");
    this.lines = element("div");
    this.box = element("div", { className: "le-map-card", hidden: true });
    this.box.append(
      this.canvas,
      element("div", { className: "le-map-words" }, this.title, this.lines),
    );
    parent.append(this.box);
    this.parent = parent;
  }

  /** Stand beside a place, wherever the map leaves room. */
  place(left, top) {
    const { clientWidth: width, clientHeight: height } = this.parent;
    const { offsetWidth, offsetHeight } = this.box;
    const beyond = left + GAP + offsetWidth > width;
    const below = top + GAP + offsetHeight > height;
    const x = beyond ? Math.max(0, left - GAP - offsetWidth) : left + GAP;
    const y = below ? Math.max(0, top - GAP - offsetHeight) : top + GAP;
    this.box.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  /** Draw a decoded picture; `told` is what the server says of the place. */
  show(picture, told, ink) {
    const { rows, columns } = picture;
    if (this.canvas.width !== columns || this.canvas.height !== rows) {
      this.canvas.width = columns;
      this.canvas.height = rows;
      this.canvas.classList.toggle("smooth", columns > 32);
      this.context = this.canvas.getContext("2d");
    }
    this.context.putImageData(imageData(picture, 0, ink), 0, 0);
    const support = told?.support ?? 1;
    this.canvas.style.opacity = SMALLEST + (1 - SMALLEST) * support;
    this.say(described(told));
    this.canvas.hidden = false;
    this.box.hidden = false;
  }

  say(lines) {
    const words = lines.join("\n");
    if (words === this.words) return;
    this.words = words;
    this.lines.replaceChildren(...lines.map((line) => element("div", { textContent: line })));
  }

  name(title) {
    if (this.title.textContent !== title) this.title.textContent = title;
    this.title.hidden = !title;
  }

  /** Without a picture: only the name of a point. */
  label(shown) {
    this.canvas.hidden = true;
    this.box.hidden = !shown;
  }

  hide() {
    this.box.hidden = true;
  }
}

/** z (of `most` numbers), its density under the prior and how far the data is, line by line. */
export function described(told, most = LISTED) {
  if (!told) return [];
  const { z, norm, log_prior: density, nearest, distance, approximate } = told;
  const equals = approximate ? "≈" : "=";
  const lines = [];
  if (!z || z.length > most) lines.push(`‖z‖ ${equals} ${number(norm)}`);
  else if (z.length <= A_LINE) lines.push(`z ${equals} ${z.map(number).join(", ")}`);
  else lines.push(`z ${equals}`, ...rows(z));
  if (Number.isFinite(density)) lines.push(`log p(z) = ${number(density)}`);
  if (Number.isFinite(distance)) lines.push(`nearest: #${nearest}, ${number(distance)} away`);
  if (approximate) lines.push("approximate");
  return lines;
}

/** Numbers in columns; figure spaces are as wide as a digit. */
function rows(z) {
  const padded = z.map((value) => number(value).padStart(6, "\u2007"));
  const count = Math.ceil(z.length / A_LINE);
  return Array.from({ length: count }, (_, row) =>
    padded.slice(A_LINE * row, A_LINE * (row + 1)).join(" "),
  );
}

function number(value) {
  return value.toFixed(2).replace("-0.00", "0.00").replace("-", "−");
}
