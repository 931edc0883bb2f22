/** The stops of a path: added from the page's point or the test images, put in order by dragging or by buttons, removed. */
import { server } from "../../../components/source/source.js"
import { arrays } from "../../../../vae/browser/lib/arrays.js"
import { element, number, say } from "../../../../vae/browser/lib/dom.js"
import { sentenceOf } from "../../../../vae/browser/lib/errors.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { short } from "../../../../vae/browser/lib/store.js"

/** Pixels that a stop is pressed and moved before it counts as dragged. */
const STILL = 5

/**
 * @typedef {{text: string, number: number | null, z: Float32Array | null, label: number | null, drawn: boolean, dragged: boolean,
 *   node: HTMLElement, canvas: HTMLCanvasElement, words: HTMLElement, picture: HTMLButtonElement,
 *   buttons: Record<"earlier" | "later" | "remove", HTMLButtonElement>}} Stop
 * `text` names it to the server: `n` and a test image's number, or coordinates.
 */

/**
 * @param {{changed: () => void, chosen: (place: number) => void, failed: (sentence: string) => void,
 *   decode: (client: object, z: Float32Array, canvas: HTMLCanvasElement, y?: Float32Array | null) => void, point: () => Float32Array | null,
 *   classOf: (label: number | null) => Float32Array | null}} page `classOf`: The condition of a stop, by its label if it has one.
 */
