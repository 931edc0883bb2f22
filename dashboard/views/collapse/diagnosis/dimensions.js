/** Charts with one bar for each dimension: its rate, and what the decoder loses without it; and how active units are counted. */
import { dimName, element, number, say, sayWithHelp } from "../../../../vae/browser/lib/dom.js"
import { mix } from "../../../../vae/browser/lib/theme.js"
import { ordered } from "../../../../vae/browser/diagnosis/cards.js"
import { card, describe, draw, key, legendOf, names, some, unmeasured } from "./charts.js"
import { dimensionTable } from "../../../../vae/browser/diagnosis/table.js"
import { activeOf } from "../../../../vae/browser/diagnosis/verdict.js"

/** Smaller variances stand at the left end of the histogram. */
const FLOOR = -8
const BIN = 0.25
/** So many dimensions are told to somebody who does not see the chart; the table has all. */
const SPOKEN = 8

/** Rate of each dimension, and below it how sharp its posteriors are. */
export function ratesCard() {
  let saved = { found: null, threshold: 0 }
  const { node, chart, legend, note } = card("rates", "KL of each dimension, and its σ", "", () => dimensionTable(saved.found, saved.threshold))
  return {
    node,
    draw({ findings: { found, failure, threshold }, twin, ink }) {
      saved = { found, threshold }
      if (!found) say(note, unmeasured(failure))
      if (!found || !ink) return
      const dims = ordered(found)
      const colours = dims.map((dim) => (found.active_variance[dim] > threshold ? ink.palette.rate : pale(ink)))
      const num = found.active_variance.filter((variance) => variance > threshold).length
      node.dataset.active = String(num)
      say(note, `${activeOf(num, found.latent_dim)}. Total KL ${number(found.rate)} nats per image.`)
      legendOf(
        legend, key(ink.palette.rate, `active: variance above ${short(threshold)}`), key(pale(ink), "not active"),
        key(ink.colours.text, "σ of the prior: 1", "line"),
      )
      const customdata = dims.map((dim) => [dimName(dim), found.rate_per_dim[dim], found.sigma_per_dim[dim], found.active_variance[dim]])
      const hovertemplate = "%{customdata[0]}: %{customdata[1]:.3f} nats<br>posterior σ %{customdata[2]:.3f}<br>variance of the mean %{customdata[3]:.3~g}<extra></extra>"
      const places = dims.map((_, k) => k)
      const rates = { type: "bar", width: thickness(dims.length), x: places, y: dims.map((dim) => found.rate_per_dim[dim]), marker: { color: colours }, customdata, hovertemplate }
      const sigmas = {
        type: "scatter", mode: "markers", x: places, y: dims.map((dim) => found.sigma_per_dim[dim]), yaxis: "y2", customdata, hovertemplate, cliponaxis: false,
        marker: { color: colours, size: dims.length > 24 ? 5 : 8 },
      }
      // Side by side with another run, both are drawn to one scale.
      const top = Math.max(...rates.y, ...(twin?.found?.rate_per_dim ?? []), 0.05)
      const most = Math.max(...sigmas.y, ...(twin?.found?.sigma_per_dim ?? []), 1)
      describe(chart, `KL in nats and posterior σ: ${dims.slice(0, SPOKEN).map((dim) => `${dimName(dim)} ${number(found.rate_per_dim[dim])}, σ ${number(found.sigma_per_dim[dim])}`).join("; ")}`)
      return draw(chart, [rates, sigmas], {
        margin: { l: 56, r: 8, t: 8, b: 48 },
        xaxis: { ...names(dims.map(dimName), some(found)), anchor: "y2" },
        yaxis: { domain: [0.42, 1], range: [0, 1.06 * top], title: { text: "nats per image" }, nticks: 5 },
        yaxis2: { domain: [0, 0.32], range: [0, 1.15 * most], title: { text: "σ" }, nticks: 3 },
        shapes: [{ type: "line", xref: "paper", yref: "y2", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: ink.colours.text, width: 1, dash: "dash" } }],
      }, ink, 288)
    },
  }
}

/** What the decoder loses where a part of its input comes from another image. */
export function usageCard() {
  let saved = []
  const { node, chart, legend, note } = card("usage", "Does the decoder use z?", "", () => ({
    columns: ["from another image", "rise (nats per image)", "± standard error (nats per image)", "number of images"],
    rows: saved.map(({ words, rise }) => [words, rise.nats, rise.standard_error, rise.num_images]),
  }))
  return {
    node,
    draw({ findings: { found, failure }, ink }) {
      if (!found) say(note, unmeasured(failure))
      if (!found || !ink) return
      const { usage } = found
      chart.hidden = legend.hidden = !usage
      if (!usage) return say(note, "Images not available. Whether the decoder uses z can only be measured with the images.")
      const response = `Decoded images differ by ${number(usage.response)} nats between z sampled from the prior`
      sayWithHelp(
        note, "Rise of the reconstruction when that part of z comes from another image; about 0 where the decoder does not use it.",
        `${response}${usage.response < 0.5 ? ": it ignores z." : "."}`,
      )
      const dims = ordered(found)
      const bars = [
        { name: "all z", words: "all of z", rise: usage.all, colour: ink.palette.distortion },
        ...(usage.condition?.num_images ? [{ name: "class", words: "the condition", rise: usage.condition, colour: ink.palette.elbo }] : []),
        ...dims.map((dim) => ({ name: dimName(dim), words: dimName(dim), rise: usage.per_dim[dim], colour: mix(ink.colours.background, ink.palette.distortion, 0.55) })),
      ]
      legendOf(
        legend, key(ink.palette.distortion, "all of z"), ...(usage.condition?.num_images ? [key(ink.palette.elbo, "the condition alone")] : []),
        key(mix(ink.colours.background, ink.palette.distortion, 0.55), "one dimension"),
      )
      saved = bars
      node.dataset.all = String(usage.all.nats)
      node.dataset.condition = String(usage.condition?.nats ?? "")
      const trace = {
        type: "bar", width: thickness(bars.length), x: bars.map((_, k) => k), y: bars.map(({ rise }) => rise.nats), marker: { color: bars.map(({ colour }) => colour) },
        error_y: { type: "data", array: bars.map(({ rise }) => rise.standard_error), thickness: 1, width: 2, color: ink.colours.muted },
        customdata: bars.map(({ words, rise }) => [words, rise.standard_error, rise.num_images]),
        hovertemplate: "%{customdata[0]} from another image: %{y:.2f} ± %{customdata[1]:.2f} nats<br>over %{customdata[2]} images<extra></extra>",
      }
      const ends = bars.flatMap(({ rise }) => [rise.nats - rise.standard_error, rise.nats + rise.standard_error])
      const [low, high] = [Math.min(0, ...ends), Math.max(...ends, 0.5)]
      describe(chart, `Rise in nats: ${bars.slice(0, SPOKEN).map(({ words, rise }) => `${words} ${number(rise.nats)}`).join("; ")}`)
      return draw(chart, [trace], {
        margin: { l: 56, r: 8, t: 8, b: 48 },
        xaxis: names(bars.map(({ name }) => name), "what comes from another image"),
        yaxis: { range: [1.1 * low, 1.06 * high], zeroline: true, title: { text: "rise, nats per image" }, nticks: 5 },
      }, ink)
    },
  }
}

