/**
 * One connection to the server for all the runs that are followed, whoever follows them: a page, or the worker that all tabs
 * share. Runs at rest hold no connection: then the server is only asked now and then whether there is something new.
 */
import { History } from "../../../vae/browser/lib/history.js"
import { SILENT } from "../../../vae/browser/lib/asking.js"
import { address } from "./server.js"

/** Between two questions whether a run at rest goes on, ms. */
const REST = 3000
/** Before what is no longer followed is left out of the connection, ms: longer than a component's remounting takes. */
const LINGER = 1500
/** Runs that come within so many ms are asked for together. */
const TOGETHER = 20
/** So long a server may be silent, ms: it says every ten seconds that it is there. */
const SILENCE = 30_000
/** Between two tries to reach the server, ms: at first, and at most. */
const [SOON, LATE] = [500, 5000]
/** Runs whose histories are kept though nobody follows them. */
const KEPT = 12

/**
 * @typedef {"connecting" | "open" | "waiting" | "gone"} Connection
 * @typedef {{change?: (known: Known, added: object[] | null) => void, status?: (known: Known) => void,
 *   connection?: (known: Known) => void}} Follower `change` gets the lines that came, or null where the history began anew.
 */

/** What is known of a run. */
export class Known {
  history = new History()
  /** The place in the run's file up to which the history is known, as the server calls it. */
  place = ""
  /** @type {Record<string, any> | null} */
  status = null
  /** @type {Connection} */
  connection = "connecting"
  /** The server's words where it refused. */
  sentence = ""
  /** @type {Set<Follower>} */
  followers = new Set()

  /**
   * @param {"change" | "status" | "connection"} kind
   * @param {object[] | null} [added]
   */
  tell(kind, added = null) {
    for (const follower of this.followers) follower[kind]?.(this, added)
  }
}

export class Feed {
  /** @type {Map<string, Known>} The run that was followed last comes last. */
  #known = new Map()
  /** @type {EventSource | null} */
  #source = null
  /** Runs that the connection carries. */
  #carried = /** @type {Set<string>} */ (new Set())
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence
  #failures = 0

  /**
   * Follow a run from now on.
   * @param {string} run
   * @param {Follower} follower
   * @returns {{known: Known, stop: () => void}}
   */
  follow(run, follower) {
    const known = this.#known.get(run) ?? new Known()
    this.#known.delete(run)
    this.#known.set(run, known)
    if (known.connection === "gone" && !known.followers.size) known.connection = "connecting"
    known.followers.add(follower)
    if (!this.#carried.has(run)) this.#soon(TOGETHER)
    return {
      known,
      stop: () => {
        known.followers.delete(follower)
        if (!known.followers.size) this.#soon(LINGER)
      },
    }
  }

  /**
   * A run at rest may go on: ask now.
   * @param {string} run
   */
  wake(run) {
    if (!this.#carried.has(run)) this.#soon(TOGETHER)
  }

  /** Runs that somebody follows and that are there. */
  #wanted() {
    return [...this.#known].filter(([, { followers, connection }]) => followers.size && connection !== "gone").map(([run]) => run)
  }

  /**
   * Look after the connection, after a while, unless that is done sooner anyway.
   * @param {number} pause ms.
   */
  #soon(pause) {
    const due = performance.now() + pause
    if (this.#timer && this.#due <= due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#settle()
    }, pause)
  }
  #due = 0

  /** Have a connection that carries what is wanted, or none if that is nothing. */
  #settle() {
    const wanted = this.#wanted()
    this.#tidy()
    if (this.#source && wanted.length === this.#carried.size && wanted.every((run) => this.#carried.has(run))) return
    this.#close()
    if (wanted.length) this.#open(wanted)
  }

  #close() {
    clearTimeout(this.#silence)
    this.#source?.close()
    this.#source = null
    this.#carried = new Set()
  }

