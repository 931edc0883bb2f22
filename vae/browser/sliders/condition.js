/** The class of a conditional model, and a second one that it is blended with. */
import { radioGroup } from "../lib/choices.js"
import { element, say } from "../lib/dom.js"
import { blend, classOf, oneHot } from "../lib/store.js"

/** More classes than these are chosen from a list, as on the page Generate: their buttons would fill the page. */
export const MANY = 30

/**
 * @typedef {{from: number, to: number | null, share: number}} Condition
 */

/**
 * A list to choose one of many classes from; it has what a group of buttons has.
 * @param {string} title
 * @param {string[]} classes
 * @param {(value: string, event: Event) => void} choose
 */
function list(title, classes, choose) {
  const node = element(
    "select", { class: "ll-select", "aria-label": title, dataset: { control: "class" }, onchange: (event) => choose(node.value, event) },
    ...classes.map((label, index) => element("option", { value: index }, label)),
  )
  return { node, get value() { return node.value }, set value(value) { node.value = value } }
}

/**
 * Buttons of the classes, or a list of many, and where it is asked for the blend.
 * @param {HTMLElement} root What to draw in.
 * @param {{classes: string[], title: string, blending: boolean, change: (y: Float32Array, event: Event) => void,
 *   release: () => void}} given
 * @returns {{show: (y: Float32Array | null) => void, from: () => number, mix: () => [number, number] | null, adopt: (y: number | null,
 *   mix: [number, number] | null) => void}}
 */
export function picker(root, { classes, title, blending, change, release }) {
  /** @type {Condition} */
  const now = { from: 0, to: null, share: 0 }
  root.replaceChildren()
  root.hidden = !classes.length
  if (!classes.length) return { show() {}, from: () => -1, mix: () => null, adopt() {} }

  const weights = () => (now.to === null ? oneHot(now.from, classes.length) : blend(now.from, now.to, now.share, classes.length))
  const choose = (value, event) => {
    const index = Number(value)
    Object.assign(now, { from: index, share: now.to === index ? 0 : now.share, to: now.to === index ? null : now.to })
    change(weights(), event)
    release()
  }
  const options = classes.length > MANY ? list(title, classes, choose)
    : radioGroup(title, Object.fromEntries(classes.map((label, index) => [index, label])), choose, { class: "classes", control: "class" })
  root.append(element("span", { class: "name" }, title), options.node)

  const second = element(
    "select", {
      class: "ll-select", "aria-label": "Second class to blend with", dataset: { blend: "class" },
      onchange: (event) => {
        const to = event.target.value === "" ? null : Number(event.target.value)
        Object.assign(now, { to, share: to === null ? 0 : now.share || 0.5 })
        change(weights(), event)
        release()
      },
    },
    element("option", { value: "" }, "no other"), ...classes.map((label, index) => element("option", { value: index }, label)),
  )
  const share = element("input", {
    class: "ll-range", type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "Share of the second class", dataset: { blend: "share" },
    oninput: (event) => {
      now.share = event.target.valueAsNumber
      change(weights(), event)
    },
    onchange: release,
  })
  const words = element("output", { class: "value" })
  const rail = element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), share)
  if (blending) root.append(element("div", { class: "blend", dataset: { control: "blend" } }, element("span", { class: "rate" }, "blended with"), second, rail, words))

  function draw() {
    options.value = String(now.from)
    second.value = now.to === null ? "" : String(now.to)
    for (const option of second.options) option.disabled = option.value === String(now.from)
    rail.hidden = words.hidden = now.to === null
    if (share.valueAsNumber !== now.share) share.value = String(now.share)
    say(words, `${Math.round(100 * now.share)} %`)
    share.setAttribute("aria-valuetext", now.to === null ? "" : `${Math.round(100 * now.share)} % of ${classes[now.to]}`)
  }

  return {
    show(y) {
      if (!y || Array.from(weights()).every((weight, k) => Math.abs(weight - y[k]) < 1e-4)) return draw()
      // Somebody else has chosen: one class, or two of them.
      const parts = Array.from(y, (weight, index) => ({ weight, index })).filter(({ weight }) => weight > 1e-4)
      if (parts.length === 2 && blending) Object.assign(now, { from: parts[0].index, to: parts[1].index, share: parts[1].weight })
      else Object.assign(now, { from: classOf(y), to: null, share: 0 })
      draw()
    },
    from: () => now.from,
    mix: () => (now.to === null ? null : [now.to, Math.round(now.share * 100) / 100]),
    adopt(y, mix) {
      Object.assign(now, { from: y ?? 0, to: mix ? mix[0] : null, share: mix ? mix[1] : 0 })
    },
  }
}
