/** A line with fewer corners. */

/**
 * The places of the corners that a line keeps: the others lie so close to what connects them (Douglas and Peucker, 1973).
 * @param {number[][]} points Corners, x and y.
 * @param {number} tolerance How far the line may be off.
 * @returns {number[][]}
 */
export function thinned(points, tolerance) {
  const kept = new Set([0, points.length - 1])
  const waiting = [[0, points.length - 1]]
  for (;;) {
    const piece = waiting.pop()
    if (!piece) break
    const [first, last] = piece
    let [farthest, most] = [-1, tolerance]
    for (let k = first + 1; k < last; k += 1) {
      const away = distance(points[k], points[first], points[last])
      if (away > most) [farthest, most] = [k, away]
    }
    if (farthest < 0) continue
    kept.add(farthest)
    waiting.push([first, farthest], [farthest, last])
  }
  return points.filter((_, k) => kept.has(k))
}

/**
 * From a point to a piece of a line.
 * @param {number[]} point
 * @param {number[]} from
 * @param {number[]} to
 */
function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay]
  const length = dx * dx + dy * dy
  const along = length ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length)) : 0
  return Math.hypot(x - ax - along * dx, y - ay - along * dy)
}
