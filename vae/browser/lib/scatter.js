/**
 * Points by the hundred thousand, put into a picture by the processor: discs with soft edges, each blended over what lies
 * below it. Nothing is compiled or uploaded, so that the first picture is there at once and a new colour costs one pass.
 */

/** Places within a pixel, along each side, for which a disc's pixels are made in advance. */
const PLACES = 4
/** Discs of a smaller radius are drawn as one pixel. */
const PIXEL = 0.75
/** Pixels around the picture, so that a disc at its edge needs no test of its own. */
export const MARGIN = 16
/** The code of a point that stands back: drawn below all others. */
export const BACK = 255

/**
 * @typedef {{num: number, x: Float32Array, y: Float32Array, codes: Uint8Array, palette: Uint32Array, radius: number,
 *   opacity: number, back: boolean, backOpacity: number}} Points Places in the plane in the order they are drawn; for each
 *   the code of its colour; radius in device pixels; whether any code is `BACK`.
 * @typedef {{ax: number, bx: number, ay: number, by: number}} Placing Pixel = ax · x + bx, and likewise y.
 * @typedef {{offsets: Int32Array, alphas: Uint16Array, starts: Int32Array}} Mask
 */

/**
 * A colour as a pixel of this machine holds it: 0xAABBGGRR.
 * @param {number[]} channels Red, green and blue, 0 to 255.
 */
