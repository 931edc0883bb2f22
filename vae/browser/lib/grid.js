/** Finds the point nearest to a place among very many, by sorting them into cells once. */
export class Grid {
  /**
   * @param {Float32Array} x
   * @param {Float32Array} y
   */
  constructor(x, y) {
    this.x = x
    this.y = y
    const num = x.length
    const side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(num / 4))))
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity]
    for (let k = 0; k < num; k += 1) {
      left = Math.min(left, x[k])
      right = Math.max(right, x[k])
      low = Math.min(low, y[k])
      high = Math.max(high, y[k])
    }
    if (!num) [left, right, low, high] = [-1, 1, -1, 1]
    this.side = side
    this.left = left
    this.right = right
    this.low = low
    this.high = high
    this.width = (right - left) / side || 1
    this.height = (high - low) / side || 1
    // Counting sort: `order` holds the points cell by cell, `starts` where each cell begins.
    const cells = new Int32Array(num)
    this.starts = new Int32Array(side * side + 1)
    for (let k = 0; k < num; k += 1) {
      cells[k] = this.#row(y[k]) * side + this.#column(x[k])
      this.starts[cells[k] + 1] += 1
    }
    for (let k = 0; k < side * side; k += 1) this.starts[k + 1] += this.starts[k]
    const next = this.starts.slice()
    this.order = new Int32Array(num)
    for (let k = 0; k < num; k += 1) this.order[next[cells[k]]++] = k
  }

  /** @param {number} x */
  #column(x) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((x - this.left) / this.width)))
  }

  /** @param {number} y */
  #row(y) {
    return Math.min(this.side - 1, Math.max(0, Math.floor((y - this.low) / this.height)))
  }

  /**
   * The nearest point within a radius that is accepted, or −1.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   * @param {(index: number) => boolean} [accept]
   */
  nearest(x, y, radius, accept = () => true) {
    let best = -1
    let closest = radius * radius
    const columns = [this.#column(x - radius), this.#column(x + radius)]
    for (let row = this.#row(y - radius); row <= this.#row(y + radius); row += 1) {
      const from = this.starts[row * this.side + columns[0]]
      const to = this.starts[row * this.side + columns[1] + 1]
      for (let k = from; k < to; k += 1) {
        const index = this.order[k]
        const distance = (this.x[index] - x) ** 2 + (this.y[index] - y) ** 2
        if (distance <= closest && accept(index)) {
          closest = distance
          best = index
        }
      }
    }
    return best
  }
}
