/** The card of what is under the pointer, and the card of a pinned image with its nearest neighbours. */
import { element, number, say } from "../lib/dom.js"
import { gridMenu } from "../lib/image_grid.js"
import { paint } from "../lib/picture.js"
import { neighbours, numbered, titleOf } from "./points.js"

/** Pixels between the pointer and its card. */
const GAP = 20
/** Neighbours of a pinned image that are shown. */
const NUM_NEIGHBOURS = 8

/**
 * What is under the pointer: the decoded spot, and the nearest image. It has a place of its own; on a compact map it floats beside the
 * pointer.
 * @param {boolean} floats
 * @param {() => void} [rest] Nothing is pointed at any longer: a card with a place shows the page's point.
 */
export function hoverCard(floats, rest = () => {}) {
  const decoded = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Decoded point" })
  const original = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Nearest image" })
  const spot = element("p", { class: "ll-note" })
  const nearest = element("p", { class: "ll-note" })
  const heading = element("figcaption", { class: "ll-title" }, "Decoded here")
  const called = element("figcaption", { class: "ll-title" })
  const image = element("figure", { class: "nearest" }, called, original, nearest)
  const node = element(
    "div", floats ? { class: "card", hidden: true, "aria-hidden": "true" } : { class: "card placed" }, element("figure", {}, heading, decoded, spot), image,
  )
  let lifts = true
  return {
    node,
    original,
    shape(ratio) {
      for (const canvas of [decoded, original]) canvas.style.aspectRatio = ratio
    },
    /** Whether spots are decoded, or means of images. */
    lifted(yes) {
      lifts = yes
    },
    /** The page's point, while nothing is pointed at. */
    atPoint() {
      say(heading, "The point")
      node.dataset.of = "point"
    },
    decode(picture, words) {
      if (picture) paint(decoded, picture)
      say(spot, words)
      spot.title = words
    },
    /** Whether there are original images at all. */
    withOriginals(yes) {
      image.hidden = !yes
    },
    near(title, words, there) {
      say(called, title)
      say(nearest, words)
      original.classList.toggle("none", !there)
    },
    /** The card stays near the pointer, on the side where there is room. */
    float([left, top], box) {
      say(heading, lifts ? "Decoded here" : "Decoded mean")
      node.dataset.of = "pointer"
      if (!floats) return
      node.hidden = false
      const [width, height] = [node.offsetWidth, node.offsetHeight]
      const x = left + GAP + width <= box.width ? left + GAP : left - GAP - width
      const y = Math.min(Math.max(0, top - height / 2), box.height - height)
      node.style.transform = `translate(${Math.round(Math.max(0, x))}px, ${Math.round(y)}px)`
    },
    hide() {
      if (floats) node.hidden = true
      else if (node.dataset.of === "pointer") rest()
    },
  }
}

/**
 * A list of images that one can go to.
 * @param {import("./map_data.js").MapData} data
 * @param {(row: number) => void} go
 */
export function imageList(data, go) {
  const node = element("ol", { class: "neighbours" })
  let waiting = []
  let listed = { rows: [], unit: "" }
  const list = {
    node,
    /** What is listed, with its images, to be saved. */
    get saved() {
      if (node.classList.contains("bare") || !listed.rows.length) throw new Error("There are no images here to save.")
      const { shown } = data
      const images = [...node.querySelectorAll("canvas")]
      const unit = listed.unit || "σ of the prior = 1"
      return {
        name: `${data.state.run}-nearest`, grid: { images: [images], columns: listed.rows.map(({ row }) => data.nameOf(row) || String(numbered(shown, row).number)) },
        known: { columns: ["image", "class", `distance (${unit})`], of: (/** @type {number} */ _, /** @type {number} */ k) => [titleOf(shown, listed.rows[k].row), data.nameOf(listed.rows[k].row), listed.rows[k].distance] },
      }
    },
    /** @param {{row: number, distance: number}[]} rows */
    show(rows, unit = "") {
      listed = { rows, unit }
      const { shown, state } = data
      waiting = []
      node.replaceChildren(...rows.map(({ row, distance }) => {
        const canvas = element("canvas", { class: "ll-pixels", width: 1, height: 1, style: { aspectRatio: `${state.shape[2]} / ${state.shape[1]}` } })
        waiting.push([canvas, shown.index[row]])
        const [name, called] = [data.nameOf(row), titleOf(shown, row)]
        return element(
          "li", {},
          element("button", {
            type: "button", class: "neighbour", dataset: { control: "neighbours", index: shown.index[row] }, title: `Go to ${called.toLowerCase()}`,
            "aria-label": `${called}${name ? `, ${name}` : ""}, distance ${number(distance)}${unit ? ` ${unit}` : ""}`, onclick: () => go(row),
          }, canvas, element("span", {}, name || String(numbered(shown, row).number)), element("span", { class: "ll-note" }, number(distance))),
        )
      }))
      list.paint()
    },
    /** Put in the originals that have come; without any, the list has names alone. */
    paint() {
      node.classList.toggle("bare", Boolean(data.originals?.failure))
      waiting = waiting.filter(([canvas, index]) => !data.originals?.show(canvas, index))
    },
    /** The rows are others by now. */
    refresh() {
      if (listed.rows.length) list.show([])
    },
  }
  return list
}

