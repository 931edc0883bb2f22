/** KL of each dimension at every snapshot, as a strip of colours: a dimension that collapses goes pale from left to right. */
import { dimName, element, number, say } from "../lib/dom.js"
import { drawn as drawing, headerOf, saveMenu } from "../lib/saving.js"
import { channels, theme } from "../lib/theme.js"

/** Dimensions shown, those with the largest KL first. */
const MOST = 64
/** Height of all rows together, and of one, in CSS pixels. */
const HEIGHT = 176
const ROW = [3, 16]
/** Rows at least so high carry their names and numbers. */
const NAMED = 11
/** The few largest rates of early training must not pale all others. */
const CAP = 0.98
/** What is shown of each dimension, unless the caller names another quantity. */
const RATE = { title: "KL of each dimension over the probe images, nats", unit: "nats", of: ({ rate_per_dim: rates }) => rates }

/**
 * @param {(place: number) => void} chosen Called with the place among the snapshots that was pointed at.
 * @param {(() => string) | null} [name] What a saved picture is called, where the strip has the button itself.
 * @returns {{node: HTMLElement, draw: (state: object) => void, picture: () => import("../lib/saving.js").Picture}} The state may bring a `quantity` of its own, like `RATE`, and
 *   an `order` of the dimensions; without one, the largest at the end come first.
 */
