/** What is in the tabs of the drawing pad and of pictures. */
import { element } from "../lib/dom.js"

function choice(legend, options, checked, change) {
  const group = `${legend}-${crypto.getRandomValues(new Uint32Array(1))[0]}`
  return element(
    "fieldset", { class: "ll-choice" }, element("legend", { class: "ll-sr" }, legend),
    ...Object.entries(options).map(([value, label]) =>
      element("label", {}, element("input", { type: "radio", name: group, value, checked: value === checked, onchange: () => change(value) }), label),
    ),
  )
}

function tick(label, title, action, change) {
  const input = element("input", { type: "checkbox", dataset: { action }, onchange: change })
  return { input, label: element("label", { class: "tick", title }, input, label) }
}

/**
 * The pad and its tools.
 * @param {import("./pad.js").Pad} pad
 */
export function drawingBody(pad) {
  const centring = tick("Centre", "Scale and shift the drawing as in MNIST", "centring", (event) => {
    pad.centring = event.target.checked
    pad.changed()
  })
  const width = element("input", {
    class: "ll-range", type: "range", step: 0.1, "aria-label": "Width of the pen", dataset: { action: "width" },
    oninput: (event) => { pad.width = event.target.valueAsNumber },
  })
  const made = element(
    "div", { class: "drawing" }, pad.canvas,
    element(
      "div", { class: "tools" },
      choice("Tool", { pen: "Pen", eraser: "Eraser" }, "pen", (tool) => { pad.tool = tool }),
      element("label", { class: "ll-note" }, "Width", element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), width)),
      centring.label,
      element(
        "div", { class: "ll-row" },
        element("button", { class: "ll-button", type: "button", dataset: { action: "undo" }, onclick: () => pad.undo() }, "Undo"),
        element("button", { class: "ll-button", type: "button", dataset: { action: "clear" }, onclick: () => pad.clear() }, "Clear"),
      ),
    ),
  )
  return Object.assign(made, { centring: centring.input, width })
}

/**
 * Where pictures are dropped, and how they are read.
 * @param {{load: (file: File) => void, change: () => void}} listeners
 */
export function pictureBody({ load, change }) {
  const centring = tick("Centre", "Scale and shift the digit as in MNIST, on black", "centring-picture", change)
  const file = element("input", {
    type: "file", accept: "image/png,image/jpeg,image/webp,image/gif", class: "ll-sr", "aria-label": "Image file",
    onchange: (event) => { load(event.target.files[0]); event.target.value = "" },
  })
  const shown = element("canvas", { class: "shown", width: 1, height: 1, hidden: true, role: "img", "aria-label": "Your image" })
  const drop = element("label", { class: "drop" }, file, shown, element("span", { class: "ll-note" }, "Drop or paste an image, or choose a file"))
  /** @type {"auto" | "yes" | "no"} */
  const auto = "auto"
  const made = Object.assign(element(
    "div", { class: "drawing" }, drop,
    element(
      "div", { class: "tools" },
      element("span", { class: "ll-note" }, "Invert"),
      choice("Invert", { auto: "Auto", yes: "Yes", no: "No" }, "auto", (value) => { made.invert = value; change() }),
      centring.label,
    ),
  ), { centring: centring.input, shown, invert: auto })
  return made
}
