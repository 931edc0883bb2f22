/** Parts of the pipeline's drawing: the networks, and the loss as two bars. */
import { element, number, say, significant } from "../lib/dom.js"

const SVG = "http://www.w3.org/2000/svg"

/**
 * A network, narrow where the code is.
 * @param {boolean} widens
 */
export function trapezoid(widens) {
  const drawing = document.createElementNS(SVG, "svg")
  drawing.setAttribute("viewBox", "0 0 56 116")
  drawing.setAttribute("aria-hidden", "true")
  const shape = document.createElementNS(SVG, "path")
  shape.setAttribute("d", widens ? "M 4 36 L 52 4 V 112 L 4 80 Z" : "M 4 4 L 52 36 V 80 L 4 112 Z")
  drawing.append(shape)
  return drawing
}

/**
 * The loss: reconstruction + β · KL.
 * @param {(beta: number) => void} weighed Told while β is dragged.
 * @param {() => void} released Told when it is released.
 */
export function costRows(weighed, released) {
  const input = element("input", {
    class: "ll-range", type: "range", min: 0, max: 10, step: 0.1, "aria-label": "β", dataset: { control: "beta" }, oninput: () => weighed(input.valueAsNumber), onchange: released,
  })
  const weight = element("span", {}, "β")
  const beta = element("span", { class: "beta" }, weight, element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), input))
  const row = (/** @type {string} */ kind, /** @type {(Node | string)[]} */ ...name) => {
    const [bar, value] = [element("i"), element("output")]
    return { root: element("div", { class: `cost ${kind}` }, element("span", {}, ...name), element("span", { class: "ll-track" }, bar), value), bar, value }
  }
  const parts = { reconstruction: row("reconstruction", "Reconstruction (distortion)"), rate: row("rate", "β · KL (rate) "), loss: row("loss", "Loss = reconstruction + β · KL") }
  parts.loss.root.children[1].remove()
  const root = element("div", { class: "costs" }, ...Object.values(parts).map((part) => part.root))
  let widest = 0
  return {
    root,
    beta,
    set: (/** @type {number} */ value) => { input.value = String(value) },
    /** @param {{reconstruction: boolean, rate: boolean}} on */
    show(on) {
      parts.reconstruction.root.dataset.off = String(!on.reconstruction)
      parts.rate.root.dataset.off = parts.loss.root.dataset.off = String(!on.rate)
    },
    /** @param {{distortion: number, rate: number, beta: number, palette: Record<string, string>, mode: string}} now */
    draw({ distortion, rate, beta, palette, mode }) {
      const cost = beta * rate
      // Bars grow on one scale, which widens in steps so that they do not shrink while one drags.
      const most = Math.max(distortion, cost, 1)
      if (most > widest || most < widest / 4) widest = 1.5 * most
      for (const [part, value, colour] of /** @type {[any, number, string][]} */ ([[parts.reconstruction, distortion, palette.distortion], [parts.rate, cost, palette.rate]])) {
        part.bar.style.background = colour
        part.bar.style.width = `${Math.max(0, Math.min(100, (100 * value) / widest))}%`
      }
      const isFree = mode === "generation"
      say(parts.reconstruction.value, isFree ? "–" : `${significant(distortion)} nats`)
      say(parts.rate.value, isFree ? "–" : `${significant(cost)} nats`)
      say(parts.loss.value, isFree ? "–" : `${significant(distortion + cost)} nats`)
      say(weight, `β ${number(beta, 1)}`)
    },
  }
}
