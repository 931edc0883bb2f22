/** Two densities, N(μ, σ²) and N(0, 1), and what the KL between them is made of; all of it follows the sliders. */
import { element, number, say, significant } from "../../../../vae/browser/lib/dom.js"
import { tell } from "../../../../vae/browser/lib/facts.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { ofSvg, saveMenu } from "../../../../vae/browser/lib/saving.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { across, HIGH, outline, REACH, topOf, WIDE } from "./density.js"
import { klTerms } from "./terms.js"

const SVG = "http://www.w3.org/2000/svg"
/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  return made
}

/**
 * @param {string} name
 * @param {number} min
 * @param {number} max
 * @param {() => void} moved
 */
function slider(name, min, max, moved) {
  const input = element("input", { class: "ll-range", type: "range", min, max, step: 0.01, "aria-label": name, dataset: { control: name === "μ" ? "mu" : "sigma" }, oninput: moved })
  const value = element("span", {})
  const label = element("label", {}, value, element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), input))
  return { input, value, label }
}

export default inStreamlit(mountable(import.meta.url, (root) => {
  const chart = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "density", role: "img", "aria-label": "Densities of N(μ, σ²) and N(0, 1)" })
  const prior = svg("path", { fill: "none", "stroke-width": 2 })
  const posterior = svg("path", { "stroke-width": 2.5, "fill-opacity": 0.18 })
  const arrow = svg("path", { "stroke-width": 3, fill: "none" })
  const axis = svg("path", { d: `M 0 ${HIGH - 24} H ${WIDE}`, stroke: "currentColor", "stroke-opacity": 0.3 })
  const text = (/** @type {string} */ words, /** @type {Record<string, string | number>} */ place) => {
    const label = svg("text", place)
    label.textContent = words
    return label
  }
  const ticks = [-4, -2, 0, 2, 4].map((x) => text(number(x, 0), { x: across(x), y: HIGH - 6, "text-anchor": "middle" }))
  const names = ["N(0, 1), the prior", "N(μ, σ²), the posterior"].map((words, k) => text(words, { x: 8, y: 18 + 18 * k }))
  chart.append(axis, ...ticks, prior, posterior, arrow, ...names)
  // The image's own numbers are shown as they are; a slider has steps, and an end.
  const now = { mu: 0, sigma: 1 }
  const moved = (/** @type {"mu" | "sigma"} */ name, /** @type {HTMLInputElement} */ input) => {
    now[name] = input.valueAsNumber
    draw()
  }
  const mu = slider("μ", -4, 4, () => moved("mu", mu.input))
  const sigma = slider("σ", 0.01, 3, () => moved("sigma", sigma.input))
  /** @type {Record<string, HTMLElement>} */
  const cells = {}
  const row = (/** @type {string} */ words, /** @type {string} */ cell, kind = "") => {
    cells[cell] = element("td")
    return element("tr", { class: kind }, element("th", { scope: "row" }, words), cells[cell])
  }
  const table = element(
    "table", { class: "sum" }, element(
      "tbody", {}, row("σ²", "variance"), row("+ μ²", "square"), row("− 1", "one"), row("− log σ²", "log"), row("½ of the sum: KL", "kl", "total"),
      row("∂KL/∂μ = μ", "byMean"), row("∂KL/∂σ = σ − 1/σ", "bySigma"), row("slip: μ for μ²", "withoutSquare", "slip"), row("slip: sign turned", "wrongSign", "slip"),
    ),
  )
  const save = saveMenu(() => ({ name: `kl-mu-${significant(now.mu)}-sigma-${significant(now.sigma)}`, picture, table: numbers }), "both densities")
  root.replaceChildren(element("div", { class: "kl" }, chart, element("div", { class: "side" }, mu.label, sigma.label, table, save)))
  root.style.minHeight = "0"
  /** @type {import("./state").State} What Python told. */
  let data = null
  let begun = ""

  /** The chart with the colours and letters that the page's style gives it. */
  function picture() {
    const colours = theme(root)
    const copy = /** @type {SVGElement} */ (chart.cloneNode(true))
    for (const [name, value] of Object.entries({ xmlns: SVG, width: WIDE, height: HIGH, color: colours.text, "font-family": colours.font, "font-size": 13 })) copy.setAttribute(name, String(value))
    for (const label of copy.querySelectorAll("text:not([style])")) label.setAttribute("fill", colours.muted)
    return ofSvg({ width: WIDE, height: HIGH, background: colours.background, svg: async () => new XMLSerializer().serializeToString(copy) })
  }

  /** Both densities, and the terms of the KL in the first row. */
  function numbers() {
    const { mu: mean, sigma: deviation } = now
    const density = (/** @type {number} */ x, /** @type {number} */ m, /** @type {number} */ s) => Math.exp(-(((x - m) / s) ** 2) / 2) / (s * Math.sqrt(2 * Math.PI))
    const { kl } = klTerms(mean, deviation)
    return {
      columns: ["z (σ of the prior = 1)", "N(0, 1) (per unit of z)", `N(${significant(mean)}, ${significant(deviation)}²) (per unit of z)`, "KL (nats)"],
      rows: Array.from({ length: 241 }, (_, k) => -REACH + (2 * REACH * k) / 240).map((x) => [x, density(x, 0, 1), density(x, mean, deviation), kl]),
    }
  }

  function draw() {
    const { mu: mean, sigma: deviation } = now
    const found = klTerms(mean, deviation)
    const colours = data.palette[theme(root).name]
    const top = topOf(deviation)
    prior.setAttribute("d", outline(0, 1, top))
    prior.setAttribute("stroke", colours.elbo)
    posterior.setAttribute("d", outline(mean, deviation, top))
    posterior.setAttribute("stroke", colours.rate)
    posterior.setAttribute("fill", colours.rate)
    names[0].setAttribute("style", `fill: ${colours.elbo}`)
    names[1].setAttribute("style", `fill: ${colours.rate}`)
    // Where descent on the KL pulls μ.
    const [from, to] = [across(mean), across(0.4 * mean)]
    const head = from > to ? 7 : -7
    arrow.setAttribute("d", Math.abs(mean) < 0.1 ? "" : `M ${from} ${HIGH - 30} H ${to} m ${head} -5 l ${-head} 5 l ${head} 5`)
    arrow.setAttribute("stroke", colours.rate)
    say(mu.value, `μ ${significant(mean)}`)
    say(sigma.value, `σ ${significant(deviation)}`)
    say(cells.variance, significant(found.variance))
    say(cells.square, significant(found.square))
    say(cells.one, "−1")
    say(cells.log, significant(-found.logVariance))
    say(cells.kl, `${significant(found.kl)} nats`)
    say(cells.byMean, significant(found.byMean))
    say(cells.bySigma, significant(found.bySigma))
    say(cells.withoutSquare, `${significant(found.withoutSquare)}${found.withoutSquare < 0 ? ", below 0" : ""}`)
    say(cells.wrongSign, significant(found.wrongSign))
    tell(root, { slider_kl: found.kl })
    root.dataset.kl = String(found.kl)
    root.dataset.ready = "true"
  }

  return {
    /** @param {import("../../../../vae/browser/lib/mount.js").Given<import("./state").State>} next */
    update(next) {
      data = next.state
      const begins = `${data.mean} ${data.sigma}`
      if (begins !== begun) {
        begun = begins
        Object.assign(now, { mu: data.mean, sigma: data.sigma })
        Object.assign(mu.input, { value: String(data.mean) })
        Object.assign(sigma.input, { value: String(data.sigma) })
      }
      draw()
    },
    unmount() {
      tell(root, null)
    },
  }
}))
