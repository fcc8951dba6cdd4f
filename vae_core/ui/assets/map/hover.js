// Hover to decode: the pointer, a finger or the arrow keys say where; the card shows what is there.

import { Card, described } from "./card.js";
import { element } from "./images.js";
import { Latest } from "./requests.js";
import { frame, measure } from "./timing.js";

const STEP = 8; // pixels of an arrow key
const LEAP = 40; // with shift
const REACH = 12; // pixels between the pointer and a point that is meant
const FEW = 4; // numbers that are read out
const SPOKEN = 400; // milliseconds of rest before a place is read out

export class Hover {
  /** `map` has: area, plane, points, routes, ink, enabled, status. */
  constructor(map) {
    this.map = map;
    this.card = new Card(map.area);
    this.cross = element("div", { className: "le-map-cross", hidden: true });
    this.ring = element("div", { className: "le-map-ring", hidden: true });
    this.voice = element("div", { className: "le-map-voice" });
    this.voice.setAttribute("aria-live", "polite");
    map.area.append(this.ring, this.cross, this.voice);
    this.place = null; // {left, top}: where the hand is
    this.waiting = null; // where it has gone while an answer was awaited
    this.point = null; // the point of the dataset under it
    this.asked = null; // the last request: {x, y, since, name}, and `told` once it is answered
    this.visit = 0; // how often the hand has left
    this.queue = new Latest((request) => this.decode(request));
    map.area.addEventListener("pointermove", (event) => this.move(event));
    // A move is told at the next frame; this, where pages are trusted with it, at once, and up to a
    // thousand times a second: looked at is the newest, once there is time for it.
    map.area.addEventListener("pointerrawupdate", (event) => {
      if (this.queue.running) this.waiting = event;
      else this.move(event);
    });
    map.area.addEventListener("pointerdown", (event) => this.touch(event));
    map.area.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.leave(); // a finger that is lifted has left, too
    });
    map.area.addEventListener("blur", () => this.clear());
  }

  move(event) {
    this.waiting = null;
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
    if (left === this.place?.left && top === this.place.top) return; // both events tell of it
    this.show(this.nearest(left, top));
    this.look(left, top, event.timeStamp);
  }

  /** The point of the dataset that is meant by a place of the map's box, or null. */
  nearest(left, top) {
    return this.map.points.nearest(this.map.plane, left, top, REACH);
  }

  /** Show what is at a place of the map's box, because of what the hand did at `since`. */
  look(left, top, since = null) {
    this.place = { left, top };
    const { x, y } = this.map.plane.toData(left, top);
    this.asked = { x, y, since, name: this.point ? named(this.point) : "" };
    // A card with a picture moves with it: what it shows is of the place that it stands at.
    if (this.decodes) this.queue.ask(this.asked);
    else this.card.place(left, top);
  }

  async decode(asked) {
    const { routes, status } = this.map;
    const { visit } = this;
    // What was asked for before the hand, or the map, had gone.
    const isPast = () => visit !== this.visit || routes !== this.map.routes;
    try {
      const picture = await routes.decode([[asked.x, asked.y]]);
      status.worked("hover");
      if (isPast()) return;
      [asked.told] = picture.told;
      const { left, top } = this.map.plane.toPixel(asked.x, asked.y);
      this.card.name(asked.name);
      this.card.show(picture, asked.told, this.map.ink);
      this.card.place(left, top);
      const { since } = asked;
      if (since !== null) frame().then((end) => measure("hover-decode", since, end));
    } catch (error) {
      if (isPast()) return;
      this.leave();
      status.failed("hover", error);
    } finally {
      if (this.waiting) this.move(this.waiting);
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
    if (this.decodes) return;
    this.card.name(point ? named(point) : "");
    this.card.label(Boolean(point));
  }

  get decodes() {
    return this.map.enabled && Boolean(this.map.routes);
  }

  leave() {
    this.visit += 1;
    this.place = this.waiting = null;
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
    this.show(this.nearest(left, top)); // which Enter would pin
    this.cross.hidden = false;
    this.cross.style.transform = `translate(${left}px, ${top}px)`;
    this.look(left, top, event.timeStamp);
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.speak(), SPOKEN);
    return true;
  }

  /** Read out where the crosshair rests, once it is known what is there. */
  async speak() {
    const { asked } = this;
    await this.queue.running;
    if (!this.crosshair || asked !== this.asked) return;
    const name = this.point ? [named(this.point)] : [];
    const where = `x ${asked.x.toFixed(2)}, y ${asked.y.toFixed(2)}`;
    this.voice.textContent = [...name, where, ...described(asked.told, FEW)].join(", ");
  }

  /** Where the crosshair stands, in pixels of the map's box, or null. */
  get crosshair() {
    return this.cross.hidden ? null : this.place;
  }

  clear() {
    clearTimeout(this.speaking);
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