/**
 * An image that was clicked, and those whose means lie closest to its own in the whole latent space.
 * @param {{go: (row: number) => void, closed: () => void, release: () => void}} heard `release` when the person unpins it.
 */
export function pinnedCard(heard) {
  const title = element("h4", { class: "ll-title" })
  const original = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Pinned image" })
  const decoded = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Pinned image, decoded at its mean" })
  const list = element("ol", { class: "neighbours" })
  const words = element("p", { class: "ll-note" })
  const close = element("button", { class: "ll-button small", type: "button", dataset: { action: "unpin" }, onclick: () => heard.release() }, "Unpin")
  const first = element("figure", {}, original, element("figcaption", { class: "ll-note" }, "Original"))
  /** What is known of each image: its number, its class, and how far it lies from the pinned one. */
  let known = /** @type {(string | number)[][]} */ ([])
  const save = gridMenu(() => {
    const near = [...list.querySelectorAll("canvas")]
    const images = [...(first.hidden ? [] : [original]), decoded, ...(node.classList.contains("bare") ? [] : near)]
    const columns = [...(first.hidden ? [] : ["original"]), "decoded", ...known.map(([, name, far]) => `${name} · ${number(Number(far))}`)]
    const skipped = first.hidden ? 1 : 2
    return {
      name: title.textContent ?? "pinned", grid: { images: [images], columns: columns.slice(0, images.length) },
      known: { columns: ["image", "class", "distance of the posterior means (σ of the prior = 1)"], of: (_, k) => (k < skipped ? [title.textContent, "", 0] : known[k - skipped]) },
    }
  }, "the pinned image and its neighbours")
  const node = element(
    "section", { class: "pinned", hidden: true, "aria-label": "Pinned image" },
    element("div", { class: "ll-row head" }, title, element("span", { class: "ll-row" }, save, close)),
    element("div", { class: "images" }, first, element("figure", {}, decoded, element("figcaption", { class: "ll-note" }, "Decoded mean")),
      element("div", { class: "near" }, words, list)),
  )
  let ratio = "1"
  /** Canvases that wait for their originals. */
  let waiting = []

  function unpin() {
    node.hidden = true
    waiting = []
    heard.closed()
  }

  return {
    node,
    decoded,
    unpin,
    shape(next) {
      ratio = next
      for (const canvas of [original, decoded]) canvas.style.aspectRatio = next
    },
    /** Pin a row. */
    pin(shown, row, nameOf, originals) {
      node.hidden = false
      say(title, `${titleOf(shown, row)}${nameOf(row) ? `, ${nameOf(row)}` : ""}`)
      say(words, `Nearest in the latent space, by distance of the posterior means in ${shown.dims === 1 ? "its dimension" : `all ${shown.dims} dimensions`}`)
      waiting = [[original, shown.index[row]]]
      const near = neighbours(shown, row, NUM_NEIGHBOURS)
      known = near.map((other) => [titleOf(shown, other.row), nameOf(other.row), other.distance])
      list.replaceChildren(...near.map((other) => {
        const canvas = element("canvas", { class: "ll-pixels", width: 1, height: 1, style: { aspectRatio: ratio } })
        waiting.push([canvas, shown.index[other.row]])
        const name = nameOf(other.row)
        const called = titleOf(shown, other.row)
        return element(
          "li", {},
          element("button", {
            type: "button", class: "neighbour", dataset: { control: "neighbours", index: shown.index[other.row] },
            title: `Go to ${called.toLowerCase()}`,
            "aria-label": `${called}${name ? `, ${name}` : ""}, distance ${number(other.distance)}`,
            onclick: () => heard.go(other.row),
          }, canvas, element("span", {}, name || String(numbered(shown, other.row).number)), element("span", { class: "ll-note" }, number(other.distance))),
        )
      }))
      this.paint(originals)
    },
    /** Put in the originals that have come. */
    paint(originals) {
      const none = Boolean(originals?.failure)
      first.hidden = none
      node.classList.toggle("bare", none)
      waiting = waiting.filter(([canvas, index]) => !originals?.show(canvas, index))
    },
  }
}
