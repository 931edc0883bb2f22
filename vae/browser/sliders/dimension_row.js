/** The row of one latent dimension: its name and KL, a slider, a number to type, and the images decoded along it. */
import { dimName, element, number, say } from "../lib/dom.js"
import { GRAIN, spanOf } from "./spans.js"
import { NUM, stepsBetween } from "./strips.js"

/** At a snapshot, a dimension with less KL than this, in nats, counts as collapsed. */
const PALE = 0.01
const COLLAPSED = "Not active: its posterior hardly depends on the image, so the decoder has learned to ignore it"

/**
 * @typedef {{index: number, low: number, high: number, rate: number | null, collapsed: boolean}} Dim
 * @typedef {{
 *   move: (value: number, event: any) => void, type: (event: any) => void, press: (event: any) => void, leave: () => void,
 *   release: () => void,
 * }} Hands
 * What the person does: moves the slider, has typed a number, presses a key, leaves the number as it was, lets go.
 */

export class DimensionRow {
  /**
   * @param {Dim} dim
   * @param {boolean} hasStrip Whether images are decoded along it.
   * @param {Hands} hands
   */
  constructor(dim, hasStrip, hands) {
    const name = dimName(dim.index)
    const known = dim.rate !== null
    this.dim = dim
    /**
     * Where the slider ends, unless the value or 0 lies beyond; `low` and `high` are where it ends now.
     * @type {[number, number]}
     */
    this.ends = [dim.low, dim.high]
    this.low = dim.low
    this.high = dim.high
    this.rate = element("span", { class: "rate" }, known ? `KL ${number(dim.rate)} nats` : "")
    this.range = element("input", {
      class: "ll-range", type: "range", step: GRAIN, "aria-label": known ? `${name}, KL ${number(dim.rate)} nats` : name,
      oninput: (event) => hands.move(event.target.valueAsNumber, event),
      onchange: hands.release,
      onkeydown: hands.press,
      ondblclick: (event) => { hands.move(0, event); hands.release() },
    })
    this.band = element("div", { class: "band", hidden: true })
    this.zero = element("div", { class: "zero" })
    const track = element("div", { class: "ll-track" }, this.zero)
    this.field = element("input", {
      class: "value", type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `${name}, number`,
      onchange: hands.type,
      onkeydown: (event) => { if (event.key === "Escape") { hands.leave(); event.target.blur() } },
      onfocus: (event) => event.target.select(),
    })
    this.canvases = Array.from({ length: hasStrip ? NUM : 0 }, () => element("canvas", { class: "ll-pixels", width: 1, height: 1 }))
    this.cells = this.canvases.map((canvas, k) =>
      element("button", {
        class: "cell", type: "button", tabindex: -1,
        onclick: (event) => { hands.move(this.steps[k], event); hands.release() },
      }, canvas),
    )
    this.strip = hasStrip ? element("div", { class: "strip", role: "group", "aria-label": `Decoded along ${name}` }, ...this.cells) : null
    this.root = element(
      "div",
      {
        class: "dim", dataset: { dim: dim.index, collapsed: dim.collapsed },
        title: dim.collapsed ? COLLAPSED : null,
      },
      element("span", { class: "name" }, name), this.rate,
      element("div", { class: "ll-rail" }, track, this.range, element("div", { class: "bands" }, this.band)), this.field, this.strip,
    )
  }

  /** Values at which images are decoded. */
  get steps() {
    return stepsBetween(this.low, this.high)
  }

  /** Let the slider hold a value, 0 and the chosen range. */
  stretch(value) {
    [this.low, this.high] = spanOf(this.ends, value)
    const { low, high, range } = this
    range.min = low.toFixed(3)
    range.max = high.toFixed(3)
    range.value = value
    this.zero.style.left = `${(100 * -low) / (high - low)}%`
    const steps = this.steps
    this.cells.forEach((cell, k) => {
      cell.title = `${dimName(this.dim.index)} = ${number(steps[k])}`
      cell.setAttribute("aria-label", cell.title)
    })
  }

  /** Whether a value lies beyond the slider's ends. */
  isBeyond(value) {
    return value < this.low - GRAIN || value > this.high + GRAIN
  }

  /** Show a value; a field that is being typed in can be left alone. */
  show(value, leavesField) {
    const { range, field } = this
    // The store keeps 32 bits: its echo of a slider that is being dragged is not quite the slider's own value.
    if (Math.abs(range.valueAsNumber - value) > GRAIN) range.value = value
    const text = number(value)
    if (range.getAttribute("aria-valuetext") !== text) range.setAttribute("aria-valuetext", text)
    if (!leavesField && field.value !== text) field.value = text
  }

  /** Show μ − σ to μ + σ of a posterior; nothing without one. */
  showBand(mean, sigma) {
    const { band, low, high, root } = this
    band.hidden = sigma === null
    root.title = root.dataset.collapsed === "true" ? COLLAPSED : ""
    if (sigma === null) return
    const [from, to] = [mean - sigma, mean + sigma].map((value) => Math.min(high, Math.max(low, value)))
    band.style.left = `${(100 * (from - low)) / (high - low)}%`
    band.style.width = `${(100 * (to - from)) / (high - low)}%`
    root.title = `Posterior ${number(mean)} ± ${number(sigma)}`
  }

  /** Show the KL, at a snapshot or the run's own, and the posterior's σ beside it; null where there is none. */
  showRate(now, isOfSnapshot, sigma) {
    const { dim, rate, range, root } = this
    const known = now !== null && now !== undefined
    say(rate, [known ? `KL\u00a0${number(now)}\u00a0nats` : "", sigma === null ? "" : `σ\u00a0${number(sigma)}`].filter(Boolean).join(" "))
    rate.title = isOfSnapshot ? "KL at this snapshot, over the run's probe images" : ""
    range.setAttribute("aria-label", known ? `${dimName(dim.index)}, KL ${number(now)} nats` : dimName(dim.index))
    root.dataset.collapsed = String(isOfSnapshot ? now < PALE : dim.collapsed)
  }
}
