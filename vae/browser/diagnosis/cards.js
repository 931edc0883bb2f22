/** Cards of a diagnosis with one chart each, and the words that several of them use. */
import { element } from "../lib/dom.js"

/** Dimensions that a chart has room for, those with the largest rate first. */
export const MOST = 64

/**
 * A card: title and the button that saves its chart, a sentence that says how to read it, room for a legend, and the chart.
 * @param {string} name
 * @param {string} title
 * @param {string} words
 * @param {(chart: HTMLElement, run: () => string) => HTMLElement} menu Makes what saves the chart.
 */
export function card(name, title, words, menu) {
  const chart = element("div", { class: "chart" })
  const legend = element("p", { class: "ll-note legend" })
  const note = element("p", { class: "ll-note" }, words)
  const saves = menu(chart, () => node.dataset.run ?? "run")
  const node = element(
    "figure", { class: "ll-card", dataset: { chart: name } }, element("div", { class: "top" }, element("h3", { class: "ll-title" }, title), saves), note, legend, chart)
  return { node, chart, legend, note }
}

/**
 * What stands before the parts of a rate: where I(x; z) is near its ceiling, log N, it is known to be at least so large, and
 * the marginal KL, which is what it leaves of the rate, at most.
 * @param {boolean} isNear
 */
export function marks(isNear) {
  return isNear ? { mutual_information: "≥ ", marginal_kl: "≤ " } : { mutual_information: "", marginal_kl: "" }
}

/** The same in a sentence. */
export const AT_CEILING = "I(x; z) is close to its limit, log N: it is at least this large, and the marginal KL at most."

/** Dimensions in the order of the charts: the largest rate first, at most `MOST`. */
export function ordered(found) {
  const rates = found.rate_per_dim
  return rates.map((_, dim) => dim).sort((a, b) => rates[b] - rates[a] || a - b).slice(0, MOST)
}
