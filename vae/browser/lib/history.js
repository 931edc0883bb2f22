/** The metrics of a run as a page holds them: thinned, however long the run trains. */

/** Above so many training lines, neighbours are merged in pairs. */
const MOST = 4000
const AVERAGED = ["distortion", "rate", "elbo"]

/** @typedef {Record<string, any>} Line One line of metrics.jsonl. */

/** All that is known of a run's past: training and validation lines, and events. */
export class History {
  /** @type {Line[]} */ train = []
  /** @type {Line[]} */ validation = []
  /** @type {Line[]} */ events = []
  /** Training lines received, before any were merged. */
  received = 0

  /**
   * One that a message carried.
   * @param {Pick<History, "train" | "validation" | "events" | "received">} message
   */
  static of({ train, validation, events, received }) {
    return Object.assign(new History(), { train, validation, events, received })
  }

  /** @param {Line[]} lines */
  add(lines) {
    for (const line of lines) {
      if (line.event) this.events.push(line)
      else if (line.split === "validation") this.validation.push(line)
      else if (line.split === "train") {
        this.train.push(line)
        this.received += 1
      }
    }
    if (this.train.length > MOST) this.train = halve(this.train)
    if (this.validation.length > MOST) this.validation = this.validation.filter((_, k) => k % 2 === 1)
    if (this.events.length > MOST) this.events = this.events.slice(-MOST / 2)
  }

  /** Newest training line, or undefined. */
  get last() {
    return this.train[this.train.length - 1]
  }
}

/**
 * Merge neighbours of a list of training lines: means weighted by their steps, position of the later.
 * @param {Line[]} lines
 */
function halve(lines) {
  const merged = []
  for (let k = 0; k + 1 < lines.length; k += 2) {
    const [a, b] = [lines[k], lines[k + 1]]
    const [m, n] = [a.num_steps ?? 1, b.num_steps ?? 1]
    /** @type {Line} */
    const line = { ...b, num_steps: m + n }
    for (const name of AVERAGED) line[name] = (a[name] * m + b[name] * n) / (m + n)
    merged.push(line)
  }
  // The newest line stays as it came: the numbers shown beside the curves are its own.
  if (lines.length % 2) merged.push(lines[lines.length - 1])
  return merged
}
