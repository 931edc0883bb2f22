/** The true posterior and q(z|x) in one chart: contours of 1, 2 and 3 σ in two dimensions, densities in one. */
import { adoptStyle, axis, CONFIG, look, plotly } from "../../../components/chart/plotly.js"
import { mix, theme } from "../../../../vae/browser/lib/theme.js"

/** Points of an ellipse, and the σ that are drawn. */
const [POINTS, SIGMAS] = [96, [1, 2, 3]]

/**
 * @param {HTMLElement} node
 * @param {Record<string, any>} found The server's answer.
 * @param {Record<string, Record<string, string>>} palette
 * @param {number} side Of the square, CSS pixels.
 */
export async function plot(node, found, palette, side) {
  const Plotly = await plotly()
  const colours = theme(node)
  const [truth, encoder] = [palette[colours.name].distortion, palette[colours.name].rate]
  const flat = found.q_mean.length === 1
  const span = flat ? null : around(found)
  const traces = flat ? curves(found, truth, encoder) : contours(found, truth, encoder, colours)
  // Between lines of the contours, those of a grid would only be in the way.
  const shared = { ...axis(colours), ...(flat ? {} : { showgrid: false, zeroline: false }) }
  const scale = Number.parseFloat(getComputedStyle(node).getPropertyValue("--ll-scale")) || 1
  shared.tickfont = { size: 11 * scale }
  const layout = {
    ...look(colours), height: side, width: side, margin: { l: 52 * scale, r: 8, t: 8, b: 44 * scale }, hovermode: "closest", dragmode: "zoom",
    uirevision: JSON.stringify([flat, span]),
    xaxis: { ...shared, ...(span ? { range: span[0] } : {}), title: { text: "z₁", font: { size: 12 * scale } } },
    yaxis: { ...shared, ...(span ? { range: span[1] } : {}), title: { text: flat ? "density" : "z₂", font: { size: 12 * scale } }, ...(flat ? { rangemode: "tozero" } : { scaleanchor: "x" }) },
  }
  await Plotly.react(node, traces, layout, { ...CONFIG, displayModeBar: false })
  adoptStyle(node)
}

/** The square around both densities' lines at 3 σ, with some air. */
function around(found) {
  const { depth, axis0, axis1, q_mean: mean, q_log_var: logVar } = found
  const [num0, num1] = depth.shape
  const ends = mean.map((/** @type {number} */ value, /** @type {number} */ d) => {
    const reach = 3 * Math.exp(logVar[d] / 2)
    return [value - reach, value + reach]
  })
  for (let i = 0; i < num0; i += 1) {
    for (let j = 0; j < num1; j += 1) {
      if (!(depth.data[i * num1 + j] <= 3)) continue
      for (const [d, at] of [[0, axis0.data[i]], [1, axis1.data[j]]]) ends[d] = [Math.min(ends[d][0], at), Math.max(ends[d][1], at)]
    }
  }
  const side = 1.12 * Math.max(...ends.map(([low, high]) => high - low))
  return ends.map(([low, high]) => [(low + high - side) / 2, (low + high + side) / 2])
}

/** What the plot shows of each axis: lowest and highest value. */
export function spanOf(node, found) {
  const { xaxis, yaxis } = node.layout ?? {}
  return [xaxis?.range ?? [0, 1], found.q_mean.length === 1 ? [-1, 1] : (yaxis?.range ?? [0, 1])]
}

/** Both densities on the grid, for a file. */
export function tableOf(found) {
  if (!found) throw new Error("There is no chart yet to save; wait until it is drawn.")
  const { density, q_mean: mean, q_log_var: logVar } = found
  const sigma = logVar.map((/** @type {number} */ value) => Math.exp(value / 2))
  const axes = [found.axis0, found.axis1].slice(0, mean.length).map((axis) => Array.from(axis.data))
  const rows = []
  const num = mean.length > 1 ? axes[1].length : 1
  for (let k = 0; k < density.data.length; k += 1) {
    const place = mean.length > 1 ? [axes[0][Math.floor(k / num)], axes[1][k % num]] : [axes[0][k]]
    const q = place.reduce((product, value, d) => product * Math.exp(-(((value - mean[d]) / sigma[d]) ** 2) / 2) / (sigma[d] * Math.sqrt(2 * Math.PI)), 1)
    rows.push([...place, density.data[k], q])
  }
  const unit = mean.length > 1 ? "per unit of z₁ and z₂" : "per unit of z₁"
  return { columns: [...mean.map((_, d) => `z${d + 1} (σ of the prior = 1)`), `p(z|x) (${unit})`, `q(z|x) (${unit})`], rows }
}

function contours(found, truth, encoder, colours) {
  const { depth, axis0, axis1 } = found
  const [num0, num1] = depth.shape
  // The grid has the first axis first; Plotly wants rows of the vertical axis.
  const z = Array.from({ length: num1 }, (_, j) => Array.from({ length: num0 }, (_, i) => depth.data[i * num1 + j]))
  const [x, y] = [Array.from(axis0.data), Array.from(axis1.data)]
  // The regions within a line, the widest first, so that each is painted over what it lies in. Plotly fills where its
  // constraint does not hold.
  const shades = { 1: 0.5, 2: 0.34, 3: 0.18 }
  /** @type {object[]} */
  const traces = SIGMAS.toReversed().map((times) => ({
    type: "contour", x, y, z, showscale: false, showlegend: false, hoverinfo: "skip", autocontour: false, line: { color: truth, width: 1.6 },
    contours: { type: "constraint", operation: ">", value: times }, fillcolor: mix(colours.background, truth, shades[times]),
  }))
  const [mean, sigma] = [found.q_mean, found.q_log_var.map((value) => Math.exp(value / 2))]
  for (const times of SIGMAS) {
    const turn = Array.from({ length: POINTS + 1 }, (_, k) => (2 * Math.PI * k) / POINTS)
    traces.push({
      type: "scatter", mode: "lines", hoverinfo: "skip", line: { color: encoder, width: times === 1 ? 2.4 : 1.6, dash: times === 1 ? "solid" : "dash" },
      x: turn.map((angle) => mean[0] + times * sigma[0] * Math.cos(angle)), y: turn.map((angle) => mean[1] + times * sigma[1] * Math.sin(angle)),
    })
  }
  traces.push(dot(found.mean, truth, "Mean of the true posterior", "x"), dot(mean, encoder, "Mean of q(z|x)", "circle"))
  return traces
}

function dot(place, color, name, symbol) {
  return {
    type: "scatter", mode: "markers", x: [place[0]], y: [place[1]], marker: { color, size: 9, symbol, line: { width: 0 } },
    hovertemplate: `${name}<br>(%{x:.3f}, %{y:.3f})<extra></extra>`,
  }
}

function curves(found, truth, encoder) {
  const x = Array.from(found.axis0.data)
  const [mean, sigma] = [found.q_mean[0], Math.exp(found.q_log_var[0] / 2)]
  const q = x.map((value) => Math.exp(-(((value - mean) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI)))
  return [
    { type: "scatter", mode: "lines", x, y: Array.from(found.density.data), fill: "tozeroy", line: { color: truth, width: 2 }, hovertemplate: "p(z|x) at %{x:.3f}: %{y:.4g}<extra></extra>" },
    { type: "scatter", mode: "lines", x, y: q, line: { color: encoder, width: 2, dash: "dash" }, hovertemplate: "q(z|x) at %{x:.3f}: %{y:.4g}<extra></extra>" },
  ]
}
