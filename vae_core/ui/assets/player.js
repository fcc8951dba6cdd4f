// Plays a morph: the given frames are key frames, and what is drawn between two of them is
// their blend, once per frame of the display. Nothing is sent back to the server.

const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zm8 0h4v14h-4z",
  // To and fro, as against starting over.
  bounce: "M7 7l-5 5 5 5v-4h10v4l5-5-5-5v4H7z",
};
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const players = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".player");
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.load(data);
  return () => {
    player.stop();
    players.delete(root);
    root.replaceChildren();
  };
}

function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { ...header, pixels: bytes.subarray(4 + length) };
}

class Player {
  constructor(root) {
    this.root = root;
    this.position = 0;
    this.direction = 1;
    this.playing = false;
    this.bounce = true;
    this.speed = 1;
    this.build();
  }

  build() {
    this.screen = element("div", { className: "screen" });
    this.canvas = element("canvas", { onclick: () => this.toggle() });
    this.canvas.setAttribute("role", "img");
    this.screen.append(this.canvas);
    this.caption = element("div", { className: "caption" });
    this.button = element("button", { type: "button", onclick: () => this.toggle() });
    this.slider = element("input", { type: "range", min: 0, step: "any" });
    this.slider.setAttribute("aria-label", "Position");
    this.slider.oninput = () => {
      this.pause();
      this.position = Number(this.slider.value);
      this.draw();
    };
    this.select = element("select", { title: "Speed" });
    this.select.setAttribute("aria-label", "Speed");
    for (const speed of SPEEDS) {
      this.select.append(element("option", { value: speed, textContent: `${speed}×` }));
    }
    this.select.value = 1;
    this.select.onchange = () => (this.speed = Number(this.select.value));
    this.loop = element("button", { type: "button", title: "Play to and fro" });
    this.loop.setAttribute("aria-label", "Play to and fro");
    this.loop.append(icon("bounce"));
    this.loop.onclick = () => this.setBounce(!this.bounce);
    this.setBounce(true);
    const controls = element("div", { className: "controls" });
    controls.append(this.button, this.slider, this.select, this.loop);
    this.root.append(this.screen, this.caption, controls);
    this.root.onkeydown = (event) => this.press(event);
    this.showState();
    // The ink of a paused picture follows the theme as well.
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.onchange = () => requestAnimationFrame(() => this.draw());
  }

  load(bytes) {
    if (bytes === this.bytes) return this.draw();
    const first = !this.bytes;
    this.bytes = bytes;
    this.movie = unpack(bytes);
    const { count, rows, columns, height, alt } = this.movie;
    const width = (height * columns) / rows;
    this.screen.style.maxWidth = `${width}px`;
    this.root.style.setProperty("--width", `${Math.max(240, width)}px`);
    this.canvas.width = columns;
    this.canvas.height = rows;
    this.canvas.style.aspectRatio = `${columns} / ${rows}`;
    this.canvas.setAttribute("aria-label", alt);
    this.context = this.canvas.getContext("2d");
    this.picture = this.context.createImageData(columns, rows);
    this.slider.max = count - 1;
    this.position = Math.min(this.position, count - 1);
    this.draw();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (first && !calm && count > 1) this.play();
  }

  press(event) {
    const last = this.movie.count - 1;
    // Buttons and the list answer the space bar themselves.
    const own = event.target !== this.slider;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    if (event.target === this.select) return;
    if (event.key === " " && !own) this.toggle();
    else if (event.key in steps) this.jump(Math.round(this.position) + steps[event.key]);
    else if (event.key === "Home") this.jump(0);
    else if (event.key === "End") this.jump(last);
    else return;
    event.preventDefault();
  }

  jump(position) {
    this.pause();
    this.position = Math.min(Math.max(position, 0), this.movie.count - 1);
    this.draw();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.playing || this.movie.count < 2) return;
    this.playing = true;
    this.before = null;
    this.showState();
    this.request = requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    this.playing = false;
    cancelAnimationFrame(this.request);
    this.showState();
  }

  stop() {
    this.pause();
    this.dark.onchange = null;
  }

  setBounce(bounce) {
    this.bounce = bounce;
    if (!bounce) this.direction = 1;
    this.loop.setAttribute("aria-pressed", bounce);
  }

  tick(now) {
    if (!this.playing) return;
    if (!this.root.isConnected) return this.pause();
    // A hidden tab draws nothing; it goes on where it was.
    const seconds = this.before === null ? 0 : Math.min((now - this.before) / 1000, 0.1);
    this.before = now;
    this.advance(seconds * this.movie.fps * this.speed);
    this.draw();
    this.request = requestAnimationFrame((later) => this.tick(later));
  }

  advance(distance) {
    const last = this.movie.count - 1;
    let position = this.position + distance * this.direction;
    if (this.bounce) {
      if (position > last) [position, this.direction] = [2 * last - position, -1];
      if (position < 0) [position, this.direction] = [-position, 1];
    } else if (position > last) {
      position = 0;
    }
    this.position = Math.min(Math.max(position, 0), last);
  }

  draw() {
    const { count, channels, rows, columns, pixels, captions, ink } = this.movie;
    const from = Math.floor(this.position);
    const to = Math.min(from + 1, count - 1);
    const weight = this.position - from;
    const size = rows * columns;
    const first = from * size * channels;
    const second = to * size * channels;
    const out = this.picture.data;
    const colour = ink ? textColour(this.root) : null;
    const at = (index) => pixels[first + index] * (1 - weight) + pixels[second + index] * weight;
    for (let i = 0; i < size; i++) {
      const grey = channels === 1 ? at(i) : 0;
      for (let c = 0; c < 3; c++) {
        out[4 * i + c] = colour ? colour[c] : channels === 1 ? grey : at(3 * i + c);
      }
      out[4 * i + 3] = colour ? grey : 255;
    }
    this.context.putImageData(this.picture, 0, 0);
    const words = captions[Math.round(this.position)] ?? "";
    this.caption.textContent = words;
    this.caption.hidden = captions.length === 0;
    this.slider.value = this.position;
    this.slider.setAttribute("aria-valuetext", words || `${Math.round(this.position) + 1} of ${count}`);
  }

  showState() {
    const label = this.playing ? "Pause" : "Play";
    this.button.replaceChildren(icon(label.toLowerCase()));
    this.button.setAttribute("aria-label", label);
    this.button.title = label;
  }
}

function textColour(element) {
  return getComputedStyle(element).color.match(/[\d.]+/g).slice(0, 3).map(Number);
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
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
