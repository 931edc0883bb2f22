/**
 * The metrics of a run as they are written: one EventSource for each run and page, shared by all who listen, closed
 * when nobody does. History is kept here, thinned, so that a component that comes later starts complete.
 */
import { runAddress } from "./server.js"

/** Above so many training lines, neighbours are merged in pairs. */
const MOST = 4000
/** How long a stream without listeners stays open, in ms: longer than a component's remounting takes. */
const LINGER = 1500
/** How long a hidden tab keeps its stream, in ms. */
const HIDDEN = 60_000
const AVERAGED = ["distortion", "rate", "elbo"]

/**
 * @typedef {Record<string, any>} Line One line of metrics.jsonl.
 * @typedef {{change?: (history: History) => void, event?: (line: Line) => void, status?: (status: Line) => void,
 *   connection?: (state: string) => void}} Listener
 */

/** All that is known of a run: training and validation lines, events, newest status. */
export class History {
  /** @type {Line[]} */ train = []
  /** @type {Line[]} */ validation = []
  /** @type {Line[]} */ events = []
  /** Training lines received, before any were merged. */
  received = 0

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
  }

  /** Newest training line, or undefined. */
  get last() {
    return this.train[this.train.length - 1]
  }
}

/** Merge neighbours of a list of training lines: means weighted by their steps, position of the later. */
function halve(lines) {
  const merged = []
  for (let k = 0; k + 1 < lines.length; k += 2) {
    const [a, b] = [lines[k], lines[k + 1]]
    const [m, n] = [a.num_steps ?? 1, b.num_steps ?? 1]
    const line = { ...b, num_steps: m + n }
    for (const name of AVERAGED) line[name] = (a[name] * m + b[name] * n) / (m + n)
    merged.push(line)
  }
  // The newest line stays as it came: the numbers shown beside the curves are its own.
  if (lines.length % 2) merged.push(lines[lines.length - 1])
  return merged
}

class Stream {
  history = new History()
  status = null
  /** @type {"connecting" | "open" | "waiting" | "gone"} */
  connection = "connecting"
  /** The server's words where it refused. */
  sentence = ""
  #listeners = new Set()
  #source = null
  #last = ""
  #retry = 0
  #timer = 0
  #hidden = 0

  constructor(run, close) {
    this.run = run
    this.close = close
    this.onVisibility = () => this.#visibility()
    document.addEventListener("visibilitychange", this.onVisibility)
    this.#open()
  }

  /** @param {Listener} listener @returns {() => void} */
  listen(listener) {
    clearTimeout(this.#timer)
    this.#timer = 0
    this.#listeners.add(listener)
    if (this.status) listener.status?.(this.status)
    listener.connection?.(this.connection)
    listener.change?.(this.history)
    if (!this.#source && !document.hidden) this.#open()
    return () => {
      this.#listeners.delete(listener)
      if (!this.#listeners.size) this.#timer = setTimeout(() => this.#end(), LINGER)
    }
  }

  #tell(kind, value) {
    for (const listener of this.#listeners) listener[kind]?.(value)
  }

  #connection(state) {
    if (this.connection === state) return
    this.connection = state
    this.#tell("connection", state)
  }

  #open() {
    clearTimeout(this.#retry)
    // The browser sends Last-Event-ID when it reconnects by itself; a new EventSource cannot, so the address does.
    const source = new EventSource(runAddress(this.run, "stream", { after: this.#last }))
    this.#source = source
    const hear = (name, handle) =>
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return
        if (event.lastEventId) this.#last = event.lastEventId
        handle(JSON.parse(event.data))
      })
    source.onopen = () => {
      this.sentence = ""
      this.#connection("open")
    }
    source.onerror = () => {
      if (source !== this.#source) return
      this.#connection("waiting")
      // Closed for good means that the server answered with an error: ask why, and again later.
      if (source.readyState === EventSource.CLOSED) this.#refused()
    }
    hear("reset", ({ lines }) => {
      this.history = new History()
      this.history.add(lines)
      this.#tell("change", this.history)
    })
    hear("lines", ({ lines }) => {
      this.history.add(lines)
      for (const line of lines) if (line.event) this.#tell("event", line)
      this.#tell("change", this.history)
    })
    hear("status", (status) => {
      this.status = status
      this.#tell("status", status)
    })
    hear("gone", ({ error }) => this.#gone(error))
  }

  async #refused() {
    const source = this.#source
    try {
      const response = await fetch(runAddress(this.run, "stream", { after: this.#last, probe: 1 }))
      const { error } = response.ok ? {} : await response.json()
      if (source !== this.#source) return
      if (response.status === 404) return this.#gone(error)
      this.sentence = error ?? ""
    } catch {
      // No answer at all: the server is not there yet.
    }
    this.#retry = setTimeout(() => this.#open(), 2000)
  }

  #gone(sentence) {
    this.#stop()
    this.sentence = sentence ?? "This run is not there any more."
    this.#connection("gone")
  }

  #stop() {
    clearTimeout(this.#retry)
    this.#source?.close()
    this.#source = null
  }

  #visibility() {
    clearTimeout(this.#hidden)
    if (document.hidden) this.#hidden = setTimeout(() => this.#stop(), HIDDEN)
    else if (!this.#source && this.connection !== "gone" && this.#listeners.size) this.#open()
  }

  #end() {
    this.#stop()
    clearTimeout(this.#hidden)
    document.removeEventListener("visibilitychange", this.onVisibility)
    this.close()
  }
}

const streams = new Map()

/**
 * Listen to a run.
 * @param {string} run
 * @param {Listener} listener
 * @returns {{stream: Stream, stop: () => void}}
 */
export function listen(run, listener) {
  if (!streams.has(run)) streams.set(run, new Stream(run, () => streams.delete(run)))
  const stream = streams.get(run)
  return { stream, stop: stream.listen(listener) }
}