/**
 * The variances of the posterior means as a histogram, and the threshold to move in it.
 * @param {{moved: (threshold: number) => void, released: (threshold: number) => void}} told
 */
export function varianceCard({ moved, released }) {
  let saved = { found: null, threshold: 0 }
  const { node, chart, legend } = card(
    "variance", "Which dimensions count as active?", "The variance of each dimension's posterior mean over the images. For a dimension that is not active it is near 0.",
    () => dimensionTable(saved.found, saved.threshold),
  )
  const range = element("input", {
    class: "ll-range", type: "range", step: 0.1, "aria-label": "Threshold of activity, a variance on a logarithmic scale",
    oninput: () => moved(value()), onchange: () => released(value()),
  })
  const words = element("output", {})
  const usual = element("button", { class: "ll-button", type: "button", onclick: () => { moved(0.01); released(0.01) } }, "0.01")
  usual.title = "The usual threshold (Burda, Grosse & Salakhutdinov, 2016)"
  node.append(element("label", { class: "threshold", dataset: { control: "threshold" } }, element("span", {}, "Threshold"), element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), range), words, usual))
  const value = () => Number((10 ** range.valueAsNumber).toPrecision(3))
  return {
    node,
    draw({ findings: { found, threshold }, bounds, ink }) {
      saved = { found, threshold }
      range.min = String(Math.log10(bounds[0]))
      range.max = String(Math.log10(bounds[1]))
      if (Math.abs(value() - threshold) > 1e-9) range.value = String(Math.log10(threshold))
      say(words, short(threshold))
      if (!found || !ink) return
      const logs = found.active_variance.map((variance) => Math.max(FLOOR, Math.log10(Math.max(variance, 1e-30))))
      const line = Math.log10(threshold)
      const num = logs.filter((log) => log > line).length
      node.dataset.active = String(num)
      legendOf(legend, key(ink.palette.rate, `active: ${num}`), key(pale(ink), `not active: ${logs.length - num}`), key(ink.colours.text, "threshold", "line"))
      const [low, high] = [Math.floor(Math.min(...logs, line - 0.5)), Math.ceil(Math.max(...logs, line + 0.5, 0.5))]
      const bins = { start: low - BIN, end: high + BIN, size: BIN }
      const bars = (values, colour, words) => ({ type: "histogram", x: values, xbins: bins, autobinx: false, marker: { color: colour }, hovertemplate: `%{y} ${words}<extra></extra>` })
      describe(chart, `Variances of the posterior means: ${num} above the threshold of ${short(threshold)}, ${logs.length - num} below`)
      const ticks = Array.from({ length: high - low + 1 }, (_, k) => low + k)
      return draw(chart, [bars(logs.filter((log) => log <= line), pale(ink), "not active"), bars(logs.filter((log) => log > line), ink.palette.rate, "active")], {
        margin: { l: 56, r: 8, t: 8, b: 48 }, barmode: "stack", bargap: 0.05,
        xaxis: { range: [low - BIN, high], tickvals: ticks, ticktext: ticks.map((power) => (power === FLOOR ? "≤ " : "") + decade(power)), title: { text: "variance of the posterior mean over the images (prior: 1)" }, showgrid: false },
        yaxis: { title: { text: "dimensions" }, rangemode: "tozero", tickformat: "d", nticks: 4 },
        shapes: [{ type: "line", xref: "x", yref: "paper", x0: line, x1: line, y0: 0, y1: 1, line: { color: ink.colours.text, width: 1.5, dash: "dash" } }],
      }, ink, 180)
    },
  }
}

/** Of a bar, as a share of its place: few bars are no blocks. */
function thickness(num) {
  return num < 4 ? 0.3 : num < 12 ? 0.5 : 0.8
}

/** The colour of what is not active. */
function pale(ink) {
  return mix(ink.colours.background, ink.colours.text, 0.28)
}

function decade(power) {
  return power >= -3 && power <= 3 ? String(Number((10 ** power).toPrecision(1))) : `10<sup>${String(power).replace("-", "−")}</sup>`
}

function short(value) {
  return String(Number(value.toPrecision(3)))
}

