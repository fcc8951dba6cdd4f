// What is seen of a film: the map with its points, the pictures beside it, and the curve below.

const GAP = 3; // pixels between pictures
const HUES = 24; // of points without a class

class Stage {
  constructor(root) {
    this.root = root;
    this.map = element("canvas", { className: "map" });
    this.map.setAttribute("role", "img");
    this.title = element("div", { className: "epoch" });
    this.remark = element("div", { className: "remark" });
    this.pairs = element("canvas");
    this.samples = element("canvas");
    this.pairsTitle = element("div", { className: "what", textContent: "Images, and what the model makes of them" });
    this.samplesTitle = element("div", { className: "what", textContent: "Samples from the prior, the same seeds at every epoch" });
    for (const canvas of [this.pairs, this.samples]) canvas.setAttribute("role", "img");
    this.legend = element("div", { className: "legend" });
    this.side = element("div", { className: "side" });
    this.side.append(this.title, this.remark, this.pairsTitle, this.pairs, this.samplesTitle, this.samples, this.legend);
    this.box = element("div", { className: "stage" });
    this.box.append(this.map, this.side);
    root.append(this.box);
    this.alone = null; // the class that is shown alone
  }

  /** Take a film; `redraw` is called whenever something more of it can be drawn. */
  show(film, redraw) {
    this.before = this.film;
    this.film = film;
    this.old?.close();
    this.old = this.sheets; // what a live film blends from
    this.sheets = new Bitmaps(film.sheets, redraw);
    // Those of a live film stay the same from epoch to epoch.
    if (!this.before || !alike(film.originals, this.before.originals)) {
      this.originals?.close();
      this.originals = new Bitmaps([new Blob([film.originals])], redraw);
    }
    this.map.setAttribute("aria-label", film.alt);
    this.pairs.setAttribute("aria-label", "Images above their reconstructions");
    this.samples.setAttribute("aria-label", "Samples from the prior");
    this.samplesTitle.hidden = this.samples.hidden = film.samples === 0;
    this.order = shuffled(film.points);
    this.sprites = null;
    this.name(film.names, redraw);
  }

  /** The classes by colour; pressing one shows it alone. */
  name(names, redraw) {
    if (names.join() === this.names) return;
    this.names = names.join();
    this.alone = null;
    this.legend.replaceChildren(
      ...names.map((name, index) => {
        const button = element("button", { type: "button", textContent: name, title: `Show ${name} alone` });
        button.setAttribute("aria-pressed", "false");
        button.prepend(element("i"));
        button.onclick = () => {
          this.alone = this.alone === index ? null : index;
          [...this.legend.children].forEach((other, k) => other.setAttribute("aria-pressed", this.alone === k));
          redraw();
        };
        return button;
      }),
    );
  }

  /** Colours of the page, read anew as the theme may have changed. */
  dress() {
    const style = getComputedStyle(this.root);
    const look = ["text-color", "background-color", "chart-categorical-colors"].map((name) => style.getPropertyValue(`--st-${name}`).trim());
    if (this.sprites && look.join() === this.look) return;
    this.look = look.join();
    [this.text, this.background] = look;
    const palette = look[2].split(",").filter(Boolean);
    const { names, points } = this.film;
    const hue = (index) => `hsl(${(360 * index) / HUES} 55% 56%)`;
    const count = names.length || HUES;
    const colours = Array.from({ length: count }, (_, k) => (names.length ? palette[k % palette.length] : hue(k)));
    this.radius = Math.min(Math.max(6 - 1.15 * Math.log10(Math.max(points, 10)), 1.8), 4.5);
    this.sprites = colours.map((colour) => dot(colour, this.radius));
    [...this.legend.children].forEach((button, k) => (button.firstChild.style.background = colours[k]));
  }

  /** Draw points at `places`, and the pictures of a position (or a blend from the film before). */
  draw(places, position, blend) {
    this.dress();
    // A live map's window may grow with its points: it moves as they do.
    const from = blend < 1 ? this.before.window : this.film.window;
    this.drawMap(places, this.film.window.map((to, k) => from[k] + blend * (to - from[k])));
    const [i, t] = split(position, this.film.epochs.length);
    const sheets = this.sheets.all;
    const last = sheets[Math.min(i + 1, sheets.length - 1)];
    const [first, second, share] = blend < 1 ? [this.old?.all.at(-1), sheets[0], blend] : [sheets[i] ?? last, last, t];
    this.drawPictures(first ?? second, second, share);
    const at = Math.round(position);
    this.title.textContent = `Epoch ${this.film.epochs[at]}`;
    this.remark.textContent = this.film.remarks[at];
  }

