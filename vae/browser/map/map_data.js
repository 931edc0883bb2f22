/** What the map shows and where it comes from: which weights, images and plane the moment asks for, and fetching them. */
import { arrays } from "../lib/arrays.js"
import { Refusal } from "../lib/asking.js"
import { decoders } from "../lib/decoder.js"
import { isAbort } from "../lib/errors.js"
import { perRun } from "../lib/source.js"
import { oneHot, pointOf } from "../lib/store.js"
import { timeOf } from "../lib/time.js"
import { Originals } from "./originals.js"
import { prepare } from "./points.js"
import { MOST_IN_TIME, Positions } from "./positions.js"

/** In a narrower window, CSS pixels, a compact map is not loaded until it is asked for. */
const NARROW = 640
/** So many points are drawn there all the same. */
const FREE = 20_000

/** Positions of a source, for all maps of the page. */
const positionsOf = perRun((source) => new Positions(source))

/** Routes of numbers of each image. */
const ROUTES = { terms: "terms", sigma: "spread" }

export class MapData {
  /** @type {import("../lib/source.js").Source} */
  source
  /** @type {import("./state").State} What the host passed: plain JSON. */
  state = null
  /** The page's point and time. */
  store = null
  time = null
  /** What decodes under the weights of the moment. */
  decoder = null
  /** The server's arrays, of which weights and part they are. */
  received = null
  weights = null
  part = ""
  /** @type {import("./points.js").Shown | null} The images at their places. */
  shown = null
  /** @type {import("./points.js").Flat | null} Places that t-SNE or UMAP found; null where the plane is straight. */
  flat = null
  /** The whole of the plane: of which images, and where they lie. */
  whole = null
  /** @type {Originals | null} The images themselves. */
  originals = null
  /** Standard deviations of each image's posterior, once they were asked for. */
  sigma = null
  gone = false
  #compact
  #heard
  #seen = ""
  #loading = null
  /** The run and part whose positions are being fetched, and whether those of other weights have been asked for since. */
  #onTheWay = null
  #isPassed = false
  #fetching = null
  /** Parts of very many images that the person wants to see all the same. */
  #accepted = new Set()
  /** Numbers of each image that were asked for, and columns of the data. */
  #extras = new Map()
  #columns = new Map()
  /** Who asks the decoder: for what is under the pointer, for the pinned image, for the middle of what is selected. */
  clients = { hovered: {}, pinned: {}, middle: {} }

  /**
   * @param {{compact: boolean, heard: {begins: () => void, waits: (sentence: string) => void, asks: (begin: () => void) => void,
   *   came: (another: boolean, newer: boolean, began: number) => void, shown: () => void, failed: (error: Error) => void,
   *   originals: () => void, decoder: () => void, decodes: () => void, moved: () => void}}} needs `came`: arrays are to be put into the plane;
   *   `decoder`: another decodes from now on; `decodes`: it is ready; `moved`: another moment is asked for.
   */
  constructor({ compact, heard }) {
    this.#compact = compact
    this.#heard = heard
  }

  /** Show another run: its point and its time. */
  open(run) {
    this.part = ""
    this.store = pointOf(this.source, run)
    this.time = timeOf(this.source, run)
  }

  /** Whether the point and the time are those of the run that the host names. */
  get isOpen() {
    return this.store === pointOf(this.source, this.state.run)
  }

  /** Other weights, images or classes: nothing of the columns is known any more. */
  begin() {
    this.#columns.clear()
  }

