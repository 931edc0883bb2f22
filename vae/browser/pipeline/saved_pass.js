/** One pass through the model as a picture and as a table: x, the encoder's numbers, z, x̂, and both terms of the loss. */
import { dimName, number, significant } from "../lib/dom.js"
import { drawn } from "../lib/saving.js"

/** CSS pixels: an image's side, a row of numbers, a network's width, and air. */
const [SIDE, ROW, NETWORK, AIR] = [140, 22, 64, 20]
/** Dimensions in the picture; the table has all. */
const MOST = 12
const COLUMNS = [[0, ""], [44, "μ"], [98, "σ"], [152, "ε"], [214, "z = μ + σ·ε"], [300, "KL"]]
const TABLE = 330

/** @typedef {{mean: number[], sigma: number[], noise: number[], z: number[], ratePerDim: number[], distortion: number}} Pass KL and distortion in nats. */
/** @typedef {Pass & {mode: string, beta: number, x: HTMLCanvasElement, out: HTMLCanvasElement}} Shown */

/**
 * @param {Shown} pass
 * @param {import("../lib/theme.js").Theme} colours
 * @param {Record<string, string>} palette
 */
export function passPicture({ mean, sigma, noise, z, ratePerDim, distortion, mode, beta, x, out }, colours, palette) {
  const num = Math.min(MOST, mean.length)
  const [hasEncoder, hasLoss] = [mode !== "generation", mode === "training"]
  const high = Math.max(SIDE, ROW * (num + 1) + (num < mean.length ? ROW : 0))
  const rate = ratePerDim.reduce((sum, value) => sum + value, 0)
  return drawn({
    width: 2 * AIR + 2 * (SIDE + AIR) + 2 * (NETWORK + AIR) + TABLE, height: high + 2 * AIR + 64, background: colours.background,
    paint(context) {
      context.translate(AIR, AIR)
      const middle = high / 2
      const words = (/** @type {string} */ text, /** @type {number} */ left, /** @type {number} */ top, /** @type {CanvasTextAlign} */ align = "left", colour = colours.text, size = 12) => {
        Object.assign(context, { font: `${size}px ${colours.font}`, fillStyle: colour, textAlign: align, textBaseline: "middle", imageSmoothingEnabled: false })
        context.fillText(text, left, top)
      }
      const image = (/** @type {HTMLCanvasElement} */ canvas, /** @type {number} */ left, /** @type {string} */ name) => {
        context.imageSmoothingEnabled = false
        const tall = Math.min(SIDE, (SIDE * canvas.height) / canvas.width)
        context.drawImage(canvas, left, middle - tall / 2, (tall * canvas.width) / canvas.height, tall)
        words(name, left + SIDE / 2, middle + tall / 2 + 12, "center", colours.muted)
      }
      const network = (/** @type {number} */ left, /** @type {boolean} */ widens, /** @type {string} */ name) => {
        const [a, b] = widens ? [24, 52] : [52, 24]
        context.beginPath()
        context.moveTo(left, middle - a)
        context.lineTo(left + NETWORK, middle - b)
        context.lineTo(left + NETWORK, middle + b)
        context.lineTo(left, middle + a)
        context.closePath()
        Object.assign(context, { strokeStyle: colours.muted, lineWidth: 1.5 })
        context.stroke()
        words(name, left + NETWORK / 2, middle, "center", colours.text, 11)
      }
      let left = 0
      if (hasEncoder) {
        image(x, left, "x")
        network(left + SIDE + AIR, false, "q(z|x)")
      }
      left += SIDE + NETWORK + 2 * AIR
      for (const [at, name] of /** @type {[number, string][]} */ (COLUMNS)) words(name, left + at, ROW / 2, "left", colours.muted)
      for (let dim = 0; dim < num; dim += 1) {
        const top = (dim + 1.5) * ROW
        const values = [dimName(dim), ...(hasEncoder ? [significant(mean[dim]), significant(sigma[dim])] : ["–", "–"]), significant(noise[dim]), significant(z[dim]), hasEncoder ? significant(ratePerDim[dim]) : "–"]
        values.forEach((value, k) => words(value, left + /** @type {number} */ (COLUMNS[k][0]), top))
      }
      if (num < mean.length) words(`and ${mean.length - num} further dimensions`, left, (num + 1.5) * ROW, "left", colours.muted)
      left += TABLE + AIR
      network(left, true, "p(x|z)")
      image(out, left + NETWORK + AIR, "x̂")
      const below = high + 40
      if (hasEncoder) words(`Reconstruction (distortion) ${significant(distortion)} nats`, 0, below, "left", palette.distortion, 13)
      if (hasLoss) {
        words(`KL (rate) ${significant(rate)} nats, β = ${number(beta, 1)}`, 240, below, "left", palette.rate, 13)
        words(`Loss = reconstruction + β · KL = ${significant(distortion + beta * rate)} nats`, 460, below, "left", colours.text, 13)
      }
    },
  })
}

/** @param {Shown} pass @returns {import("../lib/saving.js").Table} */
export function passTable({ mean, sigma, noise, z, ratePerDim, distortion, beta, mode }) {
  const hasEncoder = mode !== "generation"
  return {
    columns: ["dimension", "μ (σ of the prior = 1)", "σ (σ of the prior = 1)", "ε", "z (σ of the prior = 1)", "KL (nats)", "reconstruction, all dimensions (nats)", "β"],
    rows: mean.map((_, dim) => [`z${dim + 1}`, hasEncoder ? mean[dim] : null, hasEncoder ? sigma[dim] : null, noise[dim], z[dim], hasEncoder ? ratePerDim[dim] : null, hasEncoder ? distortion : null, mode === "training" ? beta : null]),
  }
}
