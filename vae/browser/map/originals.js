/** The images themselves: all of a part where they fit the page's memory, else those that are looked at, as they are asked for. */
import { arrays } from "../lib/arrays.js"
import { explain } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { Kept } from "../lib/kept.js"
import { paint } from "../lib/picture.js"

/** Bytes of images that a page takes at once. */
const AT_ONCE = 96 * 2 ** 20
/** Images asked for in one request. */
const MOST = 300
const WAIT = 60

export class Originals {
  /** Whether all of the part's images are here. */
  whole = false
  /** Why there are none, in the server's words. */
  failure = ""
  #images = null
  #loading = false
  #rows = new Map()
  #few = new Kept(AT_ONCE)
  #wanted = new Set()
  #timer = 0

  /**
   * @param {import("../lib/source.js").Source} source
   * @param {string} run
   * @param {string} part
   * @param {AbortSignal} signal Given up when the map shows something else.
   * @param {() => void} changed Called when images have come, or will not.
   * @param {string} failure Why none can be asked for; empty if they can.
   */
  constructor(source, run, part, signal, changed, failure) {
    this.source = source
    this.run = run
    this.part = part
    this.signal = signal
    this.changed = changed
    this.failure = failure
  }

  /** Begin to fetch, if they are few enough to be fetched at once. */
  async load(bytes) {
    if (this.failure) return this.changed()
    if (bytes > AT_ONCE) return
    this.#loading = true
    try {
      const found = await arrays(this.source, this.run, "originals", { part: this.part }, { signal: this.signal })
      found.index.data.forEach((index, row) => this.#rows.set(index, row))
      this.#images = found
      this.whole = true
    } catch (error) {
      this.#fail(error)
    }
    this.#loading = false
    if (!this.signal.aborted) this.changed()
  }

  #fail(error) {
    if (error.name !== "AbortError") this.failure = sentenceOf(error)
  }

  /** The image of an index of the data set as `paint` takes it; null if it is not here (yet): then it is asked for. */
  at(index) {
    const row = this.#rows.get(index)
    if (row !== undefined) return view(this.#images, row)
    const few = this.#few.get(index)
    if (few) return few
    // While all are on their way, none is asked for by itself.
    if (!this.whole && !this.#loading && !this.failure) this.#ask(index)
    return null
  }

  #ask(index) {
    if (this.#wanted.size >= MOST) return
    this.#wanted.add(index)
    this.#timer ||= setTimeout(() => this.#fetch(), WAIT)
  }

  async #fetch() {
    const wanted = [...this.#wanted]
    try {
      const found = await arrays(this.source, this.run, "images", { index: wanted.join(",") }, { signal: this.signal })
      const size = found.images.data.byteLength / found.index.data.length
      // A copy of each: a view would keep all that came with it.
      found.index.data.forEach((index, row) => this.#few.set(index, part(found, row), size))
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#wanted.clear()
      this.#timer = 0
    }
    if (!this.signal.aborted) this.changed()
  }

  /** Put an image on a canvas; false if it is not here. */
  show(canvas, index) {
    const picture = this.at(index)
    canvas.classList.toggle("dim", !picture)
    if (picture) paint(canvas, picture)
    return picture !== null
  }

  /**
   * The mean of images, if all of the part are here.
   * @param {number[]} indices
   */
  mean(indices) {
    if (!this.whole || !indices.length) return null
    const { images, max_value: most } = this.#images
    const [, channels, height, width] = images.shape
    const size = channels * height * width
    const sum = new Float64Array(size)
    let num = 0
    for (const index of indices) {
      const row = this.#rows.get(index)
      if (row === undefined) continue
      num += 1
      for (let k = 0, at = row * size; k < size; k += 1, at += 1) sum[k] += images.data[at]
    }
    return num ? { data: sum, scale: 255 / (most * num), offset: 0, channels, height, width } : null
  }
}

/** Say why there are no original images, nothing if there are; what is to be typed stands as code. */
export function tellMissing(node, failure) {
  explain(node, failure ? `Original images are not shown: ${failure.replace(/\.$/, "")}.` : "")
}

/**
 * @param {any} found
 * @param {number} row
 */
function part(found, row) {
  const { data, offset, ...rest } = view(found, row)
  const [, channels, height, width] = found.images.shape
  return { ...rest, data: data.slice(offset, offset + channels * height * width), offset: 0 }
}

function view({ images, max_value: most }, row) {
  const [, channels, height, width] = images.shape
  return { data: images.data, offset: row * channels * height * width, scale: 255 / most, channels, height, width }
}
