/** Curves of a training as it goes: −ELBO, distortion and rate of training and validation images, over the steps. */
import { count, element, number, say } from "../lib/dom.js"
import { mountable } from "../lib/mount.js"
import { theme } from "../lib/theme.js"

/** As `vae.browser.palette.CURVES`. */
const COLOURS = {
  light: { elbo: "#007156", distortion: "#0072b2", rate: "#b84c00" },
  dark: { elbo: "#2cc295", distortion: "#56b4e9", rate: "#e69f00" },
}
const TITLES = { elbo: "−ELBO", distortion: "Distortion", rate: "KL (rate)" }
/** Units of the drawing, which is stretched to its place. */
const [WIDTH, HEIGHT] = [1000, 100]
const SVG = "http://www.w3.org/2000/svg"

/**
 * Of a line of metrics: what is drawn.
 * @param {string} name
 * @returns {(line: import("../lib/history.js").Line) => number}
 */
export const curveOf = (name) => (name === "elbo" ? (line) => -line.elbo : (line) => line[name])

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
  const charts = Object.entries(TITLES).map(([name, title]) => {
    const [train, validation] = [svg("polyline", { class: "train" }), svg("polyline", { class: "validation" })]
    const drawing = svg(
      "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title },
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }), validation, train,
    )
    const [now, high, low, end] = ["span", "span", "span", "span"].map(() => element("span"))
    const node = element(
      "div", { class: "chart", dataset: { curve: name } },
      element("div", { class: "ll-row" }, element("span", { class: "name" }, title), now),
      element("div", { class: "ends" }, high), drawing, element("div", { class: "ends" }, low, end),
    )
    return { name, of: curveOf(name), train, validation, now, high, low, end, drawing, node }
  })
  root.replaceChildren(element("div", { class: "ll-card" }, head, element("div", { class: "charts" }, ...charts.map(({ node }) => node))))

  let run = ""
  let source = null
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
    say(head, words(status, last))
    Object.assign(root.dataset, { lines: String(train.length), step: String(last) })
    for (const { name, of, train: line, validation: dashed, now, high, low, end, node } of charts) {
      node.style.setProperty("--curve", COLOURS[shade][name])
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
 */
export function words(status, last) {
  if (!status && !last) return "No training yet: the curves begin with its first steps."
  const where = last ? `Step ${count(last)}${status?.num_steps ? ` of ${count(status.num_steps)}` : ""}. ` : ""
  return `${where}Solid: training images, dashed: validation images, nats per example.${status ? ` The run is ${status.state}.` : ""}`
}
