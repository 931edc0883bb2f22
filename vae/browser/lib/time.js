/**
 * The one moment of a run's training that a page's components show together. The scrubber moves it; image, sliders, map,
 * curves and sheets follow, none knowing of the other. There is one for each run, because modules of one address are
 * shared in the page. It works without a scrubber: then the moment stays where it is, at the right end at first.
 */
import { sentenceOf } from "./errors.js"
import { Echo } from "./echo.js"
import { perRun } from "./source.js"

/**
 * @typedef {{step: number, epoch: number, seconds: number, beta: number | null, rate_per_dim: number[], stamp: string}} Snapshot
 * What the server lists of a snapshot; the rate of each dimension is in nats, over the run's probe images.
 * @typedef {{at: string, stamp: string}} Weights Which weights, and a name for their content.
 */

const ACTIVE = ["starting", "running", "paused"]
/** States after which more is to come: then the run's events are listened to. */
const BUSY = ["queued", ...ACTIVE]
/** Between two looks at the list of snapshots, ms. */
const PAUSE = 150
/** How long a time that nobody watches any more goes on listening, ms: longer than a component's remounting takes. */
const LINGER = 1500

export class Time {
  /** @type {Snapshot[]} Ascending steps. */
  snapshots = []
  /** @type {number | null} Step of the snapshot that is shown, or null at the right end: the weights that the page was opened with. */
  step = null
  /** Who moved it last. */
  source = ""
  /** Whether the list of snapshots has arrived, or its sentence of refusal. */
  loaded = false
  failure = ""
  /** The run's state as its trainer says, "" before that is known, and whether it is at work. */
  state = ""
  /** @type {{step: number, epoch: number} | null} Where in the training the newest weights are, while it is under way. */
  newest = null
  /** The newest weights of a training that is under way, or that ended before this page's eyes. */
  #live = ""
  /** @type {import("./source.js").Source} */
  #source
  #run = ""
  /** @type {Set<(time: Time) => void>} */
  #listeners = new Set()
  /** @type {(() => void) | null} */
  #stop = null
  /** @type {import("./history.js").History | null} */
  #history = null
  #asked = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #linger
  /** @type {Promise<any> | null} */
  #loading = null
  #again = false
  #echo = new Echo()

  /**
   * @param {import("./source.js").Source} source
   * @param {string} run
   */
  constructor(source, run) {
    this.#source = source
    this.#run = run
  }

  /** @returns {number[]} Steps of the snapshots, ascending. */
  get steps() {
    return this.snapshots.map(({ step }) => step)
  }

  /** @returns {Snapshot | null} The snapshot that is shown, null at the right end. */
  get shown() {
    return this.step === null ? null : (this.snapshots.find(({ step }) => step === this.step) ?? null)
  }

  /** Whether the run is training while the page looks. */
  get following() {
    return ACTIVE.includes(this.state)
  }

  /** Place of what is shown among the snapshots; at the right end, how many there are. */
  get place() {
    const found = this.shown ? this.snapshots.indexOf(this.shown) : -1
    return found < 0 ? this.snapshots.length : found
  }

