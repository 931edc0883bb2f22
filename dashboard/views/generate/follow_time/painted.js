/** Which images of a page were decoded in it, of which weights and for which sheet: any other image in their place is Python's. */

/** @typedef {{at: string, stamp: string}} Weights */

/** @param {Weights} weights */
export const keyOf = ({ at, stamp }) => `${at} ${stamp}`

export class Painted {
  /** @type {WeakMap<{src: string}, {key: string, drawn: string, src: string}>} */
  #images = new WeakMap()
  /** @type {WeakMap<object, string>} */
  #drawn = new WeakMap()

  /**
   * What a sheet draws, whatever its weights.
   * @param {{z: any, conditions: any}} sheet
   */
  drawnBy(sheet) {
    let drawn = this.#drawn.get(sheet)
    if (drawn === undefined) this.#drawn.set(sheet, (drawn = JSON.stringify([sheet.z, sheet.conditions])))
    return drawn
  }

  /**
   * Whether an image is of these weights and of this sheet. Python's images of a new sheet come before what the sheet draws, so one that
   * was decoded here may be of the sheet before.
   * @param {{src: string}} image @param {string} key @param {{z: any, conditions: any}} sheet @param {Weights} shown Those of Python's images.
   */
  isOf(image, key, sheet, shown) {
    const mine = this.#images.get(image)
    if (!mine || mine.src !== image.src) return keyOf(shown) === key
    return mine.key === key && mine.drawn === this.drawnBy(sheet)
  }

  /** @param {{src: string}} image @param {string} src @param {string} key @param {{z: any, conditions: any}} sheet */
  put(image, src, key, sheet) {
    image.src = src
    this.#images.set(image, { key, drawn: this.drawnBy(sheet), src: image.src })
  }
}

/**
 * What the weights at the right end are called. Their name alone counts: the stamp of weights that a trainer made before this page's eyes
 * is newer than Python's.
 * @param {Weights} weights @param {{at: string, words: string}} end
 */
export const wordsAtEnd = (weights, end) => (weights.at === end.at ? end.words : "Weights: newest.")
