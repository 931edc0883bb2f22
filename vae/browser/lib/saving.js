/** Saves charts and grids of images: PNG at twice the size, SVG with its text as text, and the numbers as CSV; in the colours of the page. */
import { element, say } from "./dom.js"
import { sentenceOf } from "./errors.js"
import { contextOf } from "./picture.js"
import { SvgContext } from "./svg_context.js"

/** Pixels of a PNG for each CSS pixel. */
const TIMES = 2

/**
 * @typedef {{columns: string[], rows: (string | number | null | undefined)[][]}} Table Headers with their units, and a row for each.
 * @typedef {{png: () => Promise<Blob>, svg: () => Promise<string>}} Picture
 * @typedef {{name: string, picture: () => Picture | Promise<Picture>, table: () => Table | Promise<Table>}} Saved What a file is
 *   called without its ending, and what is in it.
 */

/**
 * A picture that one function draws, in CSS pixels.
 * @param {{width: number, height: number, background: string, paint: (context: CanvasRenderingContext2D) => void}} drawing
 * @returns {Picture}
 */
export function drawn({ width, height, background, paint }) {
  const draw = (/** @type {any} */ context) => {
    context.fillStyle = background
    context.fillRect(0, 0, width, height)
    paint(context)
  }
  return {
    async png() {
      const canvas = element("canvas", { width: Math.round(TIMES * width), height: Math.round(TIMES * height) })
      const context = contextOf(canvas)
      context.scale(TIMES, TIMES)
      draw(context)
      return await blobOf(canvas)
    },
    async svg() {
      const context = new SvgContext(width, height, contextOf(element("canvas")))
      draw(context)
      return context.toString()
    },
  }
}

/**
 * A picture that is there as SVG.
 * @param {{width: number, height: number, background: string, svg: () => Promise<string>}} given CSS pixels; the background is put below it.
 * @returns {Picture}
 */
