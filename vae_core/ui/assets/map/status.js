// The lines below the map: what is shown, of how many; or what went wrong, until it goes well again.

import { element } from "./images.js";
import { Refused, Stale } from "./requests.js";
import { summary } from "./timing.js";

const CLOCK = 500; // milliseconds between two looks at the clock

export class Status {
  constructor() {
    this.faults = new Map(); // what asked → what it was told
    this.words = "";
    this.line = element("span");
    this.line.setAttribute("role", "status");
    this.times = element("span", { ariaHidden: "true" });
    this.box = element("div", { className: "le-map-line" }, this.line, this.times);
  }

  say(words) {
    this.words = words;
    this.draw();
  }

  /** `source`: what asked for it: "map", "points", "terrain", "pictures" or "hover". */
  failed(source, error) {
    if (error instanceof Stale) return;
    if (!(error instanceof Refused)) console.error(error); // a fault of ours
    this.faults.set(source, error.message);
    this.draw();
  }

  worked(source) {
    if (this.faults.delete(source)) this.draw();
  }

  draw() {
    const [fault] = this.faults.values();
    const words = fault ?? this.words;
    // A reader of the screen says what is set, be it the same.
    if (this.line.textContent !== words) this.line.textContent = words;
    this.line.classList.toggle("le-map-error", fault !== undefined);
  }

  /** Show the milliseconds of what the hand did, or no longer. */
  time(shown) {
    clearInterval(this.clock);
    this.times.textContent = "";
    if (shown) this.clock = setInterval(() => (this.times.textContent = summary()), CLOCK);
  }
}
