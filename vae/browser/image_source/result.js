/** What the model makes of an image: input, decoded and difference, its −ELBO, and how far it lies from the training images. */
import { element, number, say } from "../lib/dom.js"
import { gridMenu } from "../lib/image_grid.js"
import { paint } from "../lib/picture.js"
import { channels as channelsOf } from "../lib/theme.js"
import { judge, percentile } from "./verdict.js"

const LABELS = {
  input: ["Input", null],
  image: ["Decoded", null],
  difference: ["Difference", "Decoded minus input: orange is added, blue is missing"],
}

export class Result {
  #pictures = {}
  #numbers = element("p", { class: "ll-note numbers" })
  #verdict = element("p", { class: "verdict" })
  #scale = element("div", { class: "scale", hidden: true, "aria-hidden": "true" }, element("span", { class: "typical" }), element("span", { class: "mark" }))

  /** @param {(drawn: boolean) => void} take Told when the posterior's mean, or a draw of it, is to go to the sliders. */
  constructor(take) {
    for (const [name, [label, title]] of Object.entries(LABELS)) {
      this.#pictures[name] = element("canvas", {
        class: "ll-pixels", role: "img", width: 1, height: 1, "aria-label": title ?? label, title, dataset: { picture: name },
      })
    }
    const button = (label, action, title, drawn) =>
      element("button", { class: "ll-button", type: "button", dataset: { action }, title, onclick: () => take(drawn) }, label)
    const figures = Object.entries(this.#pictures).map(([name, canvas]) =>
      element("figure", {}, canvas, element("figcaption", { class: "ll-note" }, LABELS[name][0])),
    )
    this.root = element(
      "div", { class: "result", hidden: true },
      element("div", { class: "companions" }, ...figures, this.#save()),
      element(
        "div", { class: "ll-row take" }, element("span", { class: "ll-note" }, "Move the sliders to the posterior's"),
        button("Mean μ", "mean", "Move the sliders to the mean of the posterior q(z|x)", false),
        button("Random sample", "sample", "Move the sliders to a random point of the posterior q(z|x); each press takes another one", true),
      ),
      this.#verdict, this.#scale, this.#numbers,
    )
  }

  /** The button that saves the images. */
  #save() {
    return gridMenu(() => {
      const shown = Object.entries(this.#pictures).filter(([, canvas]) => !canvas.parentElement.hidden)
      return { name: "input-and-decoded", grid: { images: [shown.map(([, canvas]) => canvas)], columns: shown.map(([name]) => LABELS[name][0]) } }
    }, "input, decoded image and difference")
  }

  /** @param {[number, number, number]} shape Channels, height and width of the images. */
  fit([, height, width]) {
    for (const canvas of Object.values(this.#pictures)) canvas.style.aspectRatio = `${width} / ${height}`
  }

  hide() {
    this.root.hidden = true
  }

  /**
   * Show an image and what became of it.
   * @param {Float32Array} x
   * @param {import("../lib/encoder.js").Encoded} found
   * @param {[number, number, number]} shape
   * @param {{given: string | null, colours: [string, string, string]}} options The class, for a conditional model, and the
   *   colours of less, none and more.
   */
  show(x, found, shape, { given, colours }) {
    const [channels, height, width] = shape
    this.#reveal(true)
    paint(this.#pictures.input, { data: x, channels, height, width })
    paint(this.#pictures.image, { data: found.image, channels, height, width })
    paint(this.#pictures.difference, { data: difference(x, found.image, shape, colours), channels: 3, height, width, scale: 1 })
    say(
      this.#numbers,
      `Cost at the posterior mean ${number(found.distortion + found.rate, 1)} nats = reconstruction ${number(found.distortion, 1)} + KL ` +
        `${number(found.rate, 1)}${given === null ? "." : `, given class ${given}.`}`,
    )
  }

  /** Show the decoded image alone, where there is no original to compare it with. */
  showDecoded(picture) {
    this.#reveal(false)
    if (picture) paint(this.#pictures.image, picture)
    say(this.#numbers, "Without the image itself, there is no difference and no comparison with the data.")
    this.refuse("")
  }

  /**
   * Say how far it lies from the images that the server compares with.
   * @param {number} cost Nats.
   * @param {import("./verdict.js").Surprise} surprise
   * @returns {string} In one word.
   */
  compare(cost, surprise) {
    this.root.classList.remove("pending")
    const percent = percentile(cost, surprise.quantiles)
    const { kind, words } = judge(percent, surprise)
    say(this.#verdict, words)
    this.#scale.hidden = false
    this.#scale.style.setProperty("--at", `${Math.min(100, Math.max(0, percent))}%`)
    return kind
  }

  /** Until that is known of the weights that are shown, nothing is said of it. */
  await() {
    this.root.classList.add("pending")
  }

  /** Say why that is unknown. */
  refuse(words) {
    this.root.classList.remove("pending")
    this.#scale.hidden = true
    say(this.#verdict, words)
  }

  #reveal(whole) {
    this.root.hidden = false
    for (const name of ["input", "difference"]) this.#pictures[name].parentElement.hidden = !whole
  }
}

/** Pixels in three channels, 0 to 255: the middle colour where two images are equal. */
function difference(x, image, [num, height, width], colours) {
  const [less, none, more] = colours.map(channelsOf)
  const size = width * height
  const values = new Float32Array(3 * size)
  for (let k = 0; k < size; k += 1) {
    let mean = 0
    for (let channel = 0; channel < num; channel += 1) mean += (image[channel * size + k] - x[channel * size + k]) / num
    const end = mean < 0 ? less : more
    const share = Math.min(1, Math.abs(mean))
    for (let channel = 0; channel < 3; channel += 1) values[channel * size + k] = none[channel] + (end[channel] - none[channel]) * share
  }
  return values
}
