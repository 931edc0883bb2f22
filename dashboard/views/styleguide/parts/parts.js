/** The parts of `vae/browser/lib/tokens.css`, each in its states. */
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { element, sayWithHelp } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"

/**
 * @param {string} title
 * @param {...Node} children
 */
const card = (title, ...children) => element("section", { class: "ll-card" }, element("div", { class: "ll-head" }, element("h3", { class: "ll-title" }, title)), ...children)

/** @param {boolean} [disabled] */
const choice = (disabled = false) =>
  element(
    "fieldset", { class: "ll-choice", disabled }, element("legend", { class: "ll-sr" }, "Segmented control"),
    ...["One", "Two", "Three"].map((word, k) =>
      element("label", {}, element("input", { type: "radio", name: `style-choice-${disabled}`, value: word, checked: k === 0 }), word)),
  )

export default inStreamlit(mountable(import.meta.url, (root) => {
  const note = element("p", { class: "ll-note" })
  sayWithHelp(note, "A caption in a component.", "What there is more to know.")
  root.replaceChildren(element(
    "div", { class: "parts" },
    card(
      "Controls in a component", choice(),
      element("select", { class: "ll-select", "aria-label": "Select" }, element("option", {}, "First"), element("option", {}, "A choice with a longer name")),
      element("div", { class: "ll-rail" }, element("div", { class: "ll-track" }), element("input", { class: "ll-range", type: "range", "aria-label": "Slider", value: "40" })),
      element(
        "div", { class: "ll-row" }, element("button", { class: "ll-button", type: "button" }, "Button"),
        element("button", { class: "ll-button", type: "button", "aria-pressed": "true" }, "Pressed"),
        element("button", { class: "ll-button", type: "button", disabled: true }, "Disabled"),
        element("button", { class: "ll-button ll-icon", type: "button", "aria-label": "Icon button", title: "Icon button" }, "⤢"),
      ),
      note,
    ),
    card("An image", element("canvas", { class: "ll-pixels", width: 8, height: 8, "aria-label": "Empty image", role: "img" })),
    card("Waiting", element("div", { class: "ll-skeleton" }), element("p", { class: "ll-message" }, "A sentence where a chart would be.")),
    card("An error", element("p", { class: "ll-message", dataset: { kind: "error" } }, "This could not be shown. Reload the page.")),
  ))
  root.dataset.ready = "true"
  return { update() {}, unmount() {} }
}))
