/**
 * What is kept for a page, so many bytes of it: what was used longest ago goes first.
 * @template T
 */
export class Kept {
  #room
  /** @type {Map<any, {value: T, size: number}>} */
  #held = new Map()
  #bytes = 0
  #dropped

  /**
   * @param {number} room Bytes of all together; the newest stays though it is larger.
   * @param {(value: T) => void} [dropped] Told what goes.
   */
  constructor(room, dropped = () => {}) {
    this.#room = room
    this.#dropped = dropped
  }

  /**
   * What is kept under a key, which counts as used; undefined if nothing is.
   * @param {any} key
   * @returns {T | undefined}
   */
  get(key) {
    const found = this.#held.get(key)
    if (!found) return undefined
    this.#held.delete(key)
    this.#held.set(key, found)
    return found.value
  }

  /** @param {any} key */
  has(key) {
    return this.#held.has(key)
  }

  /**
   * @param {any} key
   * @param {T} value
   * @param {number} size Bytes.
   */
  set(key, value, size) {
    this.delete(key)
    this.#held.set(key, { value, size })
    this.#bytes += size
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#room || oldest === key) break
      this.delete(oldest)
    }
  }

  /** @param {any} key */
  delete(key) {
    const found = this.#held.get(key)
    if (!found) return
    this.#held.delete(key)
    this.#bytes -= found.size
    this.#dropped(found.value)
  }

  clear() {
    for (const key of [...this.#held.keys()]) this.delete(key)
  }

  /** Bytes of all that is kept. */
  get bytes() {
    return this.#bytes
  }

  /** @returns {T[]} Everything, what was used longest ago first. */
  get values() {
    return [...this.#held.values()].map(({ value }) => value)
  }
}