  drawMap(places, [x, y, half]) {
    const { context, width: side } = fitted(this.map, 1);
    const scale = side / 2 / half;
    const onScreen = (px, py) => [(px - x) * scale + side / 2, (y - py) * scale + side / 2];
    if (this.film.prior) this.drawRings(context, ...onScreen(0, 0), scale);
    const { colours } = this.film;
    for (const faded of this.alone === null ? [false] : [true, false]) {
      context.globalAlpha = faded ? 0.12 : 0.85;
      for (const k of this.order) {
        if (this.alone !== null && faded === (colours[k] === this.alone)) continue;
        const [left, top] = onScreen(places[2 * k], places[2 * k + 1]);
        const sprite = this.sprites[colours[k]];
        context.drawImage(sprite, left - this.radius - 1, top - this.radius - 1, sprite.width / sprite.scale, sprite.height / sprite.scale);
      }
    }
    context.globalAlpha = 1;
  }

  /** The prior's N(0, I) at 1, 2 and 3 σ. */
  drawRings(context, left, top, scale) {
    context.strokeStyle = context.fillStyle = this.text;
    context.font = "11px sans-serif";
    for (const sigma of [1, 2, 3]) {
      context.globalAlpha = 0.16;
      context.beginPath();
      context.arc(left, top, sigma * scale, 0, 2 * Math.PI);
      context.stroke();
      context.globalAlpha = 0.6;
      context.fillText(`${sigma}σ`, left + 4, top - sigma * scale - 4);
    }
    context.globalAlpha = 1;
  }

  drawPictures(first, second, share) {
    const { columns, rows, samples } = this.film;
    const pairs = fitted(this.pairs, (2 * rows) / columns);
    const cell = pairs.width / columns;
    const place = (row) => this.film.cell[0] * row;
    for (let row = 0; row < rows; row++) {
      this.row(pairs.context, this.originals.all[0], null, 0, place(row), 2 * row * cell, cell);
      this.row(pairs.context, first, second, share, place(row), (2 * row + 1) * cell, cell);
    }
    if (samples) {
      const drawn = fitted(this.samples, samples / columns);
      for (let row = 0; row < samples; row++) {
        this.row(drawn.context, first, second, share, place(rows + row), row * cell, cell);
      }
      this.ink(drawn.context);
    }
    this.ink(pairs.context);
  }

  /** A row of a sheet, blended with that of another. */
  row(context, first, second, share, from, top, cell) {
    const [height, width] = this.film.cell;
    context.imageSmoothingEnabled = cell * devicePixelRatio < 2 * width;
    for (const [sheet, alpha] of [[first, this.film.ink && second ? 1 - share : 1], [second, share]]) {
      if (!sheet || !alpha) continue;
      context.globalAlpha = alpha;
      context.globalCompositeOperation = this.film.ink ? "lighter" : "source-over";
      for (let k = 0; k < this.film.columns; k++) {
        context.drawImage(sheet, k * width, from, width, height, k * cell, top, cell - GAP, cell - GAP);
      }
    }
    context.globalAlpha = 1;
    context.globalCompositeOperation = "source-over";
  }

  /** Strokes are drawn in the colour of text: what is drawn so far is their opacity. */
  ink(context) {
    if (!this.film.ink) return;
    context.globalCompositeOperation = "source-in";
    context.fillStyle = this.text;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.globalCompositeOperation = "source-over";
  }

  remove() {
    for (const bitmaps of [this.old, this.sheets, this.originals]) bitmaps?.close();
  }
}

/** A canvas cleared, as sharp as the screen, with `ratio` = height / width. */
function fitted(canvas, ratio) {
  const width = canvas.clientWidth;
  const sharp = devicePixelRatio || 1;
  const [columns, rows] = [Math.round(width * sharp), Math.round(width * ratio * sharp)];
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.aspectRatio = `1 / ${ratio}`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, columns, rows);
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  return { context, width };
}

/** A point, drawn once: copying it is quicker than drawing it a thousand times. */
function dot(colour, radius) {
  const scale = devicePixelRatio || 1;
  const side = Math.ceil(2 * (radius + 1) * scale);
  const canvas = element("canvas", { width: side, height: side });
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.arc(side / 2, side / 2, radius * scale, 0, 2 * Math.PI);
  context.fill();
  return Object.assign(canvas, { scale });
}

/** 0 … count - 1 in an order that is always the same, so that no class lies on all others. */
function shuffled(count) {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  return Array.from({ length: count }, (_, k) => [random(), k]).sort((a, b) => a[0] - b[0]).map((pair) => pair[1]);
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
