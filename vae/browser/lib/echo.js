/** What was told to the host of a part (Python, a notebook), and whether what it passes is news or only the echo of that. */

/** So many things told are remembered, so that an echo is known that comes late. */
const MOST = 32

export class Echo {
  /** @type {{said: unknown, count: number}[]} What was told, newest last. */
  #told = []
  #count = 0
  /**
   * For each listener what the host said last, how much of what it was told has come back, and how much it was told by then.
   * @type {WeakMap<object, {said: unknown, echo: number, told: number}>}
   */
  #heard = new WeakMap()

  /**
   * Remember what the host is told.
   * @param {unknown} said Compared by identity: a string, a number, null.
   */
  tell(said) {
    this.#told.push({ said, count: ++this.#count })
    if (this.#told.length > MOST) this.#told.shift()
  }

  /**
   * Whether what the host passes is news: neither what it passed before, nor the echo of what it was told since, which may come late,
   * when the person has long gone on. Hosts answer in the order in which they were told, and may leave some out.
   * @param {unknown} said
   * @param {object} [listener] Who hears it, where several do.
   */
  isNews(said, listener = this) {
    const heard = this.#heard.get(listener) ?? { said: undefined, echo: this.#count - 1, told: 0 }
    this.#heard.set(listener, heard)
    if (said === heard.said) return false
    heard.said = said
    heard.told = this.#count
    const echo = this.#told.find((told) => told.said === said && told.count > heard.echo)
    if (!echo) return true
    heard.echo = heard.told = echo.count
    return false
  }

  /**
   * What host and part agree on when all that is under way has arrived: what was told last, or what the host has said since.
   * @param {object} [listener]
   */
  last(listener = this) {
    const heard = this.#heard.get(listener)
    const told = this.#told.at(-1)
    return told && told.count > (heard?.told ?? 0) ? told.said : heard?.said
  }
}
