// The film of a training: where the points are and what the model draws, at any position between
// two epochs. The three files of this folder are joined into one module: film, stage, player.

/** The block of bytes that `vae_core/ui/studio/player.py` packs. */
function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const film = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let at = 4 + length;
  const take = (size) => bytes.slice(at, (at += size));
  const quantised = new Uint16Array(take(4 * film.epochs.length * film.points).buffer);
  film.places = unquantised(quantised, film.window);
  film.colours = take(film.points);
  film.originals = take(film.originals);
  film.sheets = film.sheets.map((size) => new Blob([take(size)]));
  return film;
}

/** Places as numbers: 0 … 65535 spans twice the window, as points may leave it. */
function unquantised(values, [x, y, half]) {
  const places = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    places[i] = (i % 2 ? y : x) + (values[i] / 65535 - 0.5) * 4 * half;
  }
  return places;
}

/** Whether two arrays of bytes hold the same. */
function alike(a, b) {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** The moment before a position, and how far it is to the next one. */
function split(position, count) {
  const before = Math.min(Math.floor(position), Math.max(count - 2, 0));
  return [before, position - before];
}

/** Places between moments, on a smooth curve through all of a point's own (Catmull & Rom 1974). */
function placesAt({ places, points, epochs }, position, out) {
  const last = epochs.length - 1;
  const [before, t] = split(position, epochs.length);
  const [a, b, c, d] = [-1, 0, 1, 2].map(
    (step) => Math.min(Math.max(before + step, 0), last) * points * 2,
  );
  for (let i = 0; i < 2 * points; i++) {
    const [p0, p1, p2, p3] = [places[a + i], places[b + i], places[c + i], places[d + i]];
    const bend = 2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0);
    out[i] = p1 + 0.5 * t * (p2 - p0 + t * bend);
  }
  return out;
}

/** Encoded pictures, decoded one after the other in the background, the last one first. */
class Bitmaps {
  constructor(blobs, drawn) {
    this.all = Array.from(blobs, () => null);
    this.ready = this.open(blobs, drawn);
  }

  async open(blobs, drawn) {
    for (let i = blobs.length - 1; i >= 0; i--) {
      const bitmap = await createImageBitmap(blobs[i]);
      if (this.closed) return bitmap.close();
      this.all[i] = bitmap;
      drawn();
    }
  }

  close() {
    this.closed = true;
    for (const bitmap of this.all) bitmap?.close();
  }
}
