/** The rate taken apart: what z tells of its image, and how far all z together lie from the prior. */
import { count, element, number, say, sayWithHelp } from "../../../../vae/browser/lib/dom.js"
import { mix } from "../../../../vae/browser/lib/theme.js"
import { AT_CEILING, marks } from "../../../../vae/browser/diagnosis/cards.js"
import { card, describe, draw, key, legendOf, unmeasured } from "./charts.js"

/** Keeps a number beside the mark of the ceiling, not on it. */
const CLEAR = "\u2003"

export function informationCard() {
  let saved = []
  const { node, chart, legend, note } = card("information", "Information in z", "", () => ({
    columns: ["term", "bound", "nats per image"], rows: saved.map(({ name, mark, value }) => [name, mark.trim(), value]),
  }))
  const exact = element("p", { class: "ll-note" })
  node.append(exact)
  return {
    node,
    draw({ findings: { found, failure }, ink }) {
      if (!found) say(note, unmeasured(failure))
      if (!found || !ink) return
      const { information } = found
      const mark = marks(information.saturated)
      const over = `Estimated from N = ${count(information.num_examples)} images, which can show at most log N = ${number(information.cap)} nats.`
      node.dataset.saturated = String(information.saturated)
      sayWithHelp(
        note, `KL (rate) = information about the image, I(x; z), + marginal KL, the mismatch of aggregate posterior and prior.${information.saturated ? ` ${AT_CEILING}` : ""}`,
        over,
      )
      const error = 1.96 * information.standard_error
      say(exact, `One z sampled per image; the exact KL is ${number(information.rate_exact)}${error >= 0.01 ? `; sampling error about ${number(error)}` : ""} nats.`)
      const rows = [
        { name: "KL (rate)", mark: "", value: information.rate, colour: ink.palette.rate },
        { name: "I(x; z)", mark: mark.mutual_information, value: information.mutual_information, colour: ink.palette.elbo },
        { name: "Marginal KL", mark: mark.marginal_kl, value: information.marginal_kl, colour: mix(ink.colours.background, ink.palette.rate, 0.5) },
      ]
      saved = rows
      legendOf(legend, key(ink.colours.text, `limit of I(x; z): log N = ${number(information.cap)}`, "line"))
      const high = Math.max(...rows.map(({ value }) => value), information.cap)
      const low = Math.min(0, ...rows.map(({ value }) => value))
      describe(chart, rows.map(({ name, mark: sign, value }) => `${name} ${sign}${number(value)} nats`).join("; "))
      const trace = {
        type: "bar", orientation: "h", y: rows.map(({ name }) => name), x: rows.map(({ value }) => value), marker: { color: rows.map(({ colour }) => colour) },
        text: rows.map(({ value, name, mark: sign }) => (sign && name === "I(x; z)" ? CLEAR : "") + sign + number(value)), textposition: "outside", cliponaxis: false,
        textfont: { color: ink.colours.text, size: 12 * ink.scale }, hovertemplate: "%{y}: %{x:.3f} nats<extra></extra>",
      }
      return draw(chart, [trace], {
        margin: { l: 88 * ink.scale, r: 16, t: 8, b: 48 }, bargap: 0.3,
        xaxis: { range: [low < 0 ? Math.min(1.15 * low, -0.15 * high) : 0, 1.15 * high], title: { text: "nats per image" }, zeroline: true },
        yaxis: { autorange: "reversed", showgrid: false },
        shapes: [{ type: "line", xref: "x", yref: "y", x0: information.cap, x1: information.cap, y0: 0.5, y1: 1.5, line: { color: ink.colours.text, width: 1.5, dash: "dash" } }],
      }, ink, 200)
    },
  }
}
