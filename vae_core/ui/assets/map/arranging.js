// Which points have room for a picture of their own.

const COVERED = 0.55; // of a picture, from its middle: a dot at its rim would be cut in half

/**
 * Greedily, in the points' own order, which is a hash of their index: so it is the same wherever
 * the view stands. `across` and `up` are pictures a unit.
 * Gives the numbers of the points that have room, and for each point whether a picture covers it.
 */
export function arranged(points, across, up) {
  const { x, y, group, order, shown, count } = points;
  const taken = new Map(); // cell, as large as a picture → the middle of the one that begins there
  const numbers = [];
  const near = (column, row, reach) => {
    for (let i = Math.floor(column - reach); i <= Math.floor(column + reach); i++) {
      for (let j = Math.floor(row - reach); j <= Math.floor(row + reach); j++) {
        const other = taken.get(cell(i, j));
        if (!other) continue;
        if (Math.abs(other[0] - column) < reach && Math.abs(other[1] - row) < reach) return true;
      }
    }
    return false;
  };
  for (const number of order) {
    const [column, row] = [x[number] * across, y[number] * up];
    if (!shown[group[number]] || near(column, row, 1)) continue;
    taken.set(cell(Math.floor(column), Math.floor(row)), [column, row]);
    numbers.push(number);
  }
  const covered = new Uint8Array(count);
  for (let i = 0; i < count; i++) covered[i] = near(x[i] * across, y[i] * up, COVERED);
  return { numbers, covered };
}

function cell(column, row) {
  return column * 2 ** 26 + row;
}
