/** What one run makes of the images and points that are shown, at the moment of its time: asked of the server once. */
import { latest } from "../../../../vae/browser/lib/latest.js"
import { sentenceOf } from "../../../../vae/browser/lib/errors.js"
import { server, timeOf } from "../../../components/source/source.js"
import { arrays, sizeOf } from "../../../../vae/browser/lib/arrays.js"
import { Kept } from "../../../../vae/browser/lib/kept.js"
import { Question } from "../../../../vae/browser/lib/asking.js"

/** Bytes of answers that are kept for the page. */
const ROOM = 128e6
const answers = new Kept(ROOM)

/** An answer of the server, or one that is known. */
async function ask(run, query, options) {
  const key = JSON.stringify([run, query])
  const known = answers.get(key)
  if (known) return known
  const found = await arrays(server, run, "side-by-side", query, options)
  answers.set(key, found, sizeOf(found))
  return found
}

export class Images {
  /** The newest answer, and of which weights it is. */
  found = null
  weights = null
  /** The server's refusal. */
  failure = ""
  #asking = latest((wanted) => this.#ask(wanted), () => this.#question.makeWay())
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

  #follow() {
    if (!this.query) return
    const { at, stamp } = this.time.weights({ at: "best", stamp: this.row.stamp })
    const wanted = JSON.stringify({ ...this.query, at, v: stamp })
    if (wanted === this.#wanted && this.#asking.busy) return
    this.#wanted = wanted
    this.#asking.want(wanted)
  }

  async #ask(wanted) {
    const question = (this.#question = new Question((sentence) => this.#fails(sentence)))
    try {
      this.found = await ask(this.row.id, JSON.parse(wanted), question.options)
      this.weights = wanted
      this.failure = ""
    } catch (error) {
      if (!question.isOver) this.failure = sentenceOf(error)
    }
    if (!this.#gone) this.#changed()
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
    this.#asking.cancel()
    this.#question?.makeWay()
    this.#stop()
  }
}
