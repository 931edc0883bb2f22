/** The pad and its tools. */
import { radioGroup, tick } from "../lib/choices.js"
import { element } from "../lib/dom.js"

/**
 * The pad and its tools.
 * @param {import("./pad.js").Pad} pad
 */
export function drawingBody(pad) {
  const centring = tick("Centre", "Scale and shift the drawing as in MNIST", { action: "centring", changed: () => {
    pad.centring = centring.input.checked
    pad.changed()
  } })
  const tool = radioGroup("Tool", { pen: "Pen", eraser: "Eraser" }, (value) => { pad.tool = value === "eraser" ? "eraser" : "pen" }, { control: "tool" })
  tool.value = "pen"
  const width = element("input", {
    class: "ll-range", type: "range", step: 0.1, "aria-label": "Width of the pen", dataset: { action: "width" },
    oninput: (event) => { pad.width = event.target.valueAsNumber },
  })
  const made = element(
    "div", { class: "drawing" }, pad.canvas,
    element(
      "div", { class: "tools" },
      tool.node,
      element("label", { class: "ll-note" }, "Width", element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), width)),
      centring.node,
      element(
        "div", { class: "ll-row" },
        element("button", { class: "ll-button", type: "button", dataset: { action: "undo" }, onclick: () => pad.undo() }, "Undo"),
        element("button", { class: "ll-button", type: "button", dataset: { action: "clear" }, onclick: () => pad.clear() }, "Clear"),
      ),
    ),
  )
  /** Begin an empty drawing of a size, in pixels of the images, with a pen that suits it. */
  const begin = (columns, rows, centre) => {
    pad.open(columns, rows)
    Object.assign(width, { min: 0.5, max: Math.max(2, columns / 5).toFixed(1), value: Math.max(1, 0.09 * columns).toFixed(1) })
    pad.width = width.valueAsNumber
    pad.centring = centring.input.checked = centre
  }
  return Object.assign(made, { centring: centring.input, begin })
}
