// Raw pixels into something a canvas can draw.

/**
 * Image number `index` of raw uint8 pixels; 1, 3 or 4 (with alpha) channels.
 * With `ink` [r, g, b], grey strokes become that colour, as opaque as they are light.
 */
export function imageData({ bytes, rows, columns, channels }, index = 0, ink = null) {
  const size = rows * columns;
  const first = index * size * channels;
  const image = new ImageData(columns, rows);
  const out = image.data;
  if (channels === 4 && !ink) {
    out.set(bytes.subarray(first, first + 4 * size));
    return image;
  }
  for (let i = 0, from = first, to = 0; i < size; i++, from += channels, to += 4) {
    const grey = bytes[from];
    const alpha = channels === 4 ? bytes[from + 3] : 255;
    if (ink) {
      out[to] = ink[0];
      out[to + 1] = ink[1];
      out[to + 2] = ink[2];
      out[to + 3] = (grey * alpha) / 255;
    } else {
      out[to] = grey;
      out[to + 1] = channels === 1 ? grey : bytes[from + 1];
      out[to + 2] = channels === 1 ? grey : bytes[from + 2];
      out[to + 3] = alpha;
    }
  }
  return image;
}

/** A canvas that holds the picture, to be drawn at any size. */
export function sprite(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Make a canvas as fine as the screen; its context draws in CSS pixels. */
export function fit(canvas, width, height) {
  const fine = window.devicePixelRatio || 1;
  const wide = Math.round(width * fine);
  const high = Math.round(height * fine);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(fine, 0, 0, fine, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
