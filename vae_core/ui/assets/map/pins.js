// Pins: places that are looked at in the inspector. They can be dragged, by hand or by arrow keys.

import { element } from "./images.js";
import { Latest } from "./requests.js";

const STEP = 8;
const LEAP = 40;
const STILL = 4; // pixels that a click may wander
const REST = 400; // milliseconds without a key, after which a pin is let go
const PATIENCE = 1000; // milliseconds that Python is waited for while a pin is moved

export class Pins {
  /** `on`: dragged(left, top, since), dropped(), told(pins, held), picked(pin). */
  constructor(layer, map, on) {
    this.layer = layer;
    this.map = map;
    this.on = on;
    this.pins = [];
    this.given = "[]";
    this.held = null; // another object for each move, until Python knows of the last
    this.answered = () => {}; // to be called when data has come from Python
    this.telling = new Latest((news) => this.tell(news));
  }

  /** Pins as Python gives them: [{id, x, y, index, label}]. */
  set(pins) {
    this.later = this.held ? pins : null;
    if (this.held) return; // the hand knows better
    const given = JSON.stringify(pins);
    // What has been dragged stays where it is, until Python says something else.
    if (given === this.given) return;
    this.given = given;
    this.pins = pins.map((pin) => ({ ...pin }));
    const focused = this.layer.contains(document.activeElement)
      ? document.activeElement.dataset.id
      : null;
    this.layer.replaceChildren(...this.pins.map((pin) => this.button(pin)));
    if (focused) this.layer.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
    this.draw();
  }

  button(pin) {
    const button = element("button", { type: "button", className: "le-map-pin" });
    button.dataset.id = pin.id;
    button.append(element("span", { textContent: pin.label }));
    button.setAttribute("aria-label", `Pin ${pin.label}: drag it, or move it by the arrow keys`);
    button.onpointerdown = (event) => this.grab(event, pin, button);
    button.onkeydown = (event) => this.press(event, pin);
    pin.button = button;
    return button;
  }

  draw() {
    const { plane } = this.map;
    if (!plane) return;
    for (const { x, y, button } of this.pins) {
      const { left, top } = plane.toPixel(x, y);
      button.hidden = !plane.holds(left, top);
      button.style.transform = `translate(${left}px, ${top}px)`;
    }
  }

  grab(event, pin, button) {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    button.focus();
    button.setPointerCapture(event.pointerId);
    const start = { left: event.clientX, top: event.clientY, x: pin.x, y: pin.y };
    const over = new AbortController();
    const signal = AbortSignal.any([this.map.ending.signal, over.signal]);
    let moved = false;
    const move = ({ pointerId, clientX, clientY, timeStamp }) => {
      if (pointerId !== event.pointerId) return;
      const right = clientX - start.left;
      const down = clientY - start.top;
      moved ||= Math.hypot(right, down) > STILL;
      if (!moved) return;
      const { perX, perY } = this.map.plane;
      this.put(pin, start.x + right / perX, start.y - down / perY, timeStamp);
    };
    const end = ({ pointerId }) => {
      if (pointerId !== event.pointerId) return;
      over.abort();
      if (moved) this.drop();
      else this.on.picked(pin);
    };
    // Of the window: also where the button has lost the pointer, the hand that lets go is heard.
    window.addEventListener("pointermove", move, { signal });
    window.addEventListener("pointerup", end, { signal });
    window.addEventListener("pointercancel", end, { signal });
  }

  press(event, pin) {
    const step = event.shiftKey ? LEAP : STEP;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (move) {
      const { perX, perY } = this.map.plane;
      this.put(
        pin,
        pin.x + (step * move[0]) / perX,
        pin.y + (step * move[1]) / perY,
        event.timeStamp,
      );
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.drop(), REST);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.drop(this.places().filter(({ id }) => id !== pin.id));
    } else if (event.key === "Enter") {
      this.on.picked(pin);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  put(pin, x, y, since) {
    // It has left its point, if it stood on one.
    Object.assign(pin, { x, y, index: null });
    this.draw();
    const { left, top } = this.map.plane.toPixel(x, y);
    this.on.dragged(left, top, since);
    this.held = {};
    this.telling.ask({ places: this.places(), held: true });
  }

  /** The hand lets go; Python has the last word again once it has heard of it. */
  async drop(places = this.places()) {
    clearTimeout(this.resting);
    this.on.dropped();
    const held = (this.held = {});
    await this.telling.ask({ places, held: false });
    if (held !== this.held) return;
    this.held = null;
    if (this.later) this.set(this.later);
  }

  /** Say where the pins are; the inspector follows as fast as Python answers. */
  async tell({ places, held }) {
    const answer = new Promise((resolve) => (this.answered = resolve));
    this.on.told(places, held);
    const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([answer, patience]);
  }

  places() {
    return this.pins.map(({ id, x, y, index, label }) => ({ id, x, y, index, label }));
  }
}