  /** @param {string[]} runs */
  #open(runs) {
    const url = new URL(address("stream"))
    for (const run of runs) {
      const place = this.#known.get(run)?.place
      url.searchParams.append("run", place ? `${run}~${place}` : run)
    }
    const source = new EventSource(url.href)
    this.#source = source
    this.#carried = new Set(runs)
    /**
     * @param {string} name
     * @param {(known: Known, value: Record<string, any>) => void} handle
     */
    const hear = (name, handle) =>
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return
        this.#heard()
        const { run, ...value } = JSON.parse(event.data)
        const known = this.#known.get(run)
        if (known && event.lastEventId) known.place = event.lastEventId
        handle(/** @type {Known} */ (known), value)
      })
    source.onopen = () => {
      if (source !== this.#source) return
      this.#failures = 0
      this.#heard()
      this.#connection("open")
    }
    // A new one is asked for from here, and not by the browser: it says what has come meanwhile.
    source.onerror = () => { if (source === this.#source) void this.#failed() }
    hear("reset", (known, { lines }) => {
      known.history = new History()
      known.history.add(lines)
      known.tell("change", null)
    })
    hear("lines", (known, { lines }) => {
      known.history.add(lines)
      known.tell("change", lines)
    })
    hear("status", (known, status) => {
      known.status = status
      known.tell("status")
    })
    hear("gone", (known, { error }) => {
      this.#carried.delete(this.#runOf(known) ?? "")
      Object.assign(known, { connection: "gone", sentence: error ?? "This run was deleted or moved.", place: "" })
      known.tell("connection")
      if (!this.#carried.size) this.#close()
    })
    hear("rest", () => {
      this.#close()
      this.#soon(REST)
    })
    hear("beat", () => {})
    this.#heard()
  }

  /** @param {Known} known */
  #runOf(known) {
    return [...this.#known].find(([, one]) => one === known)?.[0]
  }

  /** The server is there. */
  #heard() {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => void this.#failed(), SILENCE)
  }

  /**
   * @param {Connection} connection
   * @param {string} [sentence]
   */
  #connection(connection, sentence = "") {
    for (const known of this.#known.values()) {
      if (known.connection === "gone" || (known.connection === connection && known.sentence === sentence)) continue
      Object.assign(known, { connection, sentence })
      known.tell("connection")
    }
  }

  async #failed() {
    const runs = [...this.#carried]
    this.#close()
    this.#connection("waiting", SILENT)
    const pause = Math.min(LATE, SOON * 2 ** this.#failures)
    this.#failures += 1
    this.#soon(pause * (0.8 + 0.4 * Math.random()))
    // An event source does not say why it was refused.
    const sentence = await whyNot(runs)
    if (sentence && !this.#source) this.#connection("waiting", sentence)
  }

  /** Forget the histories of runs that nobody has followed for longest. */
  #tidy() {
    const idle = [...this.#known].filter(([, { followers }]) => !followers.size)
    for (const [run] of idle.slice(0, Math.max(0, idle.length - KEPT))) this.#known.delete(run)
  }
}

/**
 * Tell somebody elsewhere (a tab of the worker, or this page) of a run, by messages: what is not known there yet, then all that
 * is new.
 * @param {Feed} feed
 * @param {string} run
 * @param {string} place Up to which place the history is known there.
 * @param {(message: object) => void} tell
 * @returns {() => void} The way to stop.
 */
export function report(feed, run, place, tell) {
  /** @type {Required<Follower>} */
  const follower = {
    change: ({ history, place: now }, added) => {
      if (added) return tell({ type: "lines", run, lines: added, place: now })
      const { train, validation, events, received } = history
      tell({ type: "history", run, history: { train: [...train], validation: [...validation], events: [...events], received }, place: now })
    },
    status: ({ status }) => tell({ type: "status", run, status }),
    connection: ({ connection, sentence }) => tell({ type: "connection", run, connection, sentence }),
  }
  const { known, stop } = feed.follow(run, follower)
  if (known.status) follower.status(known)
  if (known.connection !== "connecting") follower.connection(known)
  if (known.place && known.place !== place) follower.change(known, null)
  return stop
}

/**
 * The server's words if it refuses to have runs followed; "" if it does not, or says nothing.
 * @param {string[]} runs
 * @returns {Promise<string>}
 */
async function whyNot(runs) {
  const url = new URL(address("stream", { probe: 1 }))
  for (const run of runs) url.searchParams.append("run", run)
  try {
    const response = await fetch(url.href)
    return response.ok ? "" : ((await response.json()).error ?? "")
  } catch {
    return ""
  }
}
