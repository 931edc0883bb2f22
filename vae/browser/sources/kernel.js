/** A notebook's kernel as the source of its run: it answers by messages of a widget. */
import { Refusal } from "../lib/asking.js"
import { History } from "../lib/history.js"

/**
 * @typedef {(kind: string, fields?: object) => Promise<{message: any, buffers: ArrayBuffer[]}>} Ask Fails with the kernel's sentence.
 * @typedef {(listener: (message: any) => void) => () => void} Hear Hears of what the kernel tells by itself.
 */

/**
 * @param {Ask} ask
 * @param {Hear} hear
 * @param {(message: object) => void} send
 * @param {() => Promise<Record<string, any>>} runtime Files of onnxruntime-web, by name.
 * @returns {import("../lib/source.js").Source}
 */
export function kernel(ask, hear, send, runtime) {
  const follow = new Follow(hear, send)
  return {
    async get(_run, path, query, as, { signal } = {}) {
      const asked = ask("get", { path, query: Object.fromEntries(Object.entries(query).filter(([, value]) => value ?? false)) })
        .catch((error) => { throw new Refusal(error.message) })
      const { buffers: [content] } = await Promise.race([asked, aborted(signal)])
      if (as === "arrayBuffer") return content
      return as === "blob" ? new Blob([content]) : JSON.parse(new TextDecoder().decode(content))
    },
    decodes: false,
    runtime,
    listen: (_run, listener) => follow.listen(listener),
    wake() {},
  }
}

/**
 * Fails when the signal says so.
 * @param {AbortSignal} [signal]
 * @returns {Promise<never>}
 */
function aborted(signal) {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason)
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
  })
}

/** What the run's trainer writes, for all parts of one cell. */
class Follow {
  #history = new History()
  /** @type {import("../lib/history.js").Line | null} */
  #status = null
  /** @type {Set<import("../lib/source.js").Listener>} */
  #listeners = new Set()
  #hear
  #send
  /** @type {(() => void) | null} */
  #stop = null

  /**
   * @param {Hear} hear
   * @param {(message: object) => void} send
   */
  constructor(hear, send) {
    this.#hear = hear
    this.#send = send
  }

  /** @param {import("../lib/source.js").Listener} listener */
  listen(listener) {
    this.#listeners.add(listener)
    if (this.#stop) {
      listener.change?.(this.#history)
      if (this.#status) listener.status?.(this.#status)
    } else {
      this.#stop = this.#hear((message) => this.#receive(message))
      this.#send({ kind: "listen" })
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size) return
      this.#stop?.()
      this.#stop = null
    }
  }

  #receive({ kind, reset, lines, status }) {
    if (kind === "lines") {
      if (reset) this.#history = new History()
      this.#history.add(lines)
      for (const { change, event } of this.#listeners) {
        change?.(this.#history)
        if (!reset) for (const line of lines) if (line.event) event?.(line)
      }
    } else if (kind === "status") {
      this.#status = status
      for (const { status: told } of this.#listeners) told?.(status)
    }
  }
}