export function ofSvg({ width, height, background, svg }) {
  const whole = async () => (await svg()).replace(/(<svg[^>]*>)/, `$1<rect width="100%" height="100%" fill="${background}"/>`)
  return {
    svg: whole,
    async png() {
      const image = new Image()
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await whole())}`
      await image.decode()
      const canvas = element("canvas", { width: Math.round(TIMES * width), height: Math.round(TIMES * height) })
      contextOf(canvas).drawImage(image, 0, 0, canvas.width, canvas.height)
      return await blobOf(canvas)
    },
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<Blob>}
 */
function blobOf(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("This browser cannot save so large an image; make the window smaller."))), "image/png")
  })
}

/** The header of words, and of numbers without a unit. */
const WORDS = "what"
export const PLAIN = "value (no unit)"

/**
 * The header of a column, its unit in brackets, from the title of an axis.
 * @param {string} title
 * @param {boolean} isText
 */
export function headerOf(title, isText = false) {
  if (isText) return WORDS
  if (!title) return PLAIN
  if (/^(nats|bits)\b/.test(title)) return `value (${title})`
  if (/^z[₀-₉]+$/.test(title)) return `${title} (σ of the prior = 1)`
  return title.replace(/^(.*), ((?:nats|bits|seconds|minutes|%)\b.*)$/, "$1 ($2)")
}

/**
 * A table as CSV (RFC 4180): text that needs it between quotes, numbers as JavaScript writes them, nothing for what is unknown.
 * @param {Table} table
 */
export function csv({ columns, rows }) {
  return `${[columns, ...rows].map((row) => row.map(field).join(",")).join("\r\n")}\r\n`
}

/** @param {string | number | null | undefined} value */
function field(value) {
  if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) return ""
  const text = String(value)
  return typeof value === "string" && /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * Hand a file to the person.
 * @param {string} name
 * @param {Blob | string} content
 * @param {string} [type] Of text.
 */
export function download(name, content, type = "text/plain") {
  const blob = typeof content === "string" ? new Blob([content], { type: `${type};charset=utf-8` }) : content
  const link = element("a", { download: name, href: URL.createObjectURL(blob) })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** What a file may be called, on any system. @param {string} name */
export function fileName(name) {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "").slice(0, 100) || "chart"
}

/** @type {Record<string, {title: string, words: string, save: (what: Saved) => Promise<void>}>} */
const KINDS = {
  png: {
    title: "PNG", words: "Image at twice the size", save: async ({ name, picture }) => download(`${name}.png`, await (await picture()).png()),
  },
  svg: {
    title: "SVG", words: "Drawing, its text stays text", save: async ({ name, picture }) => download(`${name}.svg`, await (await picture()).svg(), "image/svg+xml"),
  },
  csv: { title: "CSV", words: "The numbers, units in the header", save: async ({ name, table }) => download(`${name}.csv`, csv(await table()), "text/csv") },
}

/**
 * A small button that opens three: PNG, SVG and CSV. It goes into the title's row of a card.
 * @param {() => Saved} what Told when one is pressed.
 * @param {string} [of] What is saved, for those who hear the page.
 */
export function saveMenu(what, of = "this chart") {
  return menuOf([{ title: "", what, of }], of)
}

/**
 * One button for all that a page shows: it opens a line for each, with its three.
 * @param {{title: string, what: () => Saved}[]} things
 * @param {string} of What is saved, for those who hear the page.
 */
export function saveList(things, of) {
  return menuOf(things.map(({ title, what }) => ({ title, what, of: title })), of)
}

/**
 * @param {{title: string, what: () => Saved, of: string}[]} things
 * @param {string} of
 */
function menuOf(things, of) {
  const said = element("span", { class: "ll-save-said", role: "status" })
  const summary = element("summary", { class: "ll-save-open", "aria-label": `Save ${of}`, title: `Save ${of}: PNG, SVG or CSV` }, icon(TRAY))
  const lines = things.map((thing) => element(
    "div", { class: "ll-save-kinds", role: "group", "aria-label": `Save ${thing.of} as` }, thing.title && element("span", { class: "ll-save-title", title: thing.title }, thing.title),
    ...Object.entries(KINDS).map(([kind, { title, words }]) =>
      element("button", { class: "ll-save-kind", type: "button", title: words, dataset: { save: kind }, onclick: () => void save(thing.what, kind) }, title)),
  ))
  const panel = element("div", { class: "ll-save-panel" }, ...lines, said)
  const node = element("details", { class: "ll-save", dataset: { control: "save" } }, summary, panel)

  async function save(/** @type {() => Saved} */ what, /** @type {string} */ kind) {
    say(said, "")
    try {
      const asked = what()
      await KINDS[kind].save({ ...asked, name: fileName(asked.name) })
      node.dataset.saved = kind
      node.open = false
      summary.focus()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      say(said, sentenceOf(error))
    }
  }

  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return
    node.open = false
    summary.focus()
    event.stopPropagation()
  })
  // A press elsewhere closes it.
  node.addEventListener("toggle", () => {
    if (node.open) document.addEventListener("pointerdown", outside, true)
    else document.removeEventListener("pointerdown", outside, true)
  })
  const outside = (/** @type {Event} */ event) => { if (!event.composedPath().includes(node)) node.open = false }
  return node
}

const SVG = "http://www.w3.org/2000/svg"

/** An arrow into a tray. */
const TRAY = "M8 2v7.5M4.75 6.5 8 9.75l3.25-3.25M2.75 11v1.75a.75.75 0 0 0 .75.75h9a.75.75 0 0 0 .75-.75V11"

/**
 * A small drawing of lines, in the colour of the text around it.
 * @param {string} lines Of a square of 16 pixels.
 */
export function icon(lines) {
  const node = document.createElementNS(SVG, "svg")
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" })) node.setAttribute(name, value)
  const path = document.createElementNS(SVG, "path")
  for (const [name, value] of Object.entries({ d: lines, fill: "none", stroke: "currentColor", "stroke-width": "1.5", "stroke-linecap": "round", "stroke-linejoin": "round" })) {
    path.setAttribute(name, value)
  }
  node.append(path)
  return node
}
