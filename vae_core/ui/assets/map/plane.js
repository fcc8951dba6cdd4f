// The plane of the map on the screen: data coordinates ↔ pixels of the map's box.

export class Plane {
  /**
   * @param range {x0, x1, y0, y1} in data coordinates
   * @param box {left, top, width, height} of the plot area, in pixels of the map's box
   */
  constructor(range, box) {
    this.range = range;
    this.box = box;
    // Pixels of one unit, to the right and upwards.
    this.perX = box.width / (range.x1 - range.x0);
    this.perY = box.height / (range.y1 - range.y0);
  }

  toData(left, top) {
    return {
      x: this.range.x0 + (left - this.box.left) / this.perX,
      y: this.range.y1 - (top - this.box.top) / this.perY,
    };
  }

  toPixel(x, y) {
    return {
      left: this.box.left + (x - this.range.x0) * this.perX,
      top: this.box.top + (this.range.y1 - y) * this.perY,
    };
  }

  holds(left, top) {
    const { box } = this;
    return (
      left >= box.left &&
      top >= box.top &&
      left <= box.left + box.width &&
      top <= box.top + box.height
    );
  }

  /** The range seen when the plane is moved by pixels and scaled by `zoom` about its middle. */
  moved(right, down, zoom = 1) {
    const { x0, x1, y0, y1 } = this.range;
    const x = (x0 + x1) / 2 + right / this.perX;
    const y = (y0 + y1) / 2 - down / this.perY;
    const halfX = (x1 - x0) / 2 / zoom;
    const halfY = (y1 - y0) / 2 / zoom;
    return { x0: x - halfX, x1: x + halfX, y0: y - halfY, y1: y + halfY };
  }
}

/** The range in a relayout event of Plotly, or null if it says nothing of both axes. */
export function rangeOf(event) {
  const axis = (name) =>
    event[`${name}.range`] ?? [event[`${name}.range[0]`], event[`${name}.range[1]`]];
  const [x0, x1] = axis("xaxis").map(Number);
  const [y0, y1] = axis("yaxis").map(Number);
  const range = { x0, x1, y0, y1 };
  return Object.values(range).every(Number.isFinite) ? range : null;
}

/** The lower left and the upper right corner of a range, if there is one: [[x, y], …]. */
export function corners(range) {
  return range ? [[range.x0, range.y0], [range.x1, range.y1]] : [];
}

/** Whether a range holds all of another. */
export function holds(outer, inner) {
  const across = outer.x0 <= inner.x0 && outer.x1 >= inner.x1;
  return across && outer.y0 <= inner.y0 && outer.y1 >= inner.y1;
}

export function sameRange(a, b) {
  if (!a || !b) return a === b;
  const small = 1e-9 * (Math.abs(a.x1 - a.x0) + Math.abs(a.y1 - a.y0));
  return ["x0", "x1", "y0", "y1"].every((name) => Math.abs(a[name] - b[name]) <= small);
}
