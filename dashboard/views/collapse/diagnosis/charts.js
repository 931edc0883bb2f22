/** Cards with one chart each, and how such a chart is drawn. */
import { card as cardOf, MOST } from "../../../../vae/browser/diagnosis/cards.js"
import { element } from "../../../../vae/browser/lib/dom.js"
import { adoptStyle, axis, CONFIG, look } from "../../../components/chart/plotly.js"
import { plotlyMenu } from "../../../components/chart/saving.js"

/**
 * What a card says where nothing was measured.
 * @param {string} failure Why not; empty as long as it is waited for.
 */
export function unmeasured(failure) {
  return failure ? "Could not be measured: the verdict above says why." : "Available after the first checkpoint."
}

/** So many carry their names. */
const NAMED = 24

/**
 * @typedef {{Plotly: any, colours: import("../../../../vae/browser/lib/theme.js").Theme, palette: Record<string, string>, scale: number}} Ink
 *   `scale` is how much larger a presentation is.
 */

/**
 * A card whose chart plotly draws.
 * @param {string} name
 * @param {string} title
 * @param {string} words
 * @param {() => import("../../../../vae/browser/lib/saving.js").Table} [table] The chart's numbers, where its traces do not tell them well.
 */
export function card(name, title, words, table) {
  return cardOf(name, title, words, (chart, run) => plotlyMenu(chart, () => `${run()}-${name}`, table))
}

/** Say in words what a chart shows. */
export function describe(chart, words) {
  chart.setAttribute("role", "img")
  if (chart.getAttribute("aria-label") !== words) chart.setAttribute("aria-label", words)
}

/** What a colour of a chart means, for its legend. */
export function key(colour, words, kind = "box") {
  const swatch = element("i", { dataset: { kind } })
  swatch.style.setProperty("--key", colour)
  return element("span", { class: "key" }, swatch, words)
}

/** Draw a chart, or nothing where it has no width yet. */
export async function draw(chart, traces, layout, { Plotly, colours, scale }, height = 232) {
  const width = chart.clientWidth
  if (!width) return
  const base = look(colours)
  const whole = { ...base, font: { ...base.font, size: 12 * scale }, width, height: height * scale, hovermode: "closest", dragmode: false, ...layout }
  for (const name of Object.keys(whole).filter((name) => /^[xy]axis/.test(name))) {
    const given = whole[name]
    whole[name] = { ...axis(colours), fixedrange: true, ...given, tickfont: { size: 11 * scale }, title: { font: { size: 12 * scale }, standoff: 8, ...(given.title ?? {}) } }
  }
  await Plotly.react(chart, traces, whole, { ...CONFIG, displayModeBar: false, doubleClick: false })
  adoptStyle(chart)
}

/** The axis under one bar for each of some names. */
export function names(list, title) {
  const every = Math.ceil(list.length / NAMED)
  const places = list.map((_, k) => k).filter((k) => k % every === 0)
  return { range: [-0.6, list.length - 0.4], tickvals: places, ticktext: places.map((k) => list[k]), tickangle: 0, showgrid: false, title: { text: title } }
}

/** Which of all dimensions a chart shows. */
export function some(found) {
  const num = found.rate_per_dim.length
  return num > MOST ? `latent dimension: the ${MOST} largest of ${num}` : "latent dimension, largest rate first"
}

/** Replace a legend where it says something else than before. */
export function legendOf(node, ...keys) {
  const now = keys.map((one) => `${one.textContent} ${one.firstChild.style.cssText}`).join("|")
  if (node.dataset.now === now) return
  node.dataset.now = now
  node.replaceChildren(...keys)
}

