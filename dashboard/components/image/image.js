/** The decoded image of the page's point. A picture from the server shows at once; the decoder in the browser takes over. */
import { decoderOf } from "../lib/decoder.js"
import { element, mounted, point as words, say } from "../lib/dom.js"
import { paint } from "../lib/picture.js"
import { classOf, oneHot, pointOf } from "../lib/store.js"

/** Measurements kept for tests, in ms of `performance.now()`: when the person acted, and when the image was on the canvas. */
const lab = (window.__latentLab ??= { timings: [], decoded: 0 })
const KEPT = 10_000

export default mounted((root) => {
  const canvas = element("canvas", { class: "ll-pixels", role: "img", width: 1, height: 1 })
  const where = element("span", { class: "where" })
  const source = element("p", { class: "ll-note source" }, "Loading the decoder…")
  const title = element("figcaption", { class: "ll-title" }, "Decoded image")
  root.replaceChildren(
    element("figure", { class: "ll-card frame" }, title, canvas, element("p", { class: "ll-note" }, where), source),
  )
  root.dataset.decoded = "0"

  const client = {}
  let store = null
  let decoder = null
  let data = null
  let stop = () => {}
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
        say(where, `z = ${words(point.z)}${label(point)}`)
        clearTimeout(settled)
        settled = setTimeout(() => canvas.setAttribute("aria-label", `Decoded image at ${where.textContent}`), 400)
      },
      (error) => asked === decoder && tellSource(error.message),
    )
  }

  function label(point) {
    const chosen = classOf(point.y)
    return chosen < 0 ? "" : `, class ${data.classes[chosen] ?? chosen}`
  }

  function tellSource(failure = "") {
    root.dataset.source = decoder.source
    const sentences = {
      loading: "Loading the decoder into this page…",
      browser: "Decoded in this page, live",
      server: `Decoded on the server, which is slower: ${decoder.reason}`,
    }
    say(source, failure || sentences[decoder.source])
  }

  return {
    update(component) {
      data = component.data
      const { run, z, y, at, stamp, classes, size, shape } = data
      say(title, data.title)
      canvas.style.width = `${size}px`
      canvas.style.aspectRatio = `${shape[2]} / ${shape[1]}`
      const next = decoderOf(run, { at, stamp })
      const changed = next !== decoder
      if (changed) {
        decoder?.clients.delete(client)
        decoder?.cancel(client)
        decoder = next
        decoder.clients.add(client)
        tellSource()
        decoder.ready.then(() => {
          if (decoder !== next) return
          tellSource()
          root.dataset.ready = "true"
          if (store?.point) request(store.point)
        })
      }
      if (store !== pointOf(run)) {
        stop()
        store = pointOf(run)
        store.adopt(root, z, classes.length ? oneHot(y ?? 0, classes.length) : null)
        stop = store.subscribe(request)
      } else {
        store.adopt(root, z, classes.length ? oneHot(y ?? 0, classes.length) : null)
        if (changed) request(store.point)
      }
    },
    unmount() {
      stop()
      clearTimeout(settled)
      decoder?.cancel(client)
      decoder?.clients.delete(client)
    },
  }
})