export function heatStrip(chosen, name = null) {
  const names = element("div", { class: "names left", "aria-hidden": "true" })
  const canvas = element("canvas", { role: "img" })
  const cursor = element("div", { class: "cursor" })
  const stage = element("div", { class: "stage" }, canvas, cursor)
  const values = element("div", { class: "names right", "aria-hidden": "true" })
  const ramp = element("i", { class: "ramp" })
  const title = element("strong", {})
  const most = element("span", {})
  const spot = element("span", { class: "spot" })
  const rest = element("span", {})
  const node = element(
    "div", { class: "heat", hidden: true },
    element("p", { class: "ll-note head" }, title, element("span", {}, "0"), ramp, most, rest, spot, name && saveMenu(() => ({ name: name(), picture, table }), "the strip")),
    names, stage, values,
  )
  let shown = null
  let drawn = ""

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect()
    const share = (event.clientX - box.left) / box.width
    return Math.min(shown.snapshots.length - 1, Math.max(0, Math.floor(share * shown.snapshots.length)))
  }
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId)
    chosen(placeOf(event))
  })
  stage.addEventListener("pointermove", (event) => {
    const place = placeOf(event)
    if (event.buttons & 1) chosen(place)
    const box = canvas.getBoundingClientRect()
    const row = Math.min(shown.dims.length - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * shown.dims.length)))
    const { snapshots, dims, quantity } = shown
    const value = number(quantity.of(snapshots[place])[dims[row]], 3)
    say(spot, `${dimName(dims[row])} at step ${snapshots[place].step}: ${value} ${quantity.unit}`)
  })
  stage.addEventListener("pointerleave", () => say(spot, ""))

  function draw({ snapshots, place, palette, root, quantity = RATE, order = null }) {
    const colours = theme(root)
    const last = quantity.of(snapshots[snapshots.length - 1])
    const dims = (order ?? last.map((_, dim) => dim).sort((a, b) => last[b] - last[a] || a - b)).slice(0, MOST)
    const row = Math.min(ROW[1], Math.max(ROW[0], Math.floor(HEIGHT / dims.length)))
    shown = { snapshots, dims, quantity }
    const now = JSON.stringify([snapshots.map(({ step, stamp }) => [step, stamp]), colours.name, quantity.title, order])
    if (now !== drawn) {
      drawn = now
      say(title, quantity.title)
      const all = snapshots.flatMap(quantity.of).sort((a, b) => a - b)
      const top = Math.max(all[Math.floor(CAP * (all.length - 1))], 0.1)
      paint(canvas, snapshots.map(quantity.of), dims, top, palette[colours.name])
      canvas.style.height = `${row * dims.length}px`
      // The rail's ticks stand 8 px from its ends; there is one more of them than there are snapshots.
      const num = snapshots.length
      stage.style.margin = `0 calc(8px + (100% - 16px) / ${2 * num}) 4px calc(8px - (100% - 16px) / ${2 * num})`
      ramp.style.background = `linear-gradient(to right, ${palette[colours.name].join(", ")})`
      say(most, `${number(top)}${top < all[all.length - 1] ? " and more" : ""}`)
      say(rest, last.length > dims.length ? `the ${dims.length} largest of ${last.length} dimensions` : "")
      const named = row >= NAMED
      names.replaceChildren(...(named ? dims : []).map((dim) => element("span", { style: { height: `${row}px`, lineHeight: `${row}px` } }, dimName(dim))))
      values.replaceChildren(...(named ? dims : []).map(() => element("span", { style: { height: `${row}px`, lineHeight: `${row}px` } })))
    }
    cursor.hidden = place === null
    cursor.style.left = `${(100 * ((place ?? 0) + 0.5)) / snapshots.length}%`
    const rates = quantity.of(snapshots[place ?? snapshots.length - 1])
    ;[...values.children].forEach((value, k) => say(value, number(rates[dims[k]])))
    const words = dims.slice(0, 8).map((dim) => `${dimName(dim)} ${number(rates[dim])}`).join(", ")
    canvas.setAttribute("aria-label", `${quantity.title}, over ${snapshots.length} snapshots; here ${words} ${quantity.unit}`)
  }

  /** The strip with its title, names and ends, to be saved. */
  function picture() {
    if (!shown) throw new Error("There is no chart yet to save; wait until it is drawn.")
    const { snapshots, dims, quantity } = shown
    const colours = theme(node)
    const [width, row, left, top] = [640, 18, 44, 32]
    const high = row * dims.length
    return drawing({
      width: width + left + 16, height: top + high + 28, background: colours.background,
      paint(context) {
        Object.assign(context, { font: `12px ${colours.font}`, fillStyle: colours.text, textAlign: "left", textBaseline: "middle", imageSmoothingEnabled: false })
        context.fillText(`${quantity.title}: 0 to ${most.textContent}`, left, top / 2)
        context.drawImage(canvas, left, top, width, high)
        context.textAlign = "right"
        dims.forEach((dim, k) => context.fillText(dimName(dim), left - 8, top + (k + 0.5) * row))
        for (const [place, align] of [[0, "left"], [snapshots.length - 1, "right"]]) {
          context.textAlign = /** @type {CanvasTextAlign} */ (align)
          context.fillText(`epoch ${number(snapshots[place].epoch, 1)}`, place ? left + width : left, top + high + 14)
        }
      },
    })
  }

  /** Each dimension at every snapshot. */
  function table() {
    if (!shown) throw new Error("There is no chart yet to save; wait until it is drawn.")
    const { snapshots, dims, quantity } = shown
    return {
      columns: ["step", "epoch", "dimension", headerOf(quantity.title)],
      rows: snapshots.flatMap((snapshot) => dims.map((dim) => [snapshot.step, snapshot.epoch, `z${dim + 1}`, quantity.of(snapshot)[dim]])),
    }
  }

  return { node, draw, picture }
}

/** One pixel for each dimension and snapshot; CSS enlarges them. */
function paint(canvas, columns, dims, top, palette) {
  const stops = palette.map(channels)
  canvas.width = columns.length
  canvas.height = dims.length
  const context = canvas.getContext("2d")
  const image = context.createImageData(columns.length, dims.length)
  dims.forEach((dim, row) => {
    columns.forEach((values, column) => {
      const place = Math.min(1, Math.max(0, values[dim] / top)) * (stops.length - 1)
      const [low, share] = [Math.min(stops.length - 2, Math.floor(place)), place - Math.min(stops.length - 2, Math.floor(place))]
      const at = 4 * (row * columns.length + column)
      for (let k = 0; k < 3; k += 1) image.data[at + k] = stops[low][k] + (stops[low + 1][k] - stops[low][k]) * share
      image.data[at + 3] = 255
    })
  })
  context.putImageData(image, 0, 0)
}