export function pixel([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0
}

export class Scatter {
  /** The picture with its margin, after `resize`. */
  image = /** @type {ImageData} */ (/** @type {unknown} */ (null))
  #pixels = new Uint32Array(0)
  /** @type {Map<string, Mask>} */
  #masks = new Map()

  /**
   * Make room for a picture of so many device pixels, without the margin.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    const [wide, high] = [width + 2 * MARGIN, height + 2 * MARGIN]
    if (this.image?.width === wide && this.image.height === high) return
    this.image = new ImageData(wide, high)
    this.#pixels = new Uint32Array(this.image.data.buffer)
    this.#masks.clear()
  }

  /**
   * Draw points over a background.
   * @param {Uint32Array} base Pixels of the background, margin included; opaque.
   * @param {Points | null} points
   * @param {Placing} placing From the plane to device pixels, margin not included.
   * @param {number} [most] Draw the first so many only, while the view moves.
   */
  draw(base, points, placing, most = Infinity) {
    this.#pixels.set(base)
    if (!points) return
    const num = Math.min(points.num, most)
    if (points.back) this.#splat(points, num, placing, true, points.backOpacity)
    this.#splat(points, num, placing, false, points.opacity)
  }

  /**
   * Draw all points as if they stood back, for `narrow` to draw over.
   * @param {Uint32Array} base
   * @param {Points} points
   * @param {Placing} placing
   * @returns {Uint32Array} The picture's pixels, to be kept while neither points nor view move.
   */
  pale(base, points, placing) {
    this.#pixels.set(base)
    this.#splat({ ...points, back: false, palette: new Uint32Array(256).fill(points.palette[BACK]) }, points.num, placing, false, points.backOpacity)
    return this.#pixels.slice()
  }

  /**
   * Draw the points that do not stand back over the pale picture of all. Those that have just come are put over the picture as it
   * is: so a growing selection costs what grows, and not all that is selected.
   * @param {Uint32Array} pale
   * @param {Points} points
   * @param {Placing} placing
   * @param {Int32Array | null} came Places of those that have come, if none has gone.
   */
  narrow(pale, points, placing, came) {
    if (!came) {
      this.#pixels.set(pale)
      return this.#splat(points, points.num, placing, false, points.opacity)
    }
    const pick = (/** @type {any} */ values) => values.constructor.from(came, (/** @type {number} */ place) => values[place])
    this.#splat({ ...points, x: pick(points.x), y: pick(points.y), codes: pick(points.codes) }, came.length, placing, false, points.opacity)
  }

  /**
   * @param {Points} points
   * @param {number} num
   * @param {Placing} placing
   * @param {boolean} backs
   * @param {number} opacity
   */
  #splat({ x, y, codes, palette, radius, back }, num, { ax, bx, ay, by }, backs, opacity) {
    const pixels = this.#pixels
    const { width, height } = this.image
    const { offsets, alphas, starts } = this.#mask(radius, opacity)
    const reach = Math.ceil(radius) + 1
    const [right, bottom] = [width - reach - 1, height - reach - 1]
    const [left, top] = [bx + MARGIN, by + MARGIN]
    for (let k = 0; k < num; k += 1) {
      const code = codes[k]
      if (back && (code === BACK) !== backs) continue
      const px = ax * x[k] + left
      const py = ay * y[k] + top
      if (!(px >= reach && px < right && py >= reach && py < bottom)) continue
      const column = px | 0
      const row = py | 0
      const place = (((py - row) * PLACES) | 0) * PLACES + (((px - column) * PLACES) | 0)
      const colour = palette[code]
      const redBlue = colour & 0xff00ff
      const green = colour & 0x00ff00
      const at = row * width + column
      const end = starts[place + 1]
      for (let m = starts[place]; m < end; m += 1) {
        const p = at + offsets[m]
        const below = pixels[p]
        const alpha = alphas[m]
        const rb = below & 0xff00ff
        const g = below & 0x00ff00
        // Two channels at once; what the product carries over is masked away.
        pixels[p] =
          0xff000000 |
          ((rb + (Math.imul(redBlue - rb, alpha) >>> 8)) & 0xff00ff) |
          ((g + (Math.imul(green - g, alpha) >>> 8)) & 0x00ff00)
      }
    }
  }

  /**
   * A disc's pixels for each place within a pixel where its centre may lie: offsets, and opacities out of 256.
   * @param {number} radius
   * @param {number} opacity
   * @returns {Mask}
   */
  #mask(radius, opacity) {
    const key = `${radius.toFixed(2)} ${opacity}`
    const known = this.#masks.get(key)
    if (known) return known
    const reach = Math.ceil(radius) + 1
    // Discs smaller than a pixel cover it in part.
    const strength = 256 * opacity * Math.min(1, Math.PI * radius * radius)
    /** @type {number[][]} */
    const [offsets, alphas, starts] = [[], [], [0]]
    // The smallest are one pixel each: millions of them are drawn in a tenth of a second.
    if (radius < PIXEL) {
      const every = Array.from({ length: PLACES ** 2 }, () => 0)
      return this.#keep(key, every, every.map(() => Math.round(256 * opacity)), [...every.keys(), PLACES ** 2])
    }
    for (let place = 0; place < PLACES * PLACES; place += 1) {
      const cx = ((place % PLACES) + 0.5) / PLACES
      const cy = (Math.floor(place / PLACES) + 0.5) / PLACES
      for (let dy = -reach; dy <= reach; dy += 1) {
        for (let dx = -reach; dx <= reach; dx += 1) {
          const cover = Math.min(1, Math.max(radius, 0.5) + 0.5 - Math.hypot(dx + 0.5 - cx, dy + 0.5 - cy))
          const alpha = Math.min(256, Math.round(strength * cover))
          if (alpha <= 0) continue
          offsets.push(dy * this.image.width + dx)
          alphas.push(alpha)
        }
      }
      starts.push(offsets.length)
    }
    return this.#keep(key, offsets, alphas, starts)
  }

  /**
   * @param {string} key
   * @param {number[]} offsets
   * @param {number[]} alphas
   * @param {number[]} starts
   */
  #keep(key, offsets, alphas, starts) {
    const mask = { offsets: Int32Array.from(offsets), alphas: Uint16Array.from(alphas), starts: Int32Array.from(starts) }
    if (this.#masks.size > 32) this.#masks.clear()
    this.#masks.set(key, mask)
    return mask
  }
}
