/** Where a run's probe images lie in its latent space, at the page's time: points that move from snapshot to snapshot. */
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { timeOf } from "../../../components/source/source.js"
import { arrays } from "../../../../vae/browser/lib/arrays.js"
import { counted, element, explain, number, say } from "../../../../vae/browser/lib/dom.js"
import { isAbort } from "../../../../vae/browser/lib/errors.js"
import { Kept } from "../../../../vae/browser/lib/kept.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { drawn, saveMenu } from "../../../../vae/browser/lib/saving.js"
import { isStill } from "../../../../vae/browser/lib/still.js"
import { draw, paint as paintMap, reachOf } from "./drawing.js"

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
  const save = saveMenu(() => {
    if (!shown) throw new Error("There is no map yet to save; wait for the first snapshot.")
    return { name: `${data.run}-probe-map-step-${root.dataset.at}`, picture, table }
  }, "the map of the probe images")
  root.replaceChildren(element("section", { class: "ll-card card", "aria-label": "Latent map of the probe images" }, element("div", { class: "ll-head" }, title, save), plot, legend, note))

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
    const canGlide = shown && !isStill() && shown.positions.data.length === found.positions.data.length
    from = canGlide ? Float32Array.from(placesNow()) : null
    shown = found
    began = performance.now()
    message.hidden = true
    root.dataset.ready = "true"
    root.dataset.at = String(snapshot.step)
    root.dataset.points = String(found.labels.data.length)
    const num = found.labels.data.length
    const share = data.latent_dim > 2 ? `${number(100 * found.explained, 0)} %` : ""
    const [images, epoch] = [counted(num, "probe image"), `epoch ${number(snapshot.epoch, snapshot.epoch < 10 ? 1 : 0)}`]
    // Two lines beside the curves; what they leave out is in the title.
    say(note, `Posterior means of ${images}${share && `: PCA (${share})`}, ${epoch}. Rings: 1, 2, 3 σ${share ? "" : " of the prior"}.`)
    note.title = `Posterior means of ${images}${share && `, on the plane of largest variance, which has ${share} of it`}, ${epoch}. Rings: 1, 2, 3 σ of the prior.`
    canvas.setAttribute("aria-label", note.title)
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

  function whatIsShown(places) {
    const look = theme(root)
    return {
      places, labels: shown.labels.data, origin: shown.origin, reach: reachOf(shown.positions.data, shown.origin), colours: data.palette[look.name], look,
    }
  }

  /** The map with its legend, to be saved. */
  function picture() {
    const what = whatIsShown(shown.positions.data)
    const [wide, high] = [plot.clientWidth, plot.clientHeight]
    const { look } = what
    return drawn({
      width: wide, height: high + 44, background: look.background,
      paint(context) {
        context.save()
        context.beginPath()
        context.rect(0, 0, wide, high)
        context.clip()
        paintMap(context, wide, high, what)
        context.restore()
        Object.assign(context, { font: `11px ${look.font}`, textAlign: "left", textBaseline: "middle" })
        let left = 8
        for (const [k, label] of (legend.hidden ? [] : data.classes).entries()) {
          context.fillStyle = what.colours[k]
          context.beginPath()
          context.arc(left + 4, high + 12, 4, 0, 2 * Math.PI)
          context.fill()
          context.fillStyle = look.text
          context.fillText(label, left + 12, high + 12)
          left += 24 + 7 * label.length
        }
        context.fillStyle = look.muted
        context.fillText(note.textContent ?? "", 8, high + 32, wide - 16)
      },
    })
  }

  function table() {
    const [{ data: places }, { data: labels }] = [shown.positions, shown.labels]
    const axes = data.latent_dim > 2 ? ["First principal axis", "Second principal axis"] : ["z1", "z2"]
    return {
      columns: ["probe image", "class", ...axes.map((axis) => `${axis} (posterior mean; σ of the prior = 1)`)],
      rows: Array.from(labels, (label, k) => [k, data.classes[label] ?? "", places[2 * k], places[2 * k + 1]]),
    }
  }

  function paint() {
    cancelAnimationFrame(frame)
    frame = requestAnimationFrame(() => {
      if (gone || !shown || !plot.clientWidth) return
      const places = placesNow()
      draw(canvas, whatIsShown(places))
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
