/** Controls that are made alike everywhere: one of some, and one that is on or off. */
import { slug } from "./controls.js"
import { element } from "./dom.js"

let groups = 0

/**
 * One of some, as a row of buttons.
 * @param {string} legend What is chosen.
 * @param {Record<string, string>} options What each is called, by its value.
 * @param {(value: string, event: Event) => void} chosen Told when the person chooses.
 * @param {{class?: string, title?: string, control?: string}} [more] `control`: What links call it (`controls.js`); the legend if it is left out.
 * @returns {{node: HTMLFieldSetElement, inputs: HTMLInputElement[], value: string}} `value` is "" where none is chosen; setting it tells
 *   nobody.
 */
export function radioGroup(legend, options, chosen, more = {}) {
  const name = `choice-${++groups}`
  const inputs = Object.keys(options).map((value) =>
    element("input", { type: "radio", name, value, onchange: (/** @type {Event} */ event) => chosen(value, event) }))
  const node = element(
    "fieldset", { class: `ll-choice ${more.class ?? ""}`.trim(), title: more.title, dataset: { control: more.control ?? slug(legend) } }, element("legend", { class: "ll-sr" }, legend),
    ...Object.values(options).map((label, k) => element("label", {}, inputs[k], label)),
  )
  return {
    node,
    inputs,
    get value() {
      return inputs.find((input) => input.checked)?.value ?? ""
    },
    set value(wanted) {
      for (const input of inputs) input.checked = input.value === wanted
    },
  }
}

/**
 * Something that is on or off.
 * @param {string} label
 * @param {string} title
 * @param {{action?: string, control?: string, checked?: boolean, changed?: (event: Event) => void}} [more] `control`: What links call it; the label if it is left out.
 * @returns {{input: HTMLInputElement, node: HTMLLabelElement}}
 */
export function tick(label, title, { action, control, checked = false, changed = () => {} } = {}) {
  const input = element("input", { type: "checkbox", checked, dataset: action ? { action } : {}, onchange: changed })
  return { input, node: element("label", { class: "tick", title, dataset: { control: control ?? action ?? slug(label) } }, input, label) }
}
