/** The few numbers of collapse that a trainer writes down at each evaluation, along training. */
import { count, element, number, say, sayWithHelp } from "../../../../vae/browser/lib/dom.js"
import { AT_CEILING, marks } from "../../../../vae/browser/diagnosis/cards.js"
import { card, describe, draw, key, legendOf } from "./charts.js"

const PANELS = [
  { title: "Active units", unit: "dimensions", lines: [{ name: "active_units", key: "rate", words: "active units" }] },
  {
    title: "KL and its parts", unit: "nats per image",
    lines: [
      { name: "rate", key: "rate", words: "KL" }, { name: "mutual_information", key: "elbo", words: "I(x; z)" },
      { name: "marginal_kl", key: "beta", words: "marginal KL" },
    ],
  },
  { title: "Rise with another image’s z", unit: "nats per image", lines: [{ name: "permuted_rise", key: "distortion", words: "rise of the reconstruction" }] },
]

export function curvesCard() {
  const { node, chart, legend, note } = card("curves", "During training", "")
  const empty = element("p", { class: "ll-message", hidden: true })
  node.append(empty)
  return {
    node,
    /** @param {{data: import("./state").State, history: any, twinHistory: any, time: any, ink: import("./charts.js").Ink}} given */
    draw({ data: { probe }, history, twinHistory, time, ink }) {
      const lines = history?.validation ?? []
      const some = lines.some((line) => line.active_units !== undefined)
      chart.hidden = legend.hidden = !some
      empty.hidden = some
      say(empty, lines.length ? "This run was trained by a version that did not record these metrics." : "The curves begin with the first evaluation.")
      node.dataset.points = String(lines.length)
      const isNear = (line) => line?.mutual_information > probe.near
      const marked = (line, name) => marks(isNear(line))[name] ?? ""
      const last = lines.findLast((line) => line.active_units !== undefined)
      sayWithHelp(
        note, `One point per evaluation.${isNear(last) ? ` ${AT_CEILING}` : ""}`,
        `Where epochs are short, not at each evaluation. KL is that of all validation images; active units, I(x; z), marginal KL and the rise are those of N = ${count(probe.num)} probe images, which can show an I(x; z) of at most log N = ${number(probe.cap)} nats, so the parts do not add up exactly.`,
      )
      node.dataset.near = String(isNear(last))
      if (!some || !ink) return
      // Far below its ceiling I(x; z) would be a line at the bottom of a chart that had to show it.
      const hasCeiling = lines.some(({ rate }) => rate > probe.cap / 2)
      const ceiling = key(ink.colours.text, `limit of I(x; z): log N = ${number(probe.cap)}`, "line")
      legendOf(legend, ...PANELS[1].lines.map((line) => key(ink.palette[line.key], line.words, "line")), ...(hasCeiling ? [ceiling] : []))
      describe(chart, `At epoch ${number(last.epoch, 0)}: ${PANELS.flatMap((panel) => panel.lines).filter(({ name }) => last[name] !== undefined).map(({ name, words }) => `${words} ${marked(last, name)}${number(last[name])}`).join("; ")}`)
      // Side by side with another run, both are drawn to one scale.
      const both = [...lines, ...(twinHistory?.validation ?? [])]
      const columns = chart.clientWidth < 640 ? 1 : PANELS.length
      const gap = columns > 1 ? 64 / chart.clientWidth : 0
      const width = (1 - gap * (columns - 1)) / columns
      const rows = PANELS.length / columns
      const height = columns > 1 ? 208 : 480
      const gapY = rows > 1 ? 64 / height : 0
      const tall = (1 - gapY * (rows - 1)) / rows
      const layout = { margin: { l: 56, r: 8, t: 24, b: 44 }, annotations: [], shapes: [], hovermode: "x" }
      const traces = PANELS.flatMap((panel, k) => {
        const suffix = k ? String(k + 1) : ""
        const left = columns > 1 ? k * (width + gap) : 0
        const top = columns > 1 ? 1 : 1 - k * (tall + gapY)
        layout[`xaxis${suffix}`] = { domain: [left, left + width], anchor: `y${suffix}`, title: { text: "epochs" }, showgrid: false, rangemode: "tozero", ...span(twinHistory, both, ["epoch"]) }
        layout[`yaxis${suffix}`] = { domain: [Math.max(0, top - tall), top], anchor: `x${suffix}`, title: { text: panel.unit }, rangemode: "tozero", nticks: 5, ...span(twinHistory, both, panel.lines.map(({ name }) => name)) }
        layout.annotations.push({
          text: panel.title, xref: "paper", yref: "paper", x: left, y: top, xanchor: "left", yanchor: "bottom", yshift: 4, showarrow: false,
          font: { size: 12 * ink.scale, color: ink.colours.text },
        })
        if (panel === PANELS[1] && hasCeiling) {
          layout.shapes.push({ type: "line", xref: `x${suffix} domain`, yref: `y${suffix}`, x0: 0, x1: 1, y0: probe.cap, y1: probe.cap, line: { color: ink.colours.text, width: 1.5, dash: "dash" } })
        }
        if (time.shown) {
          layout.shapes.push({ type: "line", xref: `x${suffix}`, yref: `y${suffix} domain`, x0: time.shown.epoch, x1: time.shown.epoch, y0: 0, y1: 1, line: { color: ink.colours.primary, width: 2 } })
        }
        return panel.lines.map((line) => {
          const there = lines.filter((one) => one[line.name] !== undefined)
          return {
            type: "scatter", name: line.words, mode: there.length > 1 ? "lines" : "markers", x: there.map(({ epoch }) => epoch), y: there.map((one) => one[line.name]),
            xaxis: `x${suffix}`, yaxis: `y${suffix}`, line: { color: ink.palette[line.key], width: 1.5 }, marker: { color: ink.palette[line.key], size: 5 },
            customdata: there.map((one) => marked(one, line.name)), hovertemplate: `${line.words} %{customdata}%{y:.2f}<extra></extra>`,
          }
        })
      })
      return draw(chart, traces, layout, ink, height)
    },
  }
}

/** The range that holds some values of all lines, for an axis that two runs share; without another run the axis is its own. */
function span(twin, lines, names) {
  if (!twin) return {}
  const values = lines.flatMap((line) => names.map((name) => line[name])).filter(Number.isFinite)
  const [low, high] = [Math.min(0, ...values), Math.max(1e-3, ...values)]
  const room = names[0] === "epoch" ? 0 : 0.06 * (high - low)
  return { autorange: false, range: [low < 0 ? low - room : 0, high + room] }
}
