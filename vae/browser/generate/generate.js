/** New images from the prior, and what class and style each control: decoded in this page, with the weights of the page's time. */
import { radioGroup } from "../lib/choices.js"
import { decoders } from "../lib/decoder.js"
import { element, number, say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { tell } from "../lib/facts.js"
import { gridPicture, gridTable } from "../lib/image_grid.js"
import { mountable } from "../lib/mount.js"
import { paint } from "../lib/picture.js"
import { normal } from "../lib/random.js"
import { atPace } from "../lib/rest.js"
import { saveMenu } from "../lib/saving.js"
import { oneHot, pointOf } from "../lib/store.js"
import { theme } from "../lib/theme.js"
import { timeOf } from "../lib/time.js"

/** Samples at once, and styles that stand below each other. */
const [NUM, STYLES] = [60, 6]
/** Over the columns of the samples of the prior, and of the aggregate posterior. */
const HALVES = ["", "", "prior", "", "", "", "", "", "aggregate posterior", "", "", ""]
/** Between two moments of the page's time at which the images are drawn anew, ms. */
const PACE = 120

/**
 * @typedef {{run: string, at: string, stamp: string, latent_dim: number, classes: string[], shape: [number, number, number],
 *   prior_points: number[][], mixture: Mixture | null, mode: "samples" | "compare" | "styles", y: number | null}} State `y` null draws a
 *   class for each image.
 * @typedef {{points: number[][], num_components: number, prior_to_aggregate: [number, number], aggregate_to_prior: [number, number],
 *   saturated: boolean}} Mixture Points of the mixture that was fitted to the posteriors of the weights `at`, and how far these are from
 *   the prior, nats and standard error.
 */

export const mount = mountable(import.meta.url, (root, given) => {
  const { source } = given
  let component = given
  /** @type {State} */
  let data = given.state
  /** @type {any} */
  let time = null
  let stop = () => {}
  let drawn = ""
  let turn = 0
  /** @type {number[][]} */
  let points = []
  /** @type {any} */
  let decoder = null
  const following = atPace(() => draw(), PACE)
  /** @type {HTMLCanvasElement[][]} */
  let canvases = []

  const modes = radioGroup("What to generate", { samples: "Samples", compare: "Prior and posterior", styles: "Class and style" }, (value) => component.onChange("choice", { mode: value, y: data.y }, "choice"))
  const classes = element("select", { class: "ll-select", "aria-label": "Class", onchange: () => component.onChange("choice", { mode: data.mode, y: classes.value === "" ? null : Number(classes.value) }, "choice") })
  const again = element("button", { class: "ll-button", type: "button", dataset: { action: "again" }, onclick: () => { points = []; drawn = ""; void draw(); component.onChange("sampled", null, "choice") } }, "New samples")
  const save = saveMenu(() => ({
    name: `${data.run}-${data.mode}`, picture: () => gridPicture({ images: canvases, columns: data.mode === "styles" ? data.classes : data.mode === "compare" ? HALVES : [] }, theme(root)),
    table: () => gridTable({ images: canvases }, Array.from({ length: data.latent_dim }, (_, d) => `z${d + 1}`), (row, column) => pointAt(row, column)),
  }), "images")
  const note = element("p", { class: "ll-note", role: "status" })
  const grid = element("div", { class: "grid" })
  const node = element("section", { class: "ll-card panel", "aria-label": "Generated images" },
    element("div", { class: "ll-head" }, element("div", { class: "ll-row" }, modes.node, classes, again), save), grid, note)
  root.replaceChildren(node)

  const columnsNow = () => (data.mode === "styles" ? data.classes.length : 12)

  /** @param {number} row @param {number} column */
  const pointAt = (row, column) => points[data.mode === "styles" ? row : row * 12 + column] ?? []

  /** Points of the prior; the same as long as the person asks for no others. */
  function sample() {
    const one = (/** @type {number[][]} */ from) => from[Math.floor(Math.random() * from.length)]
    const isFitted = (/** @type {number} */ k) => data.mode === "compare" && k % 12 >= 6
    points = Array.from({ length: NUM }, (_, k) => {
      if (isFitted(k)) return one(/** @type {Mixture} */ (data.mixture).points)
      return data.prior_points.length ? one(data.prior_points) : Array.from({ length: data.latent_dim }, normal)
    })
  }

  function build() {
    const [num, columns] = data.mode === "styles" ? [STYLES * data.classes.length, data.classes.length] : [NUM, 12]
    canvases = []
    const cells = Array.from({ length: num }, (_, k) => {
      const [row, column] = [Math.floor(k / columns), k % columns]
      const canvas = element("canvas", { class: "ll-pixels", width: 1, height: 1 })
      canvases[row] ??= []
      canvases[row][column] = canvas
      const place = data.mode === "compare" ? { gridColumn: String(column + (column < 6 ? 1 : 2)) } : {}
      return element("button", { class: "cell", type: "button", style: place, title: "Show it in Explore", "aria-label": `Image ${k + 1}: show it in Explore`, onclick: () => choose(row, column) }, canvas)
    })
    grid.style.setProperty("--columns", String(columns))
    grid.style.setProperty("--ratio", String(data.shape[2] / data.shape[1]))
    grid.style.setProperty("--rows", String(Math.ceil(num / columns)))
    const name = (/** @type {string} */ words, gridColumn = "auto") => element("span", { class: "ll-note name", title: words, style: { gridColumn } }, words)
    const heads = data.mode === "styles" ? data.classes.map((words) => name(words)) : data.mode === "compare" ? [name("Prior", "1 / 7"), name("Aggregate posterior", "8 / 14")] : []
    grid.dataset.mode = data.mode
    grid.replaceChildren(...heads, ...cells)
  }

  /** @param {number} row @param {number} column */
  function labelAt(row, column) {
    if (!data.classes.length) return -1
    return data.mode === "styles" ? column : (data.y ?? (row * 12 + column) % data.classes.length)
  }

  /** @param {number} row @param {number} column */
  function choose(row, column) {
    const z = pointAt(row, column)
    const label = labelAt(row, column)
    pointOf(source, data.run).set({ z, ...(label >= 0 && { y: oneHot(label, data.classes.length) }) }, { source: "generate" })
    component.onChange("point", { z, y: label < 0 ? null : label }, "choice")
  }

  function words() {
    const more = "Click an image to explore around it."
    if (data.mode === "styles") return `Each row is one latent code, each column one class: z holds the style. ${more}`
    if (data.mode === "samples" || !data.mixture) return `z sampled from the prior, then decoded. ${more}`
    const { num_components: num, prior_to_aggregate: holes, aggregate_to_prior: outside, saturated } = data.mixture
    const nats = (/** @type {[number, number]} */ [mean, error]) => `${number(mean)} ± ${number(error)}`
    return `Left: z from the prior. Right: z from ${num === 1 ? "one Gaussian" : `${num} Gaussians`} fitted to the posteriors of the test images, with the best weights. `
      + `KL(prior ‖ aggregate posterior) ${nats(holes)} nats: prior mass outside the data (holes). KL(aggregate posterior ‖ prior) ${nats(outside)} nats. `
      + `${saturated ? "These posteriors hardly overlap, so both numbers are upper bounds. " : ""}${more}`
  }

  async function draw() {
    // The mixture was fitted to the posteriors of the run's own weights.
    const own = { at: data.at, stamp: data.stamp }
    const weights = data.mode === "compare" ? own : time.weights(own)
    const wanted = JSON.stringify([data.run, weights.at, weights.stamp, data.mode, data.y])
    if (wanted === drawn) return
    drawn = wanted
    const mine = ++turn
    if (!points.length) sample()
    decoder?.clients.delete(root)
    decoder = decoders.of(source, data.run, weights)
    decoder.clients.add(root)
    try {
      const columns = columnsNow()
      const rows = canvases.length
      const num = rows * columns
      const z = new Float32Array(num * data.latent_dim)
      const y = data.classes.length ? new Float32Array(num * data.classes.length) : null
      for (let k = 0; k < num; k += 1) {
        const [row, column] = [Math.floor(k / columns), k % columns]
        z.set(pointAt(row, column), k * data.latent_dim)
        if (y) y[k * data.classes.length + labelAt(row, column)] = 1
      }
      const { data: pixels, channels, height, width } = await decoder.batch(z, y, num)
      if (mine !== turn) return
      const size = channels * height * width
      canvases.flat().forEach((canvas, k) => paint(canvas, { data: pixels, channels, height, width, offset: k * size }))
      say(note, words())
      note.dataset.gap = String(data.mode === "compare")
      tell(root, data.mode === "compare" && data.mixture ? { prior_gap: data.mixture.prior_to_aggregate[0] } : null)
      root.dataset.at = String(weights.at)
      root.dataset.count = String(Number(root.dataset.count ?? 0) + 1)
      root.dataset.ready = "true"
    } catch (error) {
      if (mine === turn) say(note, sentenceOf(error))
    }
  }

  return {
    /** @param {import("../lib/mount.js").Given<State>} next */
    update(next) {
      const before = `${data.run} ${data.mode}`
      component = next
      data = next.state
      const conditional = data.classes.length > 0
      const there = { samples: true, compare: !conditional && data.mixture !== null, styles: conditional }
      if (!there[data.mode]) data = { ...data, mode: "samples" }
      modes.node.hidden = !there.compare && !there.styles
      modes.inputs.forEach((input) => { /** @type {HTMLElement} */ (input.parentElement).hidden = !there[/** @type {"samples"} */ (input.value)] })
      modes.value = data.mode
      classes.hidden = !conditional || data.mode === "styles"
      classes.replaceChildren(element("option", { value: "" }, "All classes"), ...data.classes.map((name, k) => element("option", { value: k }, name)))
      classes.value = data.y === null ? "" : String(data.y)
      if (time !== timeOf(source, data.run)) {
        stop()
        points = []
        time = timeOf(source, data.run)
        stop = time.subscribe(() => following.soon())
      }
      if (!canvases.length || before !== `${data.run} ${data.mode}`) {
        if (before.endsWith(" compare") !== (data.mode === "compare")) points = []
        build()
        drawn = ""
      }
      void draw()
    },
    unmount() {
      turn += 1
      tell(root, null)
      stop()
      following.cancel()
      decoder?.clients.delete(root)
    },
  }
})