  /**
   * Hear of every change: of the step, of the list of snapshots, of newer weights at the right end.
   * @param {(time: Time) => void} listener Not called for what is so already.
   * @returns {() => void} The way to stop.
   */
  subscribe(listener) {
    clearTimeout(this.#linger)
    this.#listeners.add(listener)
    if (!this.loaded && !this.#loading) this.refresh()
    this.heed(this.state)
    return () => {
      this.#listeners.delete(listener)
      clearTimeout(this.#linger)
      if (!this.#listeners.size) this.#linger = setTimeout(() => this.#deafen(), LINGER)
    }
  }

  /**
   * Show the snapshot of a step, or the nearest one; null is the right end.
   * @param {number | null} step
   * @param {{source?: string}} [from]
   */
  set(step, { source = "" } = {}) {
    const wanted = step === null ? null : this.nearest(step)
    if (wanted === this.step) return
    this.step = wanted
    this.source = source
    this.#tellAll()
  }

  /**
   * The step of the snapshot that is nearest to a step; the step itself before the list is there, null without any.
   * @param {number} step
   * @returns {number | null}
   */
  nearest(step) {
    if (!this.loaded) return step
    /** @type {number | null} */
    let best = null
    for (const snapshot of this.snapshots) {
      if (best === null || Math.abs(snapshot.step - step) < Math.abs(best - step)) best = snapshot.step
    }
    return best
  }

  /**
   * Which weights to show: a snapshot's; at the right end the newest while the run trains, else the page's own.
   * @param {Weights} base The weights that the page was opened with.
   * @returns {Weights}
   */
  weights(base) {
    const snapshot = this.shown
    return snapshot ? { at: String(snapshot.step), stamp: snapshot.stamp } : this.end(base)
  }

  /**
   * The weights at the right end, whatever is shown: see `weights`.
   * @param {Weights} base
   */
  end(base) {
    if (!this.#live) return base
    return { at: this.following ? "last" : base.at, stamp: this.#live }
  }

  /** Ask the server for the list of snapshots, soon and not too often; and follow the run if it is training. */
  refresh() {
    if (this.#loading) {
      this.#again = true
      return
    }
    if (this.#timer) return
    const wait = Math.max(0, this.#asked + PAUSE - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#load()
    }, this.#asked ? wait : 0)
  }

  async #load() {
    this.#asked = performance.now()
    this.#loading = this.#source.get(this.#run, "snapshots", {}, "json", { waiting: (sentence) => this.#waits(sentence) })
    try {
      const { snapshots, state } = await this.#loading
      this.snapshots = snapshots
      this.failure = ""
      this.heed(state)
    } catch (error) {
      this.failure = sentenceOf(error)
    }
    this.#loading = null
    this.loaded = true
    // A snapshot that was thinned out, or dropped by a run that was resumed from before it.
    const nearest = this.step === null ? null : this.nearest(this.step)
    if (nearest !== this.step) [this.step, this.source] = [nearest, "list"]
    this.#tellAll()
    if (this.#again) {
      this.#again = false
      this.refresh()
    }
  }

  /**
   * Why the list of snapshots does not come yet.
   * @param {string} sentence
   */
  #waits(sentence) {
    this.failure = sentence
    this.#tellAll()
  }

  /**
   * Hear what the run's state is: one that is at work is followed.
   * @param {string} state
   */
  heed(state) {
    if (BUSY.includes(state) && !BUSY.includes(this.state)) this.#source.wake(this.#run)
    this.state = state
    if (BUSY.includes(state) && this.#listeners.size) this.#listen()
  }

  /** Follow the run's events: every new snapshot, and the newest weights. */
  #listen() {
    if (this.#stop) return
    let early = true
    this.#stop = this.#source.listen(this.#run, {
      event: ({ event }) => { if (event === "snapshot") this.refresh() },
      change: (history) => {
        // A history that began anew: the run went on from an earlier point, or the connection was lost for long.
        if (this.#history && history !== this.#history) this.refresh()
        this.#history = history
      },
      status: (status) => {
        const [state, live, step] = [this.state, this.#live, this.newest?.step]
        this.state = status.state
        this.newest = this.following ? newestOf(status) : null
        if (this.following || live) this.#live = status.stamp ?? ""
        if (early || (state === this.state && live === this.#live && step === this.newest?.step)) return
        if (state !== this.state) this.refresh()
        this.#tellAll()
      },
    })
    early = false
  }

  #deafen() {
    this.#stop?.()
    this.#stop = null
    this.#history = null
    // What happens meanwhile is not seen: whoever comes next asks anew.
    this.loaded = false
    this.#live = ""
    this.newest = null
  }

  #tellAll() {
    for (const listener of this.#listeners) listener(this)
  }

  /**
   * Take over the step that Python passes to a component, if it is news: neither what it passed before, nor the echo of
   * what it was told.
   * @param {object} component Anything that stands for the component.
   * @param {number | null} step
   */
  adopt(component, step) {
    if (this.#echo.isNews(step, component)) this.set(step, { source: "python" })
  }

  /**
   * Remember what Python is told, to know its echo.
   * @param {number | null} step
   */
  tell(step) {
    this.#echo.tell(step)
  }
}

/**
 * Where the newest weights are, by a run's status: they are a little behind the training itself.
 * @param {import("./history.js").Line} status
 */
function newestOf({ live_step: live, step, epoch }) {
  return Number.isInteger(live) && step > 0 ? { step: live, epoch: (epoch * live) / step } : null
}

/** The time of a run. */
export const timeOf = perRun((source, run) => new Time(source, run))
