/**
 * The metrics of runs as they are written. All tabs of a browser share one connection, which a worker holds; where there is no
 * such worker, each tab that is looked at has one of its own, for all the runs that it follows. A hidden tab follows nothing, and
 * catches up when it is shown again. The history is kept here, thinned, so that a component that comes later starts complete.
 */
import { Feed, report } from "./feed.js"
import { History } from "../../../vae/browser/lib/history.js"

/** How long a run without listeners is followed, ms: longer than a component's remounting takes. */
const LINGER = 1500
/** How long the worker may take to say that it is there, ms. */
const PATIENCE = 5000
/** Between two signs of life for the worker, ms. */
const SIGN = 10_000

/**
 * @typedef {import("../../../vae/browser/lib/history.js").Line} Line
 * @typedef {{change?: (history: History) => void, event?: (line: Line) => void, status?: (status: Line) => void,
 *   connection?: (state: string) => void}} Listener
 */

/** What this page follows, by way of the worker or by itself. */
class Link {
  /** @type {Map<string, Stream>} */
  #follows = new Map()
  /** @type {MessagePort | null} */
  #port = null
  /** @type {Feed | null} */
  #feed = null
  /** @type {Map<string, () => void>} */
  #stops = new Map()

  constructor() {
    try {
      const worker = new SharedWorker(new URL("./stream_worker.js", import.meta.url), { type: "module", name: "Latent Lab" })
      const late = setTimeout(() => this.#alone(), PATIENCE)
      const broken = () => {
        clearTimeout(late)
        this.#port = null
        this.#alone()
      }
      worker.onerror = broken
      worker.port.onmessage = ({ data }) => {
        if (data.type === "hello") clearTimeout(late)
        if (data.type === "hello" || data.type === "again") this.#together()
        else if (!this.#feed) this.#follows.get(data.run)?.receive(data)
      }
      this.#port = worker.port
      setInterval(() => this.#follows.size && this.#say({ type: "here" }), SIGN)
    } catch {
      this.#alone()
    }
  }

  /** Without the worker this page has a connection of its own. */
  #alone() {
    if (this.#feed) return
    this.#feed = new Feed()
    this.#again()
  }

  /** The worker is there, perhaps later than it was waited for. */
  #together() {
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
    this.#feed = null
    this.#again()
  }

  #again() {
    for (const stream of this.#follows.values()) this.follow(stream)
  }

  /** @param {{type: string, run?: string, place?: string}} message */
  #say(message) {
    this.#port?.postMessage(message)
  }

  /** @param {Stream} stream */
  follow(stream) {
    const { run, place } = stream
    this.#follows.set(run, stream)
    this.#say({ type: "follow", run, place })
    if (!this.#feed) return
    this.#stops.get(run)?.()
    this.#stops.set(run, report(this.#feed, run, place, (message) => stream.receive(message)))
  }

  /** @param {Stream} stream */
  leave({ run }) {
    if (!this.#follows.delete(run)) return
    this.#say({ type: "leave", run })
    this.#stops.get(run)?.()
    this.#stops.delete(run)
  }

  /** @param {string} run */
  wake(run) {
    this.#say({ type: "wake", run })
    this.#feed?.wake(run)
  }
}

/** @type {Link | null} */
let link = null

class Stream {
  history = new History()
  /** The place in the run's file up to which the history goes. */
  place = ""
  /** @type {Line | null} */
  status = null
  /** @type {import("./feed.js").Connection} */
  connection = "connecting"
  /** The server's words where it refused. */
  sentence = ""
  /** @type {Set<Listener>} */
  #listeners = new Set()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer

  /** @param {string} run */
  constructor(run) {
    this.run = run
  }

  /** @param {Listener} listener @returns {() => void} */
  listen(listener) {
    clearTimeout(this.#timer)
    this.#listeners.add(listener)
    if (this.status) listener.status?.(this.status)
    listener.connection?.(this.connection)
    listener.change?.(this.history)
    if (this.#listeners.size === 1) this.settle()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => {
        streams.delete(this.run)
        link?.leave(this)
      }, LINGER)
    }
  }

  /** Follow the run if somebody listens and looks. */
  settle() {
    if (document.hidden || !this.#listeners.size) return link?.leave(this)
    link ??= new Link()
    link.follow(this)
  }

  /**
   * Hear of the run.
   * @param {any} message
   */
  receive({ type, ...news }) {
    if (type === "lines") {
      this.history.add(news.lines)
      this.place = news.place
      for (const line of news.lines) if (line.event) this.#tell("event", line)
      this.#tell("change", this.history)
    } else if (type === "history") {
      this.history = History.of(news.history)
      this.place = news.place
      this.#tell("change", this.history)
    } else if (type === "status") {
      this.status = news.status
      this.#tell("status", this.status)
    } else {
      this.sentence = news.sentence
      this.connection = news.connection
      this.#tell("connection", this.connection)
    }
  }

  /**
   * @param {keyof Listener} kind
   * @param {any} value
   */
  #tell(kind, value) {
    for (const listener of this.#listeners) listener[kind]?.(value)
  }
}

/** @type {Map<string, Stream>} */
const streams = new Map()

let watches = false

/** Nobody follows anything from a page that is not looked at. */
function watch() {
  if (watches) return
  watches = true
  const settleAll = () => { for (const stream of streams.values()) stream.settle() }
  document.addEventListener("visibilitychange", settleAll)
  window.addEventListener("pageshow", settleAll)
  window.addEventListener("pagehide", () => { for (const stream of streams.values()) link?.leave(stream) })
}

/**
 * Listen to a run.
 * @param {string} run
 * @param {Listener} listener
 * @returns {{stream: Stream, stop: () => void}}
 */
export function listen(run, listener) {
  watch()
  const stream = streams.get(run) ?? new Stream(run)
  streams.set(run, stream)
  return { stream, stop: stream.listen(listener) }
}

/**
 * A run at rest is about to go on: whoever follows it hears of it soon.
 * @param {string} run
 */
export function wake(run) {
  if (streams.has(run)) link?.wake(run)
}
