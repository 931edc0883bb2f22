/** What a point's colour says: its label, or a number of it on a scale. */
import { dimName } from "../lib/dom.js"
import { pixel } from "../lib/scatter.js"
import { channels, mix } from "../lib/theme.js"

/** Steps of a scale, and the code of a point without a label. */
const STEPS = 240
const NONE = 254
/** Share of the images that a scale leaves out at each end, so that a few extremes do not squeeze all others. */
const TAIL = 0.01

/**
 * @typedef {{value: string, title: string, words: string, unit: string, column?: string, kind: string}} Colouring `column` is
 *   the name of one of the data's own columns; `kind` says whose classes the legend has: `label`, or such a value.
 */

/**
 * What points may be coloured by.
 * @param {number} dims Latent dimensions.
 * @param {{name: string, num_classes: number}[]} columns Of the data; a column without classes has numbers.
 * @returns {Colouring[]}
 */
export function colourings(dims, columns) {
  const own = columns.map(({ name, num_classes: num }) => ({
    value: `column:${name}`, title: name, words: name, unit: "", column: name, kind: num ? `column:${name}` : "label",
  }))
  const found = [
    { value: "label", title: "Class", words: "", unit: "" }, ...own,
    { value: "distortion", title: "Reconstruction (distortion)", words: "Reconstruction at the posterior mean, −log p(x|z = μ)", unit: "nats" },
    { value: "rate", title: "KL (rate)", words: "KL(q(z|x) ‖ p(z))", unit: "nats" },
    { value: "sigma", title: "σ of the posterior", words: "σ of the posterior, mean over the dimensions", unit: "" },
    ...Array.from({ length: dims }, (_, d) => ({
      value: `sigma-${d + 1}`, title: `σ of ${dimName(d)}`, words: `σ of the posterior in ${dimName(d)}`, unit: "",
    })),
  ]
  return found.map((colouring) => ({ kind: "label", ...colouring }))
}

/**
 * The order of names, for those that a link lists.
 * @param {string} one
 * @param {string} other
 */
export function byName(one, other) {
  return one < other ? -1 : one > other ? 1 : 0
}

/** The colour of a label as CSS has it. */
export function colourOf(label, palette) {
  return palette[Math.max(0, label) % palette.length]
}

/** Codes and palette by label: `{codes, palette}`, codes in the order of the rows. */
export function byLabel(labels, palette, colours) {
  const codes = new Uint8Array(labels.length)
  const most = Math.min(palette.length, NONE)
  for (let k = 0; k < labels.length; k += 1) codes[k] = labels[k] < 0 ? NONE : labels[k] % most
  const table = new Uint32Array(256)
  for (let code = 0; code < most; code += 1) table[code] = pixel(channels(palette[code]))
  table[NONE] = pixel(channels(palette[0]))
  return { codes, palette: withBack(table, colours) }
}

/**
 * Codes and palette by a number of each row, on a scale between the 1st and the 99th percentile.
 * @param {Float32Array} values
 * @param {string[]} anchors Colours of the scale, the smallest value's first.
 */
export function byValue(values, anchors, colours) {
  const [low, high] = bounds(values)
  const codes = new Uint8Array(values.length)
  const factor = (STEPS - 1) / (high - low || 1)
  for (let k = 0; k < values.length; k += 1) {
    // An image of which nothing is known stands back.
    codes[k] = Number.isNaN(values[k]) ? 255 : Math.min(STEPS - 1, Math.max(0, (values[k] - low) * factor))
  }
  const table = new Uint32Array(256)
  const stops = anchors.map((colour) => channels(colour))
  for (let code = 0; code < STEPS; code += 1) {
    const along = (code / (STEPS - 1)) * (stops.length - 1)
    const at = Math.min(stops.length - 2, Math.floor(along))
    table[code] = pixel(stops[at].map((value, c) => Math.round(value + (stops[at + 1][c] - value) * (along - at))))
  }
  return { codes, palette: withBack(table, colours), low, high }
}

function bounds(values) {
  // A few thousand of them tell the percentiles well enough for a scale's ends.
  const every = Math.max(1, Math.floor(values.length / 20_000))
  const some = values.filter((value, k) => k % every === 0 && Number.isFinite(value)).sort()
  if (!some.length) return [0, 1]
  const last = some.length - 1
  return [some[Math.round(TAIL * last)], some[Math.round((1 - TAIL) * last)]]
}

function withBack(table, colours) {
  table[255] = pixel(channels(mix(colours.background, colours.text, 0.3)))
  return table
}
