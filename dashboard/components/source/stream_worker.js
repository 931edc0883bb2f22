/** A worker that all tabs of the browser share: it holds their one connection to the server (see `stream.js`). */
import { Feed, report } from "./feed.js"

/** A tab that shows itself says so every ten seconds; so long after its last word it counts as gone, ms. */
const SILENCE = 40_000

const feed = new Feed()
/** What each tab follows, and when it was heard last. */
/** @type {Map<MessagePort, {heard: number, follows: Map<string, () => void>}>} */
const tabs = new Map()

addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports
  const tab = { heard: performance.now(), follows: new Map() }
  const tell = (/** @type {object} */ message) => port.postMessage(message)
  /** @type {Record<string, (message: {run: string, place?: string}) => void>} */
  const does = {
    follow: ({ run, place }) => {
      does.leave({ run })
      tab.follows.set(run, report(feed, run, place ?? "", tell))
    },
    leave: ({ run }) => {
      tab.follows.get(run)?.()
      tab.follows.delete(run)
    },
    wake: ({ run }) => feed.wake(run),
    // It was away for so long that it was given up.
    here: () => { if (!tabs.has(port)) tell({ type: "again" }) },
  }
  port.onmessage = ({ data }) => {
    does[data.type]?.(data)
    tab.heard = performance.now()
    tabs.set(port, tab)
  }
  tell({ type: "hello" })
})

setInterval(() => {
  const now = performance.now()
  for (const [port, { heard, follows }] of tabs) {
    if (now - heard < SILENCE) continue
    for (const stop of follows.values()) stop()
    follows.clear()
    tabs.delete(port)
  }
}, SILENCE / 4)