export function stopRow(page) {
  const list = element("ol", { class: "stops", "aria-label": "Stops" })
  const here = element("button", { class: "ll-button", type: "button", dataset: { action: "add-point" }, onclick: addPoint }, "Add the current point")
  const kind = element("select", { class: "field", "aria-label": "Class of the random image", dataset: { control: "add-random" } })
  const random = element("button", { class: "ll-button", type: "button", dataset: { action: "add-random" }, onclick: addRandom }, "Add a test image")
  const field = element("input", {
    class: "field number", type: "text", inputmode: "numeric", autocomplete: "off", placeholder: "no.", "aria-label": "Number of a test image", dataset: { control: "add-number" },
    onkeydown: (event) => event.key === "Enter" && addNumber(),
  })
  const byNumber = element("button", { class: "ll-button", type: "button", dataset: { action: "add-number" }, "aria-label": "Add the test image of this number", onclick: addNumber }, "Add")
  const clear = element("button", { class: "ll-button", type: "button", dataset: { action: "clear" }, onclick: () => change([]) }, "Clear")
  const adders = [here, random, byNumber]
  const bar = element(
    "div", { class: "ll-row" }, here, element("span", { class: "joined" }, random, kind), element("span", { class: "joined" }, field, byNumber), clear,
  )

  /** @type {import("./state").State} What Python told. */
  let data = null
  let weights = null
  /** @type {Stop[]} */
  let stops = []

  /** @returns {Stop} */
  function make(text) {
    const canvas = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img" })
    const words = element("span", { class: "words" })
    const numbered = /^n(\d+)$/.exec(text)
    /** @type {any} */
    const stop = { text, number: numbered ? Number(numbered[1]) : null, z: null, label: null, drawn: false, dragged: false, canvas, words }
    if (!numbered) stop.z = Float32Array.from(text.split(","), Number)
    const small = (label, symbol, action, onclick) =>
      element("button", { class: "small", type: "button", dataset: { action }, "aria-label": label, title: label, onclick }, symbol)
    stop.buttons = {
      earlier: small("Move earlier", "‹", "earlier", () => move(stop, -1, "earlier")),
      later: small("Move later", "›", "later", () => move(stop, 1, "later")),
      remove: small("Remove this stop", "×", "remove", () => remove(stop)),
    }
    const picture = element("button", { class: "picture", type: "button", dataset: { control: "stops" }, onpointerdown: (event) => press(stop, event), onclick: () => stop.dragged || page.chosen(stops.indexOf(stop)) }, canvas)
    stop.picture = picture
    stop.node = element("li", { class: "stop" }, picture, words, element("span", { class: "tools" }, ...Object.values(stop.buttons)))
    describe(stop)
    return stop
  }

  function describe(stop) {
    const name = stop.label === null ? "" : `${data?.classes[stop.label] ?? stop.label} · `
    say(stop.words, stop.number === null ? "point" : `${name}no. ${stop.number}`)
    stop.canvas.setAttribute("aria-label", stop.words.textContent)
    stop.node.title = stop.z ? `z = (${Array.from(stop.z.slice(0, 8), (value) => number(value)).join(", ")}${stop.z.length > 8 ? ", …" : ""})` : ""
  }

  /** Ask the server what image a stop is; its picture is the original where that is on the machine, else decoded. */
  async function resolve(stop) {
    if (stop.number === null) return draw(stop)
    try {
      const found = await arrays(server, data.run, "test-image", { number: stop.number, at: weights.at, v: weights.stamp }, { waiting: page.failed })
      fill(stop, found)
    } catch (error) {
      page.failed(sentenceOf(error))
    }
  }

  function fill(stop, found) {
    stop.z = found.z.data
    stop.label = found.label
    if (found.image) {
      const [channels, height, width] = found.image.shape
      paint(stop.canvas, { data: found.image.data, channels, height, width, scale: 255 / found.max_value })
      stop.drawn = true
    }
    describe(stop)
    draw(stop)
  }

  function draw(stop) {
    if (stop.drawn || !stop.z) return
    // A reconstruction, where the original is not at hand: under the image's own class.
    page.decode(stop, stop.z, stop.canvas, page.classOf(stop.label))
  }

  function show() {
    list.replaceChildren(...stops.map(({ node }) => node))
    stops.forEach((stop, place) => {
      stop.node.style.order = ""
      stop.picture.setAttribute("aria-label", `Stop ${place + 1}: ${stop.words.textContent}. Go there; drag to move it.`)
      stop.picture.dataset.place = String(place + 1)
      stop.buttons.earlier.disabled = place === 0
      stop.buttons.later.disabled = place === stops.length - 1
    })
    const full = stops.length >= (data?.max_stops ?? 8)
    for (const button of adders) {
      button.disabled = full
      button.title = full ? `A path has at most ${data.max_stops} stops` : ""
    }
    clear.hidden = !stops.length
    list.hidden = !stops.length
  }

  function change(next) {
    stops = next
    show()
    page.changed()
  }

  function add(stop) {
    if (stops.length < data.max_stops) change([...stops, stop])
  }

  function addPoint() {
    const z = page.point()
    if (!z) return
    const stop = make(Array.from(z, short).join(","))
    draw(stop)
    add(stop)
  }

  async function addRandom() {
    const pick = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1
    await addImage({ pick, label: kind.value })
  }

  async function addNumber() {
    const text = field.value.trim()
    if (!/^\d{1,9}$/.test(text) || Number(text) >= data.num_images) {
      page.failed(`The number of a test image must be a whole number from 0 to ${data.num_images - 1}, got ${text || "nothing"}; use 0.`)
      return
    }
    field.value = ""
    await addImage({ number: text })
  }

  async function addImage(query) {
    const asked = data.run
    try {
      const found = await arrays(server, asked, "test-image", { ...query, at: weights.at, v: weights.stamp }, { waiting: page.failed })
      if (asked !== data.run) return
      const stop = make(`n${found.number}`)
      fill(stop, found)
      add(stop)
    } catch (error) {
      page.failed(sentenceOf(error))
    }
  }

  function remove(stop) {
    const place = stops.indexOf(stop)
    change(stops.filter((other) => other !== stop))
    const next = stops[Math.min(place, stops.length - 1)]
    ;(next?.buttons.remove ?? here).focus()
  }

  function move(stop, by, action) {
    const next = stops.filter((other) => other !== stop)
    next.splice(stops.indexOf(stop) + by, 0, stop)
    change(next)
    const button = stop.buttons[action]
    ;(button.disabled ? stop.buttons[by < 0 ? "later" : "earlier"] : button).focus()
  }

  /** Drag a stop: the others make room as it passes; moving the nodes themselves would end the press. */
  function press(stop, event) {
    if (!event.isPrimary || event.button !== 0) return
    const [x, y] = [event.clientX, event.clientY]
    let order = stops
    let dragged = false
    const onMove = (moved) => {
      if (!dragged && Math.hypot(moved.clientX - x, moved.clientY - y) < STILL) return
      dragged = true
      stop.node.classList.add("dragged")
      const under = order.find(({ node }) => {
        const box = node.getBoundingClientRect()
        return moved.clientX >= box.left && moved.clientX <= box.right && moved.clientY >= box.top && moved.clientY <= box.bottom
      })
      if (!under || under === stop) return
      const to = order.indexOf(under)
      order = order.filter((other) => other !== stop)
      order.splice(to, 0, stop)
      order.forEach(({ node }, place) => { node.style.order = String(place) })
    }
    const end = (last) => {
      window.removeEventListener("pointermove", onMove)
      window.removeEventListener("pointerup", end)
      window.removeEventListener("pointercancel", end)
      stop.node.classList.remove("dragged")
      if (!dragged) return
      // The click that may follow a drag is none.
      stop.dragged = true
      setTimeout(() => { stop.dragged = false })
      if (last.type === "pointerup" && order.some((other, place) => other !== stops[place])) change(order)
      else show()
    }
    window.addEventListener("pointermove", onMove)
    window.addEventListener("pointerup", end)
    window.addEventListener("pointercancel", end)
  }

  return {
    list,
    bar,
    /** @returns {Stop[]} */
    get stops() {
      return stops
    },
    get text() {
      return stops.map(({ text }) => text).join("_")
    },
    /** Take over the page's data, and the stops that Python has news of. */
    adopt(next, text) {
      const other = data?.run !== next.run
      data = next
      if (other) {
        kind.replaceChildren(
          element("option", { value: "" }, "of any class"),
          ...data.classes.map((name, label) => element("option", { value: label }, `of class ${name}`)),
        )
        kind.hidden = !data.classes.length
      }
      stops = text ? text.split("_").map(make) : []
      show()
    },
    /** Ask for the images under these weights, and draw what is decoded. */
    refresh(next) {
      weights = next
      stops.forEach(resolve)
    },
    /** Draw again what is decoded: the condition has changed. */
    redraw() {
      stops.forEach(draw)
    },
    use(next) {
      weights = next
    },
  }
}
