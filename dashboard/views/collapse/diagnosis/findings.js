/**
 * What is known of a run's z at the page's time: its diagnosis, which the server makes when asked, and each dimension along
 * training. There is one for each run, because modules of one address are shared in the page: verdict and charts show one
 * and the same.
 */
import { Kept } from "../../../../vae/browser/lib/kept.js"
import { sentenceOf } from "../../../../vae/browser/lib/errors.js"
import { server, timeOf } from "../../../components/source/source.js"
import { Question } from "../../../../vae/browser/lib/asking.js"

/** Between two diagnoses of a run that trains at least so many ms, and so many times what the last one took, up to a limit. */
const PAUSE = 1000
const SHARE = 4
const LIMIT = 6000
/** Diagnoses of snapshots that are kept, so that going back and forth asks nobody. */
const KEPT = 240

class Findings {
  /** The newest diagnosis as the server tells it, null before there is one, and the weights that it is of. */
  found = null
  of = null
  /** Why there is none, in a sentence. */
  failure = ""
  /** Whether a newer one is being made. */
  busy = false
  /** Each dimension at every snapshot, ascending. */
  stages = []
  threshold = 0.01
  #run
  #time
  #base = null
  #shown = ""
  #listeners = new Set()
  #stop = null
  #timer = 0
  #known = new Kept(KEPT)
  #asked = ""
  #wanted = ""
  #question = null

  constructor(run) {
    this.#run = run
    this.#time = timeOf(run)
    document.addEventListener("visibilitychange", () => !document.hidden && this.#refresh())
  }

  /** Hear of every change; returns the way to stop. */
  subscribe(listener) {
    this.#listeners.add(listener)
    this.#stop ??= this.#time.subscribe(() => this.#moved())
    this.#moved()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size) return
      this.#stop?.()
      this.#stop = null
      clearTimeout(this.#timer)
      this.#timer = 0
    }
  }

  /** Take over which weights the page was opened with, and the threshold of activity. */
  adopt({ at, stamp, live, threshold }) {
    this.#base = { at, stamp, live }
    this.threshold = threshold
    void this.#refresh()
  }

  /** Ask for the verdict at another threshold. */
  judge(threshold) {
    this.threshold = threshold
    void this.#refresh()
  }

  #moved() {
    void this.#course()
    void this.#refresh()
    this.#tell()
  }

  #tell() {
    for (const listener of this.#listeners) listener()
  }

  async #refresh() {
    if (!this.#base || document.hidden || !this.#listeners.size) return
    const weights = this.#time.weights(this.#base)
    if (!weights.stamp) return
    const wanted = `${weights.at} ${weights.stamp} ${this.threshold}`
    if (this.busy && wanted !== this.#wanted) this.#question?.makeWay()
    if (this.busy || wanted === this.#shown) return
    this.#wanted = wanted
    const known = this.#known.get(wanted)
    // A snapshot was asked for by a hand, and what training came to is waited for: both at once. Newer weights of a training
    // that goes on may come many times a second.
    const moment = this.#time.shown
    const isUrgent = moment || !this.#time.following || !this.found || weights.at !== this.of?.at || this.found.active_threshold !== this.threshold
    if (!known && this.#timer && !isUrgent) return
    clearTimeout(this.#timer)
    this.#timer = 0
    this.busy = !known
    this.#tell()
    const began = performance.now()
    const question = (this.#question = new Question((sentence) => this.#waits(sentence)))
    try {
      const query = { at: weights.at, v: weights.stamp, threshold: this.threshold }
      this.found = known ?? (await server.get(this.#run, "diagnosis", query, "json", question.options))
      this.of = { ...weights, isNewest: !moment }
      this.failure = ""
      if (moment) this.#known.set(wanted, this.found, 1)
    } catch (error) {
      if (!question.isOver) this.failure = sentenceOf(error)
    }
    if (!question.isOver) this.#shown = wanted
    this.busy = false
    this.#tell()
    const wait = known ? 0 : moment ? 0 : Math.min(LIMIT, Math.max(PAUSE, SHARE * (performance.now() - began)))
    this.#timer = setTimeout(() => {
      this.#timer = 0
      void this.#refresh()
    }, wait)
    if (question.isOver || this.#time.shown !== moment) void this.#refresh()
  }

  /** Why there is none yet. */
  #waits(sentence) {
    this.failure = sentence
    this.#tell()
  }

  /** Ask for the stages again where the list of snapshots has changed. */
  async #course() {
    const listed = JSON.stringify(this.#time.snapshots.map(({ step, stamp }) => [step, stamp]))
    if (listed === this.#asked || !this.#time.snapshots.length) return
    this.#asked = listed
    try {
      const { stages } = await server.get(this.#run, "course", {}, "json")
      if (listed !== this.#asked) return
      this.stages = stages
      this.#tell()
    } catch {
      // The chart stays as it was; the next snapshot asks again.
    }
  }
}

const all = new Map()

/** What is known of a run. */
export function findingsOf(run) {
  if (!all.has(run)) all.set(run, new Findings(run))
  return all.get(run)
}
