/** What is in the tab of image files: the picture that the person chose, and its pixels as the model takes them. */
import { radioGroup, tick } from "../lib/choices.js"
import { element } from "../lib/dom.js"
import { prepare, read } from "./photo.js"

/**
 * Where pictures are dropped, and how they are read.
 * @param {{load: (file: File) => void, change: () => void}} listeners
 */
export function pictureBody({ load, change }) {
  let picture = null
  const centring = tick("Centre", "Scale and shift the digit as in MNIST, on black", { action: "centring-picture", changed: change })
  const file = element("input", {
    type: "file", accept: "image/png,image/jpeg,image/webp,image/gif", class: "ll-sr", "aria-label": "Image file",
    onchange: (event) => { load(event.target.files[0]); event.target.value = "" },
  })
  const shown = element("canvas", { class: "shown", width: 1, height: 1, hidden: true, role: "img", "aria-label": "Your image" })
  const drop = element("label", { class: "drop", dataset: { control: "file" } }, file, shown, element("span", { class: "ll-note" }, "Drop or paste an image, or choose a file"))
  const invert = radioGroup("Invert", { auto: "Auto", yes: "Yes", no: "No" }, change, { control: "invert" })
  invert.value = "auto"
  return Object.assign(element(
    "div", { class: "drawing" }, drop,
    element(
      "div", { class: "tools" },
      element("span", { class: "ll-note" }, "Invert"),
      invert.node,
      centring.node,
    ),
  ), {
    centring: centring.input,
    /** Read a file and show it; `Refused` if it is no picture that we take. */
    async read(file) {
      picture = await read(file)
      Object.assign(shown, { width: picture.width, height: picture.height, hidden: false })
      shown.getContext("2d").putImageData(picture, 0, 0)
    },
    /** Pixels for images of a shape, and what was done to them by itself, in words; null before there is a picture. */
    pixels(shape) {
      if (!picture) return null
      const { x, inverted } = prepare(picture, shape, { centring: centring.input.checked, invert: invert.value })
      return { x, note: inverted && invert.value === "auto" ? "The background is bright, so light and dark were inverted." : "" }
    },
  })
}
