// User Timing: hover-decode, map-view and map-ready, for the browser's own tools and for the page.

const KEPT = 100;
// The browser keeps every measure until told otherwise.
const CLEARED = 5000;
const recent = new Map();

export function measure(name, start, end = performance.now()) {
  const times = recent.get(name) ?? [];
  recent.set(name, times);
  times.count = (times.count ?? 0) + 1;
  if (times.count % CLEARED === 0) performance.clearMeasures(name);
  performance.measure(name, { start, end });
  times.push(end - start);
  if (times.length > KEPT) times.shift();
}

/** "hover-decode 12 / 18 ms (100)": middle and 95th percentile of the last measures. */
export function summary() {
  const lines = [];
  for (const [name, times] of recent) {
    const sorted = [...times].sort((a, b) => a - b);
    const at = (share) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
    lines.push(`${name} ${at(0.5)} / ${at(0.95)} ms (${times.length})`);
  }
  return lines.join(" · ");
}

/** Resolves when the next frame begins, with the pixels drawn so far on their way to the screen. */
export function frame() {
  return new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now())));
}
