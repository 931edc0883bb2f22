/**
 * Asking until there is an answer. Only what is refused in words is final. All else (no answer, a restart, a proxy's error page, a
 * busy server) passes: it is asked again, ever more rarely, and at once when the server is back.
 */
import { isAbort } from "./errors.js"

/** Said while no server answers. */
export const SILENT = "The server does not answer. This continues as soon as it does."
/** Between two tries, ms: at first, and at most. */
const [SOON, LATE] = [500, 15_000]
/** Between two looks whether the server is back, ms, at most. */
const LOOK = 4000
/** Refusals that pass: of a slow client, a wrong connection, a request too early or one too many. */
const PASSING = [408, 421, 425, 429]

/** A refusal, in words: it is final. */
export class Refusal extends Error {}

/**
 * Ask the server until it answers or refuses.
 * @template {"json" | "blob" | "arrayBuffer"} T
 * @param {string} url
 * @param {T} as What the answer is read as; one that breaks off is asked for again.
 * @param {{signal?: AbortSignal, waiting?: (sentence: string) => void}} [options] `waiting` is told why there is no answer yet,
 *   and "" when there is one.
 * @returns {Promise<any>}
 * @throws {Refusal} If the server refuses.
 * @throws {DOMException} `AbortError`, if the signal says so.
 */
export function ask(url, as, { signal, waiting } = {}) {
  return persist(async () => (await answered(fetch(url, { signal })))[as](), { signal, waiting })
}

/**
 * The server's answer; a refusal, or what stands in the way of an answer for now, as an error (see `persist`).
 * @param {Promise<Response>} asked
 */
async function answered(asked) {
  const response = await asked
  const { ok, status } = response
  if (ok) return response
  const sentence = await sentenceOf(response)
  if (status >= 400 && status < 500 && !PASSING.includes(status) && sentence) throw new Refusal(sentence)
  const error = new Error(sentence ?? `The server answered ${status}.`)
  throw Object.assign(error, { after: 1000 * (Number(response.headers.get("Retry-After")) || 0), answered: true })
}

/**
 * Import a module, as often as it takes; a browser may remember that an address failed, so that each try has its own.
 * @param {string} url
 * @param {{waiting?: (sentence: string) => void}} [options]
 * @returns {Promise<{module: any, url: string}>} The module, and the address that it came from.
 * @throws {Refusal} If the server refuses it, or this browser cannot run it.
 */
export function importing(url, options) {
  return persist(async (tries) => {
    const now = new URL(url)
    if (tries) now.searchParams.set("again", String(tries))
    try {
      return { module: await import(now.href), url: now.href }
    } catch (error) {
      await answered(fetch(url))
      console.error(error)
      if (tries < 3) throw error
      throw new Refusal("A part of the page could not be loaded in this browser.")
    }
  }, options)
}

/**
 * The server's words of a refusal; null where something else has answered in its place.
 * @param {Response} response
 * @returns {Promise<string | null>}
 */
async function sentenceOf(response) {
  try {
    const { error } = await response.json()
    return typeof error === "string" ? error : null
  } catch {
    return null
  }
}

/**
 * Do something until it succeeds, or fails for good: with a `Refusal`.
 * @template T
 * @param {(tries: number) => Promise<T>} work Told how often it was tried before. An error with `answered` came from a server that
 *   is there; with `after`, ms, it says when to try again.
 * @param {{signal?: AbortSignal, waiting?: (sentence: string) => void}} [options]
 * @returns {Promise<T>}
 */
export async function persist(work, { signal, waiting = () => {} } = {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      const found = await work(tries)
      if (tries) waiting("")
      return found
    } catch (thrown) {
      if (thrown instanceof Refusal || isAbort(thrown) || signal?.aborted) throw thrown
      const error = /** @type {Error & {answered?: boolean, after?: number}} */ (thrown)
      waiting(error.answered ? error.message : SILENT)
      const pause = Math.max(error.after ?? 0, Math.min(LATE, SOON * 2 ** tries) * (0.8 + 0.4 * Math.random()))
      await Promise.race([sleep(pause, signal), ...(error.answered || !health ? [] : [back()])])
      if (signal?.aborted) throw signal.reason
    }
  }
}

/**
 * @param {number} pause ms.
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function sleep(pause, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, pause)
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve() }, { once: true })
  })
}

/** Where a server says that it is there; "" where there is nobody to be asked. */
let health = ""

/**
 * Look at an address for whether a server that was silent is back.
 * @param {string} url
 */
export function lookAt(url) {
  health = url
}

/** @type {Promise<void> | null} */
let coming = null

/** Settled when the server is there again: one asks for all who wait. */
function back() {
  coming ??= look().finally(() => { coming = null })
  return coming
}

async function look() {
  for (let tries = 0; ; tries += 1) {
    await sleep(Math.min(LOOK, SOON * 2 ** tries))
    if (globalThis.document?.hidden) await shown()
    try {
      const response = await fetch(health, { cache: "no-store" })
      if (response.ok) return
    } catch {
      // Still nobody there.
    }
  }
}

/** Settled when somebody looks at the page. */
function shown() {
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }))
}

/** A question that makes way for a newer one, but only while no answer is in sight: one that is being answered is let through. */
export class Question {
  #control = new AbortController()
  #waits = false

  /** @param {(sentence: string) => void} [told] Why there is no answer yet, "" when there is one. */
  constructor(told = () => {}) {
    /** For `ask`. */
    this.options = {
      signal: this.#control.signal,
      waiting: (/** @type {string} */ sentence) => {
        this.#waits = Boolean(sentence)
        told(sentence)
      },
    }
  }

  /** Something else is to be asked. */
  makeWay() {
    if (this.#waits) this.#control.abort()
  }

  /** Whether it has made way. */
  get isOver() {
    return this.#control.signal.aborted
  }
}
