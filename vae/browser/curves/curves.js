/**
 * Curves of a training as it goes, of training and validation images over the steps: the light ones, for a cell of a notebook, which the
 * kernel hands over. Those of the Train page are drawn by plotly.js (4.8 MB), with zoom, cursor and the marks of what happened.
 */
import { PANELS as ALL } from "../lib/curve_panels.js"
import { count, element, number, say } from "../lib/dom.js"
import { mountable } from "../lib/mount.js"
import { theme } from "../lib/theme.js"

/** β is told in words. */
const PANELS = ALL.filter(({ name }) => name !== "beta")
/** Units of the drawing, which is stretched to its place. */
const [WIDTH, HEIGHT] = [1000, 100]
const SVG = "http://www.w3.org/2000/svg"

/**
 * Where a curve lies: the lowest and highest value of what is drawn. The first steps are far above all others: of many lines, the
 * highest twentieth does not count.
 * @param {number[]} values
 * @returns {[number, number]}
 */
export function rangeOf(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (!sorted.length) return [0, 1]
  const low = sorted[0]
  const high = sorted.length < 40 ? sorted[sorted.length - 1] : sorted[Math.floor(0.95 * (sorted.length - 1))]
  return high > low ? [low, high] : [low - 0.5, low + 0.5]
}

/**
 * Points of a polyline, as SVG has them.
 * @param {import("../lib/history.js").Line[]} lines
 * @param {(line: import("../lib/history.js").Line) => number} of
 * @param {number} last The last step.
 * @param {[number, number]} range
 */
export function pointsOf(lines, of, last, [low, high]) {
  return lines.filter((line) => Number.isFinite(of(line))).map((line) => {
    const up = Math.min(1, Math.max(0, (of(line) - low) / (high - low)))
    return `${((WIDTH * line.step) / Math.max(1, last)).toFixed(1)},${(HEIGHT * (1 - up)).toFixed(1)}`
  }).join(" ")
}

/** @param {string} tag @param {Record<string, any>} attributes @param {...Node} children */
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...children)
  return made
}

export const mount = mountable(import.meta.url, (root) => {
  const head = element("p", { class: "ll-note", role: "status" })
  const charts = PANELS.map(({ name, title, of }) => {
    const [train, validation] = [svg("polyline", { class: "train" }), svg("polyline", { class: "validation" })]
    const drawing = svg(
      "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title },
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }), validation, train,
    )
    const [now, high, low, end] = ["span", "span", "span", "span"].map(() => element("span"))
    const node = element(
      "div", { class: "chart", dataset: { curve: name } },
      element("div", { class: "name" }, title), element("div", { class: "ll-note" }, now),
      element("div", { class: "ends" }, high), drawing, element("div", { class: "ends" }, low, end),
    )
    return { name, of, train, validation, now, high, low, end, drawing, node }
  })
  root.replaceChildren(element("div", { class: "ll-card" }, head, element("div", { class: "charts" }, ...charts.map(({ node }) => node))))

  let run = ""
  let source = null
  /** @type {Record<string, Record<string, string>>} Colour of each curve, for either theme. */
  let palette = {}
  let stop = () => {}
  let history = null
  let status = null
  let frame = 0

  function soon() {
    frame ||= requestAnimationFrame(() => {
      frame = 0
      draw()
    })
  }

  function draw() {
    const { train, validation } = history ?? { train: [], validation: [] }
    const last = Math.max(train.at(-1)?.step ?? 0, validation.at(-1)?.step ?? 0)
    const { name: shade } = theme(root)
    say(head, words(status, last, train.at(-1)?.beta))
    Object.assign(root.dataset, { lines: String(train.length), step: String(last) })
    for (const { name, of, train: line, validation: dashed, now, high, low, end, node } of charts) {
      node.style.setProperty("--curve", palette[shade][name])
      const range = rangeOf([...train, ...validation].map(of))
      line.setAttribute("points", pointsOf(train, of, last, range))
      dashed.setAttribute("points", pointsOf(validation, of, last, range))
      const told = [["training", train.at(-1)], ["validation", validation.at(-1)]].filter(([, found]) => found)
      say(now, told.map(([part, found]) => `${part} ${number(of(found))}`).join(" · "))
      say(high, last ? `${number(range[1])} nats` : "")
      say(low, last ? number(range[0]) : "")
      say(end, last ? `step ${count(last)}` : "")
    }
  }

  return {
    update(given) {
      palette = given.state.palette
      if (given.state.run !== run || given.source !== source) {
        stop()
        run = given.state.run
        source = given.source
        stop = source.listen(run, {
          change: (now) => { history = now; soon() },
          status: (now) => { status = now; soon() },
        })
      }
      soon()
    },
    unmount() {
      stop()
      cancelAnimationFrame(frame)
    },
  }
})

/**
 * What the training does, in words.
 * @param {import("../lib/history.js").Line | null} status
 * @param {number} last The newest step of the curves.
 * @param {number} [beta] The weight of the KL at that step.
 */
export function words(status, last, beta) {
  if (!status && !last) return "No training yet: the curves begin with its first steps."
  const where = last ? `Step ${count(last)}${status?.num_steps ? ` of ${count(status.num_steps)}` : ""}. ` : ""
  return `${where}Solid: training images, dashed: validation images, nats per example.${beta === undefined ? "" : ` β = ${Number(beta.toPrecision(4))}.`}${status ? ` The run is ${status.state}.` : ""}`
}
