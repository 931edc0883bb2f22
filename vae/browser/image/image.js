/** The decoded image of the page's point. A picture from the server shows at once; the decoder in the browser takes over. */
import { decoders } from "../lib/decoder.js"
import { element, point as words, say } from "../lib/dom.js"
import { gridMenu } from "../lib/image_grid.js"
import { sentenceOf } from "../lib/errors.js"
import { mountable } from "../lib/mount.js"
import { paint } from "../lib/picture.js"
import { conditionOf, pointOf } from "../lib/store.js"
import { timeOf } from "../lib/time.js"

/** Measurements kept for tests, in ms of `performance.now()`: when the person acted, and when the image was on the canvas. */
const lab = (window.__latentLab ??= { timings: [], decoded: 0 })
const KEPT = 10_000

export const mount = mountable(import.meta.url, (root) => {
  const canvas = element("canvas", { class: "ll-pixels", role: "img", "aria-label": "Decoded image", width: 1, height: 1 })
  const where = element("span", { class: "ll-note where" })
  const origin = element("p", { class: "ll-note source" }, "Loading the decoder…")
  const title = element("figcaption", { class: "ll-title" }, "Decoded image")
  const save = gridMenu(() => ({ name: `${data.run}-decoded`, grid: { images: [[canvas]], columns: [where.textContent ?? ""] } }), "the decoded image")
  root.replaceChildren(
    element("figure", { class: "ll-card frame" }, element("div", { class: "head" }, title, where, save), canvas, origin),
  )
  root.dataset.decoded = "0"

  const client = {}
  let store = null
  let decoder = null
  /** A decoder that is being loaded; until it is there, the one before goes on. */
  let coming = null
  let time = null
  /** @type {import("./state").State} What the host passes. */
  let data = null
  let source = null
  let stop = () => {}
  let stopTime = () => {}
  let decoded = 0
  let settled = 0

  function request(point) {
    const asked = decoder
    decoder.request(
      client,
      point,
      (picture) => {
        if (asked !== decoder) return
        paint(canvas, picture)
        decoded += 1
        if (point.source !== "python") {
          if (lab.timings.length >= KEPT) lab.timings.splice(0, KEPT / 2)
          lab.timings.push({ event: point.time, done: performance.now(), source: asked.source })
        }
        lab.decoded += 1
        root.dataset.decoded = String(decoded)
        root.dataset.at = asked.weights.at
        say(where, `z = ${words(point.z)}${label(point)}`)
        clearTimeout(settled)
        settled = setTimeout(() => {
          canvas.setAttribute("aria-label", `Decoded image at ${where.textContent}`)
          where.title = where.textContent ?? ""
        }, 400)
      },
      (error) => asked === decoder && tellSource(sentenceOf(error)),
    )
  }

  function label(point) {
    const weights = Array.from(point.y ?? [], (weight, index) => ({ weight, name: data.classes[index] ?? index }))
    const parts = weights.filter(({ weight }) => weight > 0.005)
    if (parts.length === 1) return `, class ${parts[0].name}`
    return parts.length ? `, class ${parts.map(({ weight, name }) => `${name} ${Math.round(100 * weight)} %`).join(" + ")}` : ""
  }

  function tellSource(failure = "") {
    root.dataset.source = decoder.source
    const sentences = {
      loading: decoder.reason || "Loading the decoder into this page…",
      browser: "Decoded in this page, live",
      server: `Decoded on the server, which is slower: ${decoder.reason}`,
    }
    say(origin, failure || sentences[decoder.source])
  }

  /** Decode with the weights of the page's time. One decoder is loaded at once: those passed on the way are left out. */
  function follow() {
    // One that does not come for now is not waited for.
    if (coming && !coming.reason) return
    const next = decoders.of(source, data.run, time.weights({ at: data.at, stamp: data.stamp }))
    if (next === decoder || next === coming) return
    if (!decoder || decoder.run !== next.run || next.source !== "loading") return take(next)
    coming = next
    next.ready.then(() => {
      if (coming !== next) return
      coming = null
      take(next)
      follow()
    })
    next.settled().then(() => coming === next && next.reason && follow())
  }

  function take(next) {
    const isOther = decoder?.run === next.run
    decoder?.clients.delete(client)
    decoder?.cancel(client)
    decoder = next
    decoder.clients.add(client)
    tellSource()
    const arrived = () => {
      tellSource()
      root.dataset.ready = "true"
      if (store !== pointOf(source, next.run) || !store.point) return
      request(isOther ? { ...store.point, time: performance.now(), source: "time" } : store.point)
    }
    if (decoder.source !== "loading") return arrived()
    decoder.settled().then(() => decoder === next && tellSource())
    decoder.ready.then(() => decoder === next && arrived())
  }

  return {
    /** @param {import("../lib/mount.js").Given<import("./state").State>} component */
    update(component) {
      ;({ source, state: data } = component)
      const { run, z, size, shape } = data
      say(title, data.title)
      root.style.minHeight = "0"
      canvas.style.setProperty("--ratio", String(shape[2] / shape[1]))
      // Without a size it is as large as its card lets it be.
      canvas.style.width = size ? `${size}px` : ""
      if (time !== timeOf(source, run)) {
        stopTime()
        time = timeOf(source, run)
        coming = null
        stopTime = time.subscribe(follow)
      }
      const before = decoder
      follow()
      if (store !== pointOf(source, run)) {
        stop()
        store = pointOf(source, run)
        store.adopt(root, z, conditionOf(data))
        stop = store.subscribe(request)
      } else {
        store.adopt(root, z, conditionOf(data))
        if (before !== decoder) request(store.point)
      }
    },
    unmount() {
      stop()
      stopTime()
      coming = null
      clearTimeout(settled)
      decoder?.cancel(client)
      decoder?.clients.delete(client)
    },
  }
})
