// Plays a film of a training, or follows a training that is still going on. Nothing is sent back
// to the server.

const ICONS = { play: "M8 5v14l11-7z", pause: "M6 5h4v14H6zm8 0h4v14h-4z" };
const SPEEDS = [0.25, 0.5, 1, 2];
const GLIDE = 700; // milliseconds in which a live map moves on to a new epoch
const REST = 1500; // at the end, before it begins anew
const players = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".timelapse");
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.load(data);
  return () => {
    player.remove();
    players.delete(root);
    root.replaceChildren();
  };
}

class Player {
  constructor(root) {
    this.root = root;
    this.position = 0;
    this.stage = new Stage(root);
    this.build();
    this.draw = this.draw.bind(this);
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(root);
    // A paused picture follows the theme as well.
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.follow = () => setTimeout(() => this.redraw(), 50);
    this.dark.addEventListener("change", this.follow);
  }

  build() {
    this.button = element("button", { type: "button", onclick: () => this.toggle() });
    this.curve = element("canvas");
    this.curve.setAttribute("aria-hidden", "true");
    this.slider = element("input", { type: "range", min: 0, step: "any" });
    this.slider.setAttribute("aria-label", "Epoch");
    this.slider.oninput = () => this.jump(Number(this.slider.value));
    this.select = element("select", { title: "Speed" });
    this.select.setAttribute("aria-label", "Speed");
    for (const speed of SPEEDS) {
      this.select.append(element("option", { value: speed, textContent: `${speed}×` }));
    }
    this.select.value = 1;
    const scrub = element("div", { className: "scrub" });
    scrub.append(this.curve, this.slider);
    this.controls = element("div", { className: "controls" });
    this.controls.append(this.button, scrub, this.select);
    this.root.append(this.controls);
    this.root.onkeydown = (event) => this.press(event);
    this.showState();
  }

  load(bytes) {
    if (bytes === this.bytes) return this.redraw();
    const before = this.film;
    this.bytes = bytes;
    this.film = unpack(bytes);
    const { epochs, points, live } = this.film;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.stage.show(this.film, () => this.redraw());
    this.from = live && before?.points === points && !this.calm ? this.shown?.slice() : null;
    this.shown = new Float32Array(2 * points);
    this.controls.hidden = live;
    this.slider.max = epochs.length - 1;
    if (live) {
      this.pause();
      this.position = 0;
      this.begun = performance.now();
      // Without a glide there is still the picture of the epoch before to be replaced.
      this.redraw();
    } else if (!before || before.live) {
      this.position = this.calm ? epochs.length - 1 : 0;
      this.redraw();
      if (!this.calm) this.play();
    } else {
      this.position = Math.min(this.position, epochs.length - 1);
      this.redraw();
    }
  }

  press(event) {
    if (this.film.live || event.target.matches("select, .legend button")) return;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    const last = this.film.epochs.length - 1;
    if (event.key === " " && event.target !== this.button) this.toggle();
    else if (event.key in steps) this.jump(Math.round(this.position) + steps[event.key]);
    else if (event.key === "Home") this.jump(0);
    else if (event.key === "End") this.jump(last);
    else return;
    event.preventDefault();
  }

  jump(position) {
    this.pause();
    this.position = Math.min(Math.max(position, 0), this.film.epochs.length - 1);
    this.redraw();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    const last = this.film.epochs.length - 1;
    if (this.playing || last < 1) return;
    if (this.position >= last) this.position = 0;
    this.playing = true;
    this.before = null;
    this.rested = 0;
    this.showState();
    this.redraw();
  }

  pause() {
    this.playing = false;
    this.showState();
  }

  redraw() {
    this.request ??= requestAnimationFrame(this.draw);
  }

  draw(now) {
    this.request = null;
    if (!this.root.isConnected || !this.film) return;
    if (this.playing) this.advance(now);
    let blend = 1;
    placesAt(this.film, this.position, this.shown);
    if (this.from) {
      const t = Math.min((now - this.begun) / GLIDE, 1);
      blend = t * t * (3 - 2 * t);
      for (let i = 0; i < this.shown.length; i++) {
        this.shown[i] = this.from[i] + blend * (this.shown[i] - this.from[i]);
      }
      if (t === 1) this.from = null;
    }
    this.stage.draw(this.shown, this.position, blend);
    if (!this.film.live) this.drawCurve();
    if (this.playing || this.from) this.redraw();
  }

  advance(now) {
    // A hidden tab draws nothing; it goes on where it was.
    const passed = this.before === null ? 0 : Math.min(now - this.before, 100);
    this.before = now;
    const last = this.film.epochs.length - 1;
    if (this.position < last) {
      this.position += (passed / 1000 / this.film.seconds) * last * this.select.value;
      this.rested = 0;
    } else if ((this.rested += passed) > REST) {
      this.position = 0;
    }
    this.position = Math.min(this.position, last);
  }

  /** The validation loss over the epochs, and where the film stands. */
  drawCurve() {
    const { epochs, losses, remarks } = this.film;
    const last = epochs.length - 1;
    const { context, width } = fitted(this.curve, 44 / this.curve.clientWidth);
    const style = getComputedStyle(this.root);
    const inset = 8; // half a thumb, so that the line stands where the slider does
    const x = (k) => inset + (k / Math.max(last, 1)) * (width - 2 * inset);
    const known = losses.filter((loss) => loss !== null).sort((a, b) => a - b);
    if (known.length > 1) {
      const [low, high] = [known[0], known[Math.floor(0.95 * (known.length - 1))]];
      const y = (loss) => 4 + 24 * (1 - Math.min((loss - low) / (high - low || 1), 1));
      const line = new Path2D();
      losses.forEach((loss, k) => loss !== null && line.lineTo(x(k), y(loss)));
      context.strokeStyle = style.color;
      context.lineWidth = 1.5;
      context.globalAlpha = 0.3;
      context.stroke(line);
      context.save();
      context.beginPath();
      context.rect(0, 0, x(this.position), 44);
      context.clip();
      context.globalAlpha = 1;
      context.strokeStyle = style.getPropertyValue("--st-primary-color");
      context.stroke(line);
      context.restore();
    }
    this.slider.value = this.position;
    const at = Math.round(this.position);
    this.slider.setAttribute("aria-valuetext", `Epoch ${epochs[at]}: ${remarks[at]}`);
  }

  showState() {
    const label = this.playing ? "Pause" : "Play";
    this.button.replaceChildren(icon(label.toLowerCase()));
    this.button.setAttribute("aria-label", label);
    this.button.title = label;
  }

  remove() {
    this.pause();
    cancelAnimationFrame(this.request);
    this.resized.disconnect();
    this.dark.removeEventListener("change", this.follow);
    this.stage.remove();
  }
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
