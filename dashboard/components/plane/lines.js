/** Where the plane's axes end, and its lines of equal ELBO: rate + distortion is the same all along one. */

/** How far an axis goes, with room around the dots; the rate begins at 0. */
export function range(values, fromZero) {
  const [low, high] = [fromZero ? 0 : Math.min(...values), Math.max(...values)]
  const room = Math.max(0.12 * (high - low), 1e-3 * Math.abs(high), 0.5)
  return [fromZero ? -0.25 * room : low - room, high + room]
}

/**
 * @param {[number, number]} x
 * @param {[number, number]} y
 * @returns {{value: number, from: [number, number], to: [number, number]}[]} From the left or upper edge to the lower or right one.
 */
export function isoLines(x, y) {
  const [low, high] = [x[0] + y[0], x[1] + y[1]]
  const rough = (high - low) / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough)
  const lines = []
  for (let value = Math.ceil(low / step) * step; value < high; value += step) {
    const left = value - x[0] <= y[1] ? [x[0], value - x[0]] : [value - y[1], y[1]]
    const right = value - x[1] >= y[0] ? [x[1], value - x[1]] : [value - y[0], y[0]]
    lines.push({ value, from: left, to: right })
  }
  return lines
}
