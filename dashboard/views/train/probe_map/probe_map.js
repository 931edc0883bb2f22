/** Where a run's probe images lie in its latent space, at the page's time: points that move from snapshot to snapshot. */
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { timeOf } from "../../../components/source/source.js"
import { arrays } from "../../../../vae/browser/lib/arrays.js"
import { count, element, explain, number, say } from "../../../../vae/browser/lib/dom.js"
import { isAbort } from "../../../../vae/browser/lib/errors.js"
import { Kept } from "../../../../vae/browser/lib/kept.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { draw, reachOf } from "./drawing.js"

/** So long the points take from one snapshot to the next, ms. */
const GLIDE = 250
/** Bytes of maps that are kept, so that going back and forth asks the server once. */
const ROOM = 8e6
const WAITING = "Waiting for the first snapshot…"

export default inStreamlit(mountable(import.meta.url, (root) => {
  const title = element("h3", { class: "ll-title" }, "Latent map")
  const canvas = element("canvas", { role: "img" })
  const message = element("p", { class: "ll-message" }, WAITING)
  const plot = element("div", { class: "plot" }, canvas, message)
  const legend = element("ul", { class: "ll-note legend" })
  const note = element("p", { class: "ll-note" })
  root.replaceChildren(element("section", { class: "ll-card card", "aria-label": "Latent map of the probe images" }, title, plot, legend, note))

  /** @type {import("./state").State} What Python told. */
  let data = null
  let source = null
  let time = null
  let stopTime = () => {}
  let gone = false
  let asking = null
  let wanted = ""
  let shown = null
  let from = null
  let began = 0
  let frame = 0
  const known = new Kept(ROOM, () => {})
  const still = window.matchMedia("(prefers-reduced-motion: reduce)")
  const observer = new ResizeObserver(() => paint())
  observer.observe(plot)

  async function follow() {
    const snapshot = time.shown ?? time.snapshots.at(-1)
    if (gone || !snapshot) {
      say(message, time.loaded && !time.following && !snapshot ? "This run keeps no snapshots, so it has no map here." : time.failure || WAITING)
      return
    }
    // The plane is the newest snapshot's: with it, every map is another one.
    const key = `${data.run} ${snapshot.step} ${snapshot.stamp} ${data.latent_dim > 2 ? time.snapshots.at(-1).step : ""}`
    if (key === wanted) return
    wanted = key
    const held = known.get(key)
    if (held) return show(held, snapshot)
    asking?.abort()
    asking = new AbortController()
    try {
      const found = await arrays(source, data.run, "probe", { at: snapshot.step, v: snapshot.stamp }, { signal: asking.signal })
      known.set(key, found, found.positions.data.byteLength + found.labels.data.byteLength)
      if (wanted === key && !gone) show(found, snapshot)
    } catch (error) {
      if (isAbort(error) || wanted !== key) return
      explain(message, error.message)
      message.hidden = false
    }
  }

  function show(found, snapshot) {
    const canGlide = shown && !still.matches && shown.positions.data.length === found.positions.data.length
    from = canGlide ? Float32Array.from(placesNow()) : null
    shown = found
    began = performance.now()
    message.hidden = true
    root.dataset.ready = "true"
    root.dataset.at = String(snapshot.step)
    root.dataset.points = String(found.labels.data.length)
    const num = count(found.labels.data.length)
    const plane = data.latent_dim > 2 ? `, plane of largest variance (${number(100 * found.explained, 0)} %)` : ""
    say(note, `Posterior means of ${num} probe images${plane}, epoch ${number(snapshot.epoch, snapshot.epoch < 10 ? 1 : 0)}. Rings: 1, 2, 3 σ of the prior.`)
    canvas.setAttribute("aria-label", note.textContent)
    paint()
  }

  /** Where the points are by now, on their way to where they belong. */
  function placesNow() {
    const goal = shown.positions.data
    const share = from ? Math.min(1, (performance.now() - began) / GLIDE) : 1
    if (share === 1) return goal
    const eased = 1 - (1 - share) ** 3
    return goal.map((value, k) => from[k] + (value - from[k]) * eased)
  }

  function paint() {
    cancelAnimationFrame(frame)
    frame = requestAnimationFrame(() => {
      if (gone || !shown || !plot.clientWidth) return
      const places = placesNow()
      const look = theme(root)
      draw(canvas, {
        places, labels: shown.labels.data, origin: shown.origin, reach: reachOf(shown.positions.data, shown.origin),
        colours: data.palette[look.name], look,
      })
      if (places === shown.positions.data) from = null
      else paint()
    })
  }

  return {
    update(next) {
      ;({ source, state: data } = next)
      const { name } = theme(root)
      const few = data.classes.length <= 12 ? data.classes : []
      legend.replaceChildren(...few.map((label, k) => {
        const key = element("i", {})
        key.style.background = data.palette[name][k]
        return element("li", {}, key, label)
      }))
      legend.hidden = !few.length
      if (time !== timeOf(data.run)) {
        stopTime()
        wanted = ""
        shown = from = null
        time = timeOf(data.run)
        stopTime = time.subscribe(follow)
      }
      void follow()
      paint()
    },
    unmount() {
      gone = true
      stopTime()
      asking?.abort()
      cancelAnimationFrame(frame)
      observer.disconnect()
    },
  }
}))
