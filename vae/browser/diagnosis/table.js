/** Every dimension in numbers: what the charts show, for reading, copying, and for those who do not see charts. */
import { count, counted, dimName, element, number, sayWithHelp } from "../lib/dom.js"
import { AT_CEILING, marks } from "./cards.js"

const COLUMNS = ["dimension", "KL, nats", "posterior σ", "variance of the mean", "σ of all z", "active", "rise without it, nats"]

/**
 * Every dimension in numbers, for a file.
 * @param {Record<string, any> | null} found
 * @param {number} threshold
 */
export function dimensionTable(found, threshold) {
  if (!found) throw new Error("There are no numbers yet to save; wait until they are measured.")
  return {
    columns: [
      "dimension", "KL (nats per image)", "posterior σ", "variance of the posterior mean", "σ of the aggregate posterior", "active",
      "rise without it (nats per image)", "± standard error (nats per image)",
    ],
    rows: found.rate_per_dim.map((/** @type {number} */ rate, /** @type {number} */ dim) => {
      const rise = found.usage?.per_dim[dim]
      return [
        `z${dim + 1}`, rate, found.sigma_per_dim[dim], found.active_variance[dim], found.spread_per_dim[dim], found.active_variance[dim] > threshold ? "yes" : "no",
        rise?.nats, rise?.standard_error,
      ]
    }),
  }
}

export function tableCard() {
  const body = element("tbody", {})
  const caption = element("caption", { class: "ll-note" })
  const table = element("table", {}, caption, element("thead", {}, element("tr", {}, ...COLUMNS.map((words) => element("th", { scope: "col" }, words)))), body)
  const room = element("div", { class: "room", tabindex: 0, role: "region", "aria-label": "Every dimension in numbers" }, table)
  const details = element("details", { dataset: { control: "table" } }, element("summary", { class: "ll-title" }, "Every dimension in numbers"), room)
  const node = element("section", { class: "ll-card", dataset: { chart: "table" } }, details)
  let state = null
  let drawn = null
  details.addEventListener("toggle", () => state && draw(state))

  function draw(now) {
    state = now
    const { found, threshold } = now.findings
    if (!details.open || !found || (drawn?.found === found && drawn.threshold === threshold)) return
    drawn = { found, threshold }
    sayWithHelp(
      caption, together(found.information),
      `Over ${counted(found.num_images, "image")}. σ of all z: of the aggregate posterior (the prior's is 1). Rise: of the reconstruction, with this dimension from another image.`,
    )
    const dims = found.rate_per_dim.map((_, dim) => dim).sort((a, b) => found.rate_per_dim[b] - found.rate_per_dim[a] || a - b)
    body.replaceChildren(...dims.map((dim) => {
      const rise = found.usage?.per_dim[dim]
      const variance = found.active_variance[dim]
      const values = [
        number(found.rate_per_dim[dim], 3), number(found.sigma_per_dim[dim], 3), Number(variance.toPrecision(3)).toString().replace("-", "−"), number(found.spread_per_dim[dim], 3),
        variance > threshold ? "yes" : "no", rise ? `${number(rise.nats)} ± ${number(rise.standard_error)}` : "–",
      ]
      return element("tr", {}, element("th", { scope: "row" }, dimName(dim)), ...values.map((value) => element("td", {}, value)))
    }))
  }

  return { node, draw }
}

/** The rate of all dimensions and its parts, which no dimension has for itself. */
function together({ rate, mutual_information: told, marginal_kl: apart, saturated, num_examples: num, cap }) {
  const mark = marks(saturated)
  const parts = `KL ${number(rate)}, of which I(x; z) ${mark.mutual_information}${number(told)} and marginal KL ${mark.marginal_kl}${number(apart)} nats`
  return `All together: ${parts} (N = ${count(num)}, log N = ${number(cap)}).${saturated ? ` ${AT_CEILING}` : ""}`
}
