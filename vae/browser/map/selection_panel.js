/** A part of the images, caught with a lasso or by their labels: how many, of what kind, and what they look like on average. */
import { count, element, number, say } from "../lib/dom.js"
import { gridMenu } from "../lib/image_grid.js"
import { paint } from "../lib/picture.js"
import { download } from "../lib/saving.js"
import { thinned } from "../lib/thinning.js"
import { colourOf } from "./colours.js"
import { numbered } from "./points.js"

/** Rows inside a closed path of places in the plane. */
export function inside({ x, y, num }, path, back) {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const [u, v] of path) {
    left = Math.min(left, u)
    right = Math.max(right, u)
    low = Math.min(low, v)
    high = Math.max(high, v)
  }
  const rows = []
  for (let k = 0; k < num; k += 1) {
    const [u, v] = [x[k], y[k]]
    if (back[k] || u < left || u > right || v < low || v > high) continue
    let odd = false
    for (let i = 0, j = path.length - 1; i < path.length; j = i, i += 1) {
      const [[ui, vi], [uj, vj]] = [path[i], path[j]]
      if (vi > v !== vj > v && u < ((uj - ui) * (v - vi)) / (vj - vi) + ui) odd = !odd
    }
    if (odd) rows.push(k)
  }
  return Int32Array.from(rows)
}

/** Corners that a lasso keeps at most: `MOST_CORNERS` of dashboard/link/keys.py. */
const MOST_CORNERS = 64

/**
 * A closed path with few corners, none of the others farther from it than a pixel or what it takes to be few enough.
 * @param {number[][]} path Corners, pixels.
 */
export function simpler(path) {
  for (let most = 1; ; most *= 1.5) {
    const found = thinned([...path, path[0]], most).slice(0, -1)
    if (found.length <= MOST_CORNERS) return found.length < 3 ? [0, 1, 2].map((k) => path[Math.floor((k * path.length) / 3)]) : found
  }
}

/** The mean of rows in all dimensions. */
export function centroid({ mean, dims }, rows) {
  const sum = new Float64Array(dims)
  for (const row of rows) for (let d = 0; d < dims; d += 1) sum[d] += mean[row * dims + d]
  return Float32Array.from(sum, (value) => value / rows.length)
}

/**
 * Part, number in it, row in the whole data set, label and latent point of rows as CSV; a name goes between quotes, its own
 * quotes doubled.
 */
export function csv(shown, rows, classes) {
  const { mean, dims, index, labels } = shown
  const named = (label) => (label < 0 ? "" : `"${String(classes[label] ?? label).replaceAll('"', '""')}"`)
  const lines = [["part", "number", "row", "label", ...Array.from({ length: dims }, (_, d) => `z${d + 1}`)].join(",")]
  for (const row of rows) {
    const { part, number: place } = numbered(shown, row)
    lines.push([part, place, index[row], named(labels[row]), ...mean.subarray(row * dims, (row + 1) * dims)].join(","))
  }
  return `${lines.join("\r\n")}\r\n`
}

function average(values, rows, of) {
  let sum = 0
  for (const row of rows) sum += values[of ? of[row] : row]
  return sum / rows.length
}

/**
 * The panel of a selection.
 * @param {{clear: () => void, send: (z: Float32Array, y: number) => void}} heard
 */
export function selectionPanel(heard) {
  const title = element("h4", { class: "ll-title" })
  const bars = element("div", { class: "bars", role: "img" })
  const words = element("p", { class: "ll-note" })
  const mean = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Mean image of the selection" })
  const middle = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Decoded centroid of the selection" })
  const meanFigure = element("figure", {}, mean, element("figcaption", { class: "ll-note" }, "Mean image"))
  const button = (action, text, onclick) =>
    element("button", { class: "ll-button small", type: "button", dataset: { action }, onclick }, text)
  /** Both images; and how many of each class are selected. */
  const pictures = gridMenu(() => {
    const shown = [...(meanFigure.hidden ? [] : [{ canvas: mean, name: "mean image" }]), { canvas: middle, name: "decoded centroid" }]
    return { name: now.name.replace(/\.csv$/, ""), grid: { images: [shown.map(({ canvas }) => canvas)], columns: shown.map(({ name }) => name) } }
  }, "the images of the selection")
  const node = element(
    "section", { class: "selected", hidden: true, "aria-label": "Selection" },
    element("div", { class: "ll-row head" }, title, element("div", { class: "ll-row" },
      button("send-centroid", "Centroid to sliders", () => heard.send(middleOf, main)),
      button("export-csv", "Export CSV", () => save()),
      button("clear-selection", "Clear", () => heard.clear()), pictures)),
    element("div", { class: "images" }, meanFigure, element("figure", {}, middle, element("figcaption", { class: "ll-note" }, "Decoded centroid")),
      element("div", { class: "facts" }, words, bars)),
  )
  let now = null
  let middleOf = null
  /** The label that most of the selected have. */
  let main = -1

  function save() {
    const { shown, rows, classes, name } = now
    download(name, csv(shown, rows, classes), "text/csv")
  }

  return {
    node,
    middle,
    shape(ratio) {
      for (const canvas of [mean, middle]) canvas.style.aspectRatio = ratio
    },
    hide() {
      node.hidden = true
      now = null
    },
    /** @returns {{z: Float32Array, label: number}} The centroid, and the label that most have. */
    show(shown, rows, { classes, groups, palette, name }) {
      now = { shown, rows, classes, name }
      node.hidden = false
      say(title, `${count(rows.length)} image${rows.length === 1 ? "" : "s"} selected`)
      middleOf = centroid(shown, rows)
      const counts = new Map(groups.map(({ label }) => [label, 0]))
      for (const row of rows) {
        const label = counts.has(shown.labels[row]) ? shown.labels[row] : -1
        counts.set(label, counts.get(label) + 1)
      }
      const there = groups.filter(({ label }) => counts.get(label))
      const most = Math.max(...counts.values())
      main = there.find(({ label }) => counts.get(label) === most)?.label ?? -1
      bars.hidden = groups.length < 2
      bars.setAttribute("aria-label", there.map((group) => `${group.name}: ${counts.get(group.label)}`).join(", "))
      bars.replaceChildren(...there.map((group) => element(
        "div", { class: "row" }, element("span", { class: "name" }, group.name),
        element("span", { class: "track" }, element("i", { style: { width: `${(100 * counts.get(group.label)) / most}%`, background: colourOf(group.label, palette) } })),
        element("span", { class: "ll-note" }, count(counts.get(group.label))),
      )))
      this.terms(null)
      return { z: middleOf, label: main }
    },
    /** Mean distortion and rate, when the server has told them, `late` if newer weights are shown; an error says why not. */
    terms(found, late = false) {
      if (!now) return
      if (!found) return say(words, "Computing reconstruction and KL…")
      if (found instanceof Error) return say(words, found.message)
      const { shown, rows } = now
      const [distortion, rate] = [found.distortion, found.rate].map((values) => average(values, rows, shown.rows))
      say(words, `At the posterior means${late ? ", a short while ago" : ""}: reconstruction ${number(distortion)} nats, KL ${number(rate)} nats`)
    },
    /** The mean image, if the originals are here. */
    images(originals) {
      if (!now) return
      const picture = originals?.mean(Array.from(now.rows, (row) => now.shown.index[row]))
      meanFigure.hidden = !picture
      if (picture) paint(mean, picture)
    },
  }
}
