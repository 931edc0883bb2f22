/** What one run makes of the images and points that are shown, at the moment of its time: asked of the server once. */
import { arrays, sizeOf } from "../lib/arrays.js"
import { Kept } from "../lib/kept.js"
import { Question, runAddress } from "../lib/server.js"
import { timeOf } from "../lib/time.js"

/** Bytes of answers that are kept for the page. */
const ROOM = 128e6
const answers = new Kept(ROOM)

/** An answer of the server, or one that is known. */
async function ask(run, query, options) {
  const url = runAddress(run, "side-by-side", query)
  const known = answers.get(url)
  if (known) return known
  const found = await arrays(url, options)
  answers.set(url, found, sizeOf(found))
  return found
}

export class Images {
  /** The newest answer, and of which weights it is. */
  found = null
  weights = null
  /** The server's refusal. */
  failure = ""
  #busy = false
  #wanted = ""
  #question = null
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
      void this.#follow()
    })
  }

  /** Show a share of the training, of some images and points. */
  set(query, share) {
    this.query = query
    this.share = share
    this.#place()
    void this.#follow()
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
    const wanted = JSON.stringify(now())
    if (this.#busy && wanted !== this.#wanted) this.#question.makeWay()
    this.#wanted = wanted
    if (this.#busy) return
    this.#busy = true
    for (let done = ""; !this.#gone && done !== this.#wanted;) {
      done = this.#wanted
      const question = (this.#question = new Question((sentence) => this.#fails(sentence)))
      try {
        this.found = await ask(this.row.id, JSON.parse(done), question.options)
        this.weights = done
        this.failure = ""
      } catch (error) {
        if (!question.isOver) this.failure = error.message
      }
      if (!this.#gone) this.#changed()
    }
    this.#busy = false
  }

  #fails(sentence) {
    this.failure = sentence
    if (!this.#gone) this.#changed()
  }

  /** Whether what is shown is what was asked for. */
  get settled() {
    return this.weights === this.#wanted || this.failure !== ""
  }

  stop() {
    this.#gone = true
    this.#question?.makeWay()
    this.#stop()
  }
}
