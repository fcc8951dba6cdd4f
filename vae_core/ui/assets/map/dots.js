// Paints the points as dots, pixel by pixel. Plotly's own scattergl takes 125 ms to draw 50,000 of
// them where there is no graphics card (SwiftShader, two cores); this takes 5, so that they follow
// the hand there, too.

const PHASES = 4; // places within a pixel that a dot's middle is told apart by
const FAINT = 0.2; // of what is not selected

export class Dots {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  /** `dim` (0 … 1) weakens dots that lie on terrain; those that pictures cover are left out. */
  draw(plane, points, theme, dim, covered) {
    const { left, top, width, height } = plane.box;
    const fine = window.devicePixelRatio || 1;
    const wide = Math.round(width * fine);
    const high = Math.round(height * fine);
    if (this.image?.width !== wide || this.image?.height !== high) {
      Object.assign(this.canvas, { width: wide, height: high });
      Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
      this.image = this.context.createImageData(wide, high);
    }
    this.canvas.style.transform = `translate(${left}px, ${top}px)`;
    this.image.data.fill(0);
    if (points.count) this.paint(plane, points, theme, dim, covered, fine);
    this.context.putImageData(this.image, 0, 0);
  }

  paint(plane, points, theme, dim, covered, fine) {
    const { width: wide, height: high, data: out } = this.image;
    const { x, y, group, order, chosen, shown } = points;
    const { x0, y1 } = plane.range;
    const { size, opacity } = points.style;
    const radius = (size * fine) / 2;
    const masks = discs(radius);
    const { colours, tones } = points.palette(theme);
    const alphas = chosen ? [FAINT * dim, Math.min(1, opacity + 0.2)] : [opacity * dim];
    for (const i of order) {
      if (!shown[group[i]] || covered?.[i]) continue;
      const across = (x[i] - x0) * plane.perX * fine;
      const down = (y1 - y[i]) * plane.perY * fine;
      const inside =
        across > -radius && down > -radius && across < wide + radius && down < high + radius;
      if (!inside) continue;
      const column = Math.floor(across);
      const row = Math.floor(down);
      const phase =
        Math.floor((down - row) * PHASES) * PHASES + Math.floor((across - column) * PHASES);
      const [red, green, blue] = colours[tones[i]];
      const alpha = alphas[chosen ? chosen[i] : 0];
      const mask = masks[phase];
      for (let k = 0; k < mask.length; k += 3) {
        const u = column + mask[k];
        const v = row + mask[k + 1];
        if (u < 0 || v < 0 || u >= wide || v >= high) continue;
        // "Source over" (Porter & Duff 1984), not premultiplied.
        const at = 4 * (v * wide + u);
        const above = alpha * mask[k + 2];
        const below = (out[at + 3] / 255) * (1 - above);
        const whole = above + below;
        const weight = above / whole;
        out[at] += weight * (red - out[at]);
        out[at + 1] += weight * (green - out[at + 1]);
        out[at + 2] += weight * (blue - out[at + 2]);
        out[at + 3] = 255 * whole;
      }
    }
  }
}

const known = new Map();

/** For each phase the pixels of a disc: column, row and share of it that is covered, in turn. */
function discs(radius) {
  if (!known.has(radius)) {
    const phases = [];
    for (let row = 0; row < PHASES; row++) {
      for (let column = 0; column < PHASES; column++) {
        phases.push(disc(radius, (column + 0.5) / PHASES, (row + 0.5) / PHASES));
      }
    }
    known.set(radius, phases);
  }
  return known.get(radius);
}

function disc(radius, x, y) {
  const reach = Math.ceil(radius + 1);
  const pixels = [];
  for (let row = -reach; row <= reach; row++) {
    for (let column = -reach; column <= reach; column++) {
      const covered = Math.min(1, radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y));
      if (covered > 0) pixels.push(column, row, covered);
    }
  }
  return new Float32Array(pixels);
}
