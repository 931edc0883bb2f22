/** What one run makes of the images and points that are shown, at the moment of its time: asked of the server once. */
import { arrays } from "../lib/arrays.js"
import { runAddress } from "../lib/server.js"
import { timeOf } from "../lib/time.js"

/** Answers kept for the page, the one used longest ago goes first. */
const KEPT = 900
const answers = new Map()

/** An answer of the server; several that ask the same wait for one. */
function ask(run, query) {
  const url = runAddress(run, "side-by-side", query)
  const known = answers.get(url)
  answers.delete(url)
  const answer = known ?? arrays(url).catch((error) => {
    answers.delete(url)
    throw error
  })
  answers.set(url, answer)
  if (answers.size > KEPT) answers.delete(answers.keys().next().value)
  return answer
}

export class Images {
  /** The newest answer, and of which weights it is. */
  found = null
  weights = null
  /** The server's refusal. */
  failure = ""
  #busy = false
  #wanted = ""
  #gone = false
  #stop = () => {}
  #changed = () => {}

  /**
   * @param {{id: string, stamp: string}} row
   * @param {() => void} changed Told when there is something new to show.
   */
  constructor(row, changed) {
    this.row = row
    this.time = timeOf(row.id)
    this.query = null
    this.share = 1
    this.#changed = changed
    this.#stop = this.time.subscribe(() => {
      this.#place()
      this.#follow()
    })
  }

  /** Show a share of the training, of some images and points. */
  set(query, share) {
    this.query = query
    this.share = share
    this.#place()
    this.#follow()
  }

  /** Where in the training this is, in words. */
  get words() {
    const { shown } = this.time
    if (shown) return `step ${shown.step.toString().replace(/\B(?=(\d{3})+$)/g, ",")} · epoch ${shown.epoch.toFixed(shown.epoch < 10 ? 1 : 0)}`
    if (this.share < 1 && this.time.loaded) return "no snapshots: best weights"
    return this.time.following ? "newest weights" : "best weights"
  }

  /** The snapshot whose share of the last one's steps is nearest; the right end at 1. */
  #place() {
    const { snapshots } = this.time
    const last = snapshots.at(-1)?.step
    this.time.set(this.share >= 1 || !last ? null : this.share * last, { source: "beside" })
  }

  async #follow() {
    if (!this.query) return
    const now = () => {
      const { at, stamp } = this.time.weights({ at: "best", stamp: this.row.stamp })
      return { ...this.query, at, v: stamp }
    }
    this.#wanted = JSON.stringify(now())
    if (this.#busy) return
    this.#busy = true
    for (let done = ""; !this.#gone && done !== this.#wanted;) {
      done = this.#wanted
      try {
        this.found = await ask(this.row.id, JSON.parse(done))
        this.weights = done
        this.failure = ""
      } catch (error) {
        this.failure = error.message
      }
      if (!this.#gone) this.#changed()
    }
    this.#busy = false
  }

  /** Whether what is shown is what was asked for. */
  get settled() {
    return this.weights === this.#wanted || this.failure !== ""
  }

  stop() {
    this.#gone = true
    this.#stop()
  }
}
