/**
 * Has Python draw a part of the page anew as soon as what it drew is not so any more. It shows nothing itself.
 *
 * Python says which fields of a run's status it drew, and their values (see `run_news.py`); the run's stream says what they are now.
 * A hidden tab hears nothing and asks for nothing; when it is shown again, it compares.
 */
import { mountable } from "../../../vae/browser/lib/mount.js"
import { listen, wake } from "../source/stream.js"
import { inStreamlit } from "../streamlit/adapter.js"

/** So long after Python has drawn, the stream may know less than Python did, ms. */
const GRACE = 500
/** Asked in vain, it asks again after so long, ms: at first, and at most. */
const [AGAIN, LATE] = [3000, 60_000]

/** As JSON whose keys are in order. */
function canonical(value) {
  return JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part)
}

export default inStreamlit(mountable(import.meta.url, (root) => {
  let component = null
  /** Fields by the names of runs, as Python drew them; and as JSON. */
  let fields = {}
  let drawn = ""
  /** Milliseconds between two drawings at least. */
  let pause = 0
  /** What was told to Python last, and is not drawn yet. */
  let told = ""
  let patience = AGAIN
  let spoken = -Infinity
  let timer = 0
  let due = Infinity
  let gone = false
  /** @type {Map<string, {stream: any, stop: () => void}>} */
  const followed = new Map()

  /** The fields as the streams know them; what a stream does not know yet is as it was drawn. */
  function now() {
    const found = {}
    for (const [name, values] of Object.entries(fields)) {
      const { connection, status } = followed.get(name).stream
      if (connection === "gone") found[name] = "gone"
      else found[name] = status ? Object.fromEntries(Object.keys(values).map((field) => [field, status[field] ?? null])) : values
    }
    return canonical(found)
  }

  /** Compare, after a while at the earliest. */
  function look(wait) {
    if (gone || document.hidden) return
    const found = now()
    if (found === drawn) {
      rest()
      return
    }
    const at = Math.max(performance.now() + (found === told ? patience : wait), spoken + pause)
    if (timer && due <= at) return
    clearTimeout(timer)
    due = at
    timer = setTimeout(tell, at - performance.now())
  }

  function rest() {
    clearTimeout(timer)
    timer = 0
    told = ""
    patience = AGAIN
  }

  function tell() {
    timer = 0
    if (gone || document.hidden) return
    const found = now()
    if (found === drawn) return rest()
    if (found === told) patience = Math.min(LATE, 2 * patience)
    told = found
    spoken = performance.now()
    root.dataset.told = String(Number(root.dataset.told ?? 0) + 1)
    component.onChange("changed", true)
    look(0) // once more, if that is lost
  }

  function follow(name) {
    if (followed.has(name)) return
    // Whoever listens is told at once what is known; it is compared when all of it can be.
    const heard = () => followed.has(name) && look(0)
    followed.set(name, listen(name, { status: heard, connection: heard }))
  }

  return {
    update(next) {
      component = next
      /** @type {import("./state").State} */
      const data = component.state
      const wanted = canonical(data.drawn)
      if (wanted === drawn) return
      fields = data.drawn
      drawn = wanted
      pause = 1000 * data.pause
      for (const [name, { stop }] of [...followed]) {
        if (name in fields) continue
        stop()
        followed.delete(name)
      }
      Object.keys(fields).forEach(follow)
      rest()
      root.dataset.ready = "true"
      if (now() === drawn) return
      Object.keys(fields).forEach(wake)
      look(GRACE)
    },
    unmount() {
      gone = true
      clearTimeout(timer)
      for (const { stop } of followed.values()) stop()
    },
  }
}))