  #base() {
    return { at: this.state.at, stamp: this.state.stamp }
  }

  /** Which weights and part the moment asks for. */
  #moment() {
    const now = this.time.weights(this.#base())
    return { now, part: this.isElsewhere(now) && this.state.num > MOST_IN_TIME ? "test" : this.state.part }
  }

  /** Whether weights are others than those of which the host passed the plane. */
  isElsewhere({ at, stamp }) {
    return at !== this.state.at || stamp !== this.state.stamp
  }

  /** Whether weights are those of the right end. */
  isEnd({ at, stamp }) {
    const end = this.time.end(this.#base())
    return at === end.at && stamp === end.stamp
  }

  /** Whether a training goes on, and its newest weights are shown. */
  get isLive() {
    return this.time.following && this.time.step === null
  }

  /**
   * What the whole of the plane is, however one came to this moment: where the right end has the images of a part. Null where
   * that is not to be had.
   */
  async #wholeOf(part, signal) {
    if (this.whole?.of === this.wholeName(part)) return this.whole
    const found = await positionsOf(this.source, "").of(this.state.run, this.time.end(this.#base()), part, { signal }).catch(() => null)
    return found && { of: this.wholeName(part), region: prepare(found, this.state, part).grid }
  }

  wholeName(part) {
    return JSON.stringify([this.state.run, this.state.at, this.state.stamp, part, this.state.plane])
  }

  /** Fetch what the moment asks for, and have it shown. */
  async load() {
    const moment = this.#moment()
    const { now, part: wants } = moment
    this.#seen = nameOf(moment)
    const positions = positionsOf(this.source, "")
    // A hand that scrubs passes many moments. One that has been asked for comes whole and is shown, and the newest after it:
    // broken off for the next, none would ever come.
    const what = `${this.state.run} ${wants}`
    this.#isPassed = this.#onTheWay === what && !positions.has(this.state.run, now, wants)
    if (this.#isPassed) return
    this.#loading?.abort()
    this.#onTheWay = null
    const mine = (this.#loading = new AbortController())
    const isCurrent = () => !this.gone && mine === this.#loading
    const began = performance.now()
    const asks = this.state.question || (this.#compact && window.innerWidth < NARROW && this.state.num > FREE)
    if (asks && wants === this.state.part && !this.#accepted.has(wants)) {
      return this.#heard.asks(() => {
        this.#accepted.add(this.state.part)
        void this.load()
      })
    }
    this.#heard.begins()
    this.#onTheWay = what
    try {
      const waiting = (sentence) => { if (isCurrent()) this.#heard.waits(sentence) }
      const [found, whole] = await Promise.all([
        positions.of(this.state.run, now, wants, { signal: mine.signal, waiting }), this.isEnd(now) ? null : this.#wholeOf(wants, mine.signal),
      ])
      if (!isCurrent()) return
      const another = wants !== this.part
      const newer = this.weights?.at !== now.at || this.weights.stamp !== now.stamp
      this.received = found
      this.weights = now
      this.part = wants
      if (another) {
        this.#fetching?.abort()
        this.#fetching = new AbortController()
        this.originals = this.#compact ? null
          : new Originals(this.source, this.state.run, this.part, this.#fetching.signal, () => this.#heard.originals(), this.state.missing)
      }
      // A computed plane belongs to the weights and images that it was computed of.
      if (another || newer) this.flat = null
      this.#extras.clear()
      this.sigma = null
      this.whole = whole
      this.#heard.came(another, newer, began)
      if (another) void this.originals?.load(this.state.num * this.state.shape.reduce((product, side) => product * side, 1))
      this.#heard.shown()
      if (this.time.step === null) return
      void positions.preload(this.state.run, this.time.snapshots.map(({ step, stamp }) => ({ at: String(step), stamp })), this.part)
    } catch (error) {
      if (!isCurrent() || isAbort(error)) return
      if (!(error instanceof Refusal)) console.error(error)
      this.#heard.failed(error)
    } finally {
      if (mine === this.#loading) {
        this.#onTheWay = null
        if (this.#isPassed && !this.gone) void this.load()
      }
    }
  }

  /** Another moment of training, or newer weights. */
  follow() {
    if (!this.state || this.gone) return
    this.useDecoder()
    if (nameOf(this.#moment()) === this.#seen) return
    this.#heard.moved()
    void this.load()
  }

  /** Put what was received into the plane. */
  place() {
    this.shown = prepare(this.received, this.state, this.part, this.flat)
    if (!this.flat && this.isEnd(this.weights)) this.whole = { of: this.wholeName(this.part), region: this.shown.grid }
  }

  /** Numbers of every image that the server computes, of what is shown now: fetched once. */
  extra(name) {
    if (!this.#extras.has(name)) {
      const asked = arrays(this.source, this.state.run, ROUTES[name], { at: this.weights.at, part: this.part, v: this.weights.stamp })
      asked.catch(() => {})
      this.#extras.set(name, asked)
    }
    return this.#extras.get(name)
  }

  /** Have `sigma`; tells when it has come, unless other images are shown by then. */
  async spread() {
    const asked = this.extra("sigma")
    const { sigma } = await asked
    if (asked !== this.#extras.get("sigma")) return false
    this.sigma = sigma.data
    return true
  }

  /** A column of the data's own for each row that is shown, and its classes; fetched once for each part. */
  async columnOf(name) {
    const [mine, key] = [this.shown, `${this.part}:${name}`]
    if (!this.#columns.has(key)) {
      const asked = arrays(this.source, this.state.run, "column", { name, at: this.state.at, part: this.part, v: this.state.stamp })
      asked.catch(() => this.#columns.delete(key))
      this.#columns.set(key, asked)
    }
    const { values: { data }, classes } = await this.#columns.get(key)
    return { values: mine.rows ? data.constructor.from(mine.rows, (k) => data[k]) : data, classes }
  }

  meanOf(row) {
    return this.shown.mean.slice(row * this.shown.dims, (row + 1) * this.shown.dims)
  }

  /** Whether a point is a row's mean. */
  isMean(z, row) {
    return z.every((value, d) => Math.abs(value - this.shown.mean[row * this.shown.dims + d]) < 1e-3)
  }

  /** Under which class to decode: a label's, else that of the page's point. */
  condition(label = -1) {
    if (!this.state.conditional) return null
    return label >= 0 ? oneHot(label, this.state.classes.length) : (this.store.point?.y ?? oneHot(0, this.state.classes.length))
  }

  nameOf(row) {
    return this.shown.labels[row] < 0 ? "" : this.state.classes[this.shown.labels[row]]
  }

  /** Decode with the weights of the moment. */
  useDecoder() {
    const fresh = decoders.of(this.source, this.state.run, this.time.weights(this.#base()))
    if (fresh === this.decoder) return
    this.#dropDecoder()
    this.decoder = fresh
    fresh.clients.add(this.clients.hovered)
    this.#heard.decoder()
    void fresh.ready.then(() => { if (fresh === this.decoder && !this.gone) this.#heard.decodes() })
  }

  #dropDecoder() {
    for (const client of Object.values(this.clients)) this.decoder?.cancel(client)
    this.decoder?.clients.delete(this.clients.hovered)
  }

  stop() {
    this.gone = true
    this.#loading?.abort()
    this.#fetching?.abort()
    positionsOf(this.source, "").stop()
    this.#dropDecoder()
  }
}

/** What names the moment that the page is at. */
function nameOf({ now, part }) {
  return [now.at, now.stamp, part].join(" ")
}
