// Hover to decode: the pointer, a finger or the arrow keys say where; the card shows what is there.

import { Card, described } from "./card.js";
import { element } from "./images.js";
import { Latest } from "./requests.js";
import { frame, measure } from "./timing.js";

const STEP = 8; // pixels of an arrow key
const LEAP = 40; // with shift
const REACH = 12; // pixels between the pointer and a point that is meant
const SPOKEN = 400; // milliseconds of rest before a place is read out

export class Hover {
  /** `map` has: area, plane, points, routes, ink, enabled, failed(error). */
  constructor(map) {
    this.map = map;
    this.card = new Card(map.area);
    this.cross = element("div", { className: "le-map-cross", hidden: true });
    this.ring = element("div", { className: "le-map-ring", hidden: true });
    this.voice = element("div", { className: "le-map-voice" });
    this.voice.setAttribute("aria-live", "polite");
    map.area.append(this.ring, this.cross, this.voice);
    this.place = null; // {left, top}: where the hand is
    this.point = null; // the point of the dataset under it
    this.queue = new Latest((request) => this.decode(request));
    map.area.addEventListener("pointermove", (event) => this.move(event));
    map.area.addEventListener("pointerdown", (event) => this.touch(event));
    map.area.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.leave(); // a finger that is lifted has left, too
    });
    map.area.addEventListener("blur", () => this.clear());
  }

  move(event) {
    if (event.target.closest(".le-map-pin")) return;
    if (event.buttons) return this.leave(); // the hand holds the map
    this.lookAt(event);
  }

  /** A finger shows what is under it as soon as it is down. */
  touch(event) {
    if (event.pointerType === "touch" && !event.target.closest("button")) this.lookAt(event);
  }

  lookAt(event) {
    const bounds = this.map.area.getBoundingClientRect();
    const left = event.clientX - bounds.left;
    const top = event.clientY - bounds.top;
    this.cross.hidden = true;
    if (!this.map.plane?.holds(left, top)) return this.leave();
    this.show(this.nearest(left, top));
    this.look(left, top, event.timeStamp);
  }

  /** The point of the dataset that is meant by a place of the map's box, or null. */
  nearest(left, top) {
    return this.map.points.nearest(this.map.plane, left, top, REACH);
  }

  /** Show what is at a place of the map's box, because of what the hand did at `since`. */
  look(left, top, since = null) {
    this.card.place(left, top);
    if (!this.map.enabled || !this.map.routes) return;
    this.place = { left, top };
    const { x, y } = this.map.plane.toData(left, top);
    this.asked = { x, y, since };
    this.queue.ask(this.asked);
  }

  async decode({ x, y, since }) {
    const { routes } = this.map;
    try {
      const picture = await routes.decode([[x, y]]);
      if (!this.place || routes !== this.map.routes) return; // the hand, or the map, has gone
      this.told = picture.told[0];
      this.card.show(picture, this.told, this.map.ink);
      this.card.place(this.place.left, this.place.top);
      if (since !== null) frame().then((end) => measure("hover-decode", since, end));
    } catch (error) {
      this.leave();
      this.map.failed(error);
    }
  }

  /** The point of the dataset under the pointer, or null. */
  show(point) {
    this.point = point;
    this.ring.hidden = !point;
    if (point) {
      const { left, top } = this.map.plane.toPixel(point.x, point.y);
      this.ring.style.transform = `translate(${left}px, ${top}px)`;
    }
    this.card.name(point ? named(point) : "");
    if (!this.map.live) this.card.label(Boolean(point)); // nothing is decoded here
  }

  leave() {
    this.place = null;
    this.queue.forget();
    this.card.hide();
    this.show(null);
  }

  /** Arrow keys move a crosshair; true if the key was one of ours. */
  press(event) {
    const step = event.shiftKey ? LEAP : STEP;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (!move || !this.map.plane) return false;
    const { box } = this.map.plane;
    const from = this.place ?? { left: box.left + box.width / 2, top: box.top + box.height / 2 };
    const within = (value, low, size) => Math.min(Math.max(value, low), low + size);
    const left = within(from.left + step * move[0], box.left, box.width);
    const top = within(from.top + step * move[1], box.top, box.height);
    this.show(null);
    this.cross.hidden = false;
    this.cross.style.transform = `translate(${left}px, ${top}px)`;
    this.place = { left, top };
    this.look(left, top, event.timeStamp);
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.speak(), SPOKEN);
    return true;
  }

  speak() {
    const { x, y } = this.map.plane.toData(this.place?.left ?? 0, this.place?.top ?? 0);
    const where = `x ${x.toFixed(2)}, y ${y.toFixed(2)}`;
    this.voice.textContent = this.place ? [where, ...described(this.told)].join(", ") : "";
  }

  /** Where the crosshair stands, or null. */
  get crosshair() {
    if (this.cross.hidden || !this.place) return null;
    return this.map.plane.toData(this.place.left, this.place.top);
  }

  clear() {
    this.cross.hidden = true;
    this.voice.textContent = "";
    this.leave();
  }

  /** The view has moved: what is under the hand is another place. */
  follow() {
    if (this.point) this.show(this.point);
    if (!this.place) return;
    const { left, top } = this.map.plane.toPixel(this.asked.x, this.asked.y);
    if (Math.hypot(left - this.place.left, top - this.place.top) > 1) {
      this.look(this.place.left, this.place.top);
    }
  }
}

function named({ name, index, value }) {
  const parts = name ? [name] : [];
  if (index !== null) parts.push(`#${index}`);
  if (value !== null) parts.push(value.toPrecision(3));
  return parts.join(" · ");
}
