/**
 * The sheets that Python drew, decoded anew in this page while its time moves: images change in their place, until Python,
 * told of the release, has drawn them with the same weights.
 */
import { decoderOf, timeOf } from "../../../components/source/source.js"
import { count, element, say } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { pageAround } from "../../../streamlit_internals/page.js"
import { paint } from "../../../../vae/browser/lib/picture.js"

/** Images decoded at once. */
const BATCH = 64

export default inStreamlit(mountable(import.meta.url, (root) => {
  const words = element("span", { class: "words", role: "status" })
  const later = element("span", { class: "later" })
  root.replaceChildren(element("p", { class: "ll-note which" }, words, later))
  const cell = element("canvas")
  /** What was put into an image here, and of which weights it is; any other picture in it is Python's. */
  const painted = new WeakMap()
  /** @type {import("./state").State} What Python told. */
  let data = null
  let time = null
  let stop = () => {}
  let busy = false
  let gone = false
  let decoded = 0

  const keyOf = ({ at, stamp }) => `${at} ${stamp}`
  const isOf = (image, key) => {
    const mine = painted.get(image)
    return (mine && mine.src === image.src ? mine.key : keyOf(data.shown)) === key
  }
  const imagesOf = (sheet) => [...document.querySelectorAll(sheet.images)]

  /** Which weights the images are of, and what of the page is not of them yet. */
  function tell(weights, failure = "") {
    const snapshot = time.shown
    const waits = keyOf(weights) !== keyOf(data.shown)
    const atEnd = keyOf(weights) === keyOf(data.end) ? data.end.words : "Weights: newest."
    const live = snapshot ? `Weights: snapshot of step ${count(snapshot.step)}.` : atEnd
    say(words, waits && (failure || !data.sheets.length) ? data.shown.words : live)
    say(later, failure || (waits ? data.later : ""))
  }

  /** Bring every sheet to the weights of the page's time; those passed on the way are left out. */
  async function follow() {
    if (!data || busy) return
    busy = true
    try {
      for (let wanted = null; !gone;) {
        const weights = time.weights(data.end)
        tell(weights)
        root.dataset.wanted = weights.at
        const key = keyOf(weights)
        const due = data.sheets.filter((sheet) => imagesOf(sheet).some((image) => !isOf(image, key)))
        if (key === wanted || !due.length) {
          if (!due.length) root.dataset.at = weights.at
          break
        }
        wanted = key
        const decoder = decoderOf(data.run, weights)
        await decoder.settled()
        if (decoder.source === "loading") {
          tell(weights, decoder.reason)
          decoder.ready.then(follow)
          break
        }
        if (decoder.source === "server") {
          tell(weights, "This browser cannot decode. The images update when you release the scrubber.")
          break
        }
        decoder.clients.add(root)
        try {
          for (const sheet of due) await draw(sheet, decoder, key)
        } finally {
          decoder.clients.delete(root)
        }
        decoded += 1
        root.dataset.decoded = String(decoded)
      }
    } finally {
      busy = false
    }
    root.dataset.ready = "true"
  }

  async function draw(sheet, decoder, key) {
    const images = imagesOf(sheet)
    const conditions = sheet.conditions ?? [null]
    const all = sheet.z.flatMap((z) => conditions.map((condition) => ({ z, condition })))
    for (let start = 0; start < all.length; start += BATCH) {
      const part = all.slice(start, start + BATCH)
      const z = Float32Array.from(part.flatMap((one) => one.z))
      const y = sheet.conditions ? weightsOf(part.map(({ condition }) => condition), data.classes) : null
      const picture = await decoder.batch(z, y, part.length)
      const size = picture.channels * picture.height * picture.width
      part.forEach((_, k) => {
        paint(cell, { ...picture, offset: k * size })
        if (images[start + k]) put(images[start + k], cell, key)
      })
    }
  }

  function put(image, source, key) {
    image.src = source.toDataURL()
    painted.set(image, { key, src: image.src })
  }

  // Python's images arrive when they will: whatever comes into the page is looked at.
  const observer = new MutationObserver(follow)

  return {
    update(component) {
      data = component.state
      if (time !== timeOf(data.run)) {
        stop()
        time = timeOf(data.run)
        stop = time.subscribe(follow)
        observer.disconnect()
        observer.observe(pageAround(root), { childList: true, subtree: true, attributes: true, attributeFilter: ["src"] })
      }
      void follow()
    },
    unmount() {
      gone = true
      stop()
      observer.disconnect()
    },
  }
}))

/** Weights of the classes, one condition after the other, from those that are not 0. */
function weightsOf(conditions, num) {
  const weights = new Float32Array(conditions.length * num)
  conditions.forEach((condition, row) => condition.forEach(([index, weight]) => { weights[row * num + index] = weight }))
  return weights
}
