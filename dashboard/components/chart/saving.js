/** Saves a chart of plotly.js: its picture in the page's colours, and what it shows as a table with units. */
import { headerOf, ofSvg, PLAIN, saveMenu } from "../../../vae/browser/lib/saving.js"
import { theme } from "../../../vae/browser/lib/theme.js"

/**
 * The button that saves a chart.
 * @param {HTMLElement} node What plotly draws in.
 * @param {() => string} name What the file is called, without its ending.
 * @param {() => import("../../../vae/browser/lib/saving.js").Table} [table] Its numbers, where the traces do not tell them well.
 * @param {string} [of] What is saved, for those who hear the page.
 */
export function plotlyMenu(node, name, table = () => tableOf(/** @type {any} */ (node)), of = undefined) {
  return saveMenu(() => ({ name: name(), picture: () => pictureOf(node), table }), of)
}

/** @param {HTMLElement} node */
function pictureOf(node) {
  const drawn = /** @type {any} */ (node)
  if (!drawn.layout) throw new Error("There is no chart yet to save; wait until it is drawn.")
  const { width, height } = drawn.layout
  const svg = async () => {
    const text = await window.Plotly.toImage(node, { format: "svg", width, height, imageDataOnly: true })
    return text.startsWith("<") ? text : decodeURIComponent(text.slice(text.indexOf(",") + 1))
  }
  return ofSvg({ width, height, background: theme(node).background, svg })
}

/**
 * What traces show, a row for each point: series, horizontal and vertical value, and standard error where there is one. Axes that have other
 * titles, which name the unit, get columns of their own; of panels above each other, the lowest has the title.
 * @param {{data?: Record<string, any>[], layout?: Record<string, any>}} drawn
 * @param {string[]} [headers] Of the horizontal and vertical axis and of a depth, where the titles do not name the unit.
 * @returns {import("../../../vae/browser/lib/saving.js").Table}
 */
export function tableOf({ data, layout }, headers = []) {
  if (!data || !layout) throw new Error("There is no chart yet to save; wait until it is drawn.")
  const title = (/** @type {string} */ axis) => plain(layout[axis === "x" || axis === "y" ? `${axis}axis` : `${axis[0]}axis${axis.slice(1)}`]?.title?.text ?? "")
  const shown = data.filter((trace) => trace.visible !== false && trace.visible !== "legendonly")
  const titled = [...new Set(shown.map((trace) => title(trace.xaxis ?? "x")).filter(Boolean))]
  const isText = (/** @type {any} */ values) => typeof Array.from(values ?? [])[0] === "string"
  const traces = shown.map((trace) => ({
    trace,
    x: headers[0] || headerOf(title(trace.xaxis ?? "x") || (titled.length === 1 ? titled[0] : ""), isText(trace.x)),
    y: trace.type === "histogram" ? "" : headers[1] || headerOf(title(trace.yaxis ?? "y"), isText(trace.y)),
  }))
  const across = [...new Set(traces.map(({ x }) => x))]
  const up = [...new Set(traces.map(({ y }) => y))].filter(Boolean)
  const hasDepth = traces.some(({ trace }) => Array.isArray(trace.z))
  const hasError = traces.some(({ trace }) => trace.error_y?.array && trace.error_y.visible !== false)
  const columns = ["series", ...across, ...up, ...(hasDepth ? [headers[2] || PLAIN] : []), ...(hasError ? ["± standard error"] : [])]
  const rows = traces.flatMap(({ trace, x, y }, k) => pointsOf(trace).map((point) => [
    nameOf(trace, k), ...across.map((one) => (one === x ? point.x : null)), ...up.map((one) => (one === y ? point.y : null)),
    ...(hasDepth ? [point.z] : []), ...(hasError ? [point.error] : []),
  ]))
  return { columns, rows }
}

/** @param {Record<string, any>} trace */
function pointsOf(trace) {
  const list = (/** @type {any} */ values) => Array.from(values ?? [])
  if (Array.isArray(trace.z) && Array.isArray(trace.z[0])) {
    const [x, y] = [list(trace.x), list(trace.y)]
    return trace.z.flatMap((/** @type {number[]} */ row, /** @type {number} */ j) => list(row).map((value, i) => ({ x: x[i] ?? i, y: y[j] ?? j, z: value, error: null })))
  }
  // A bar that does not begin at 0 says its value beside its length.
  const [x, y, error] = [list(trace.x), list(trace.meta?.values ?? trace.y), list(trace.error_y?.array)]
  const num = Math.max(x.length, y.length)
  const named = (/** @type {any} */ value) => (typeof value === "string" ? plain(value) : value)
  return Array.from({ length: num }, (_, k) => ({ x: named(x[k]) ?? k, y: named(y[k]) ?? null, z: null, error: error[k] ?? null }))
}

/** What a trace is: its name, else what is said of it on hover before its first number. @param {Record<string, any>} trace @param {number} place */
function nameOf(trace, place) {
  return plain(trace.name ?? String(trace.hovertemplate ?? "").split("%{")[0]).trim() || `series ${place + 1}`
}

/** A title without the marks of plotly. @param {string} text */
function plain(text) {
  return text.replaceAll("<br>", " ").replace(/<[^>]*>/g, "")
}
