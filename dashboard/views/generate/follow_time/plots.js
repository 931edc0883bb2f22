/** Plots that Python drew on the page, to be saved: where z lies in the plane, and how well the class can be read off it. */
import { drawn, ofSvg } from "../../../../vae/browser/lib/saving.js"

/** CSS pixels of a saved plot of z, and of the scale of the classifier. */
const SIDE = 320
const [WIDE, HIGH, EDGE] = [480, 72, 24]

/** The drawing of a plot of z. @param {string} plot */
function svgOf(plot) {
  const image = /** @type {HTMLImageElement | null} */ (document.querySelector(`img[data-plot="${CSS.escape(plot)}"]`))
  if (!image) throw new Error("The plot is not on the page any more; reload it.")
  return atob(image.src.slice(image.src.indexOf(",") + 1))
}

/**
 * @param {string} plot
 * @param {{background: string}} colours Of the page.
 */
export function plotPicture(plot, { background }) {
  return ofSvg({ width: SIDE, height: SIDE, background, svg: async () => svgOf(plot) })
}

/** Each point of a plot of z: those of the images, and those of the test images' posteriors in grey. @param {string} plot */
export function plotTable(plot) {
  const [cloud, , points] = [...new DOMParser().parseFromString(svgOf(plot), "image/svg+xml").querySelectorAll("g")]
  const rows = [["image", points], ["posterior of a test image", cloud]].flatMap(([of, group]) =>
    [.../** @type {Element} */ (group).querySelectorAll("circle")].map((circle) => [/** @type {string} */ (of), Number(circle.getAttribute("cx")), -Number(circle.getAttribute("cy"))]))
  return { columns: ["z of", "across (σ of the prior = 1)", "up (σ of the prior = 1)"], rows }
}

/** What a scale of a classifier says, from 0 to 1. @param {HTMLElement} scale */
function sharesOf({ dataset }) {
  return { accuracy: Number(dataset.accuracy), error: Number(dataset.error), chance: Number(dataset.chance) }
}

/**
 * The scale from 0 to 100 %, filled up to the accuracy, with a mark at chance.
 * @param {HTMLElement} scale
 * @param {import("../../../../vae/browser/lib/theme.js").Theme} colours
 */
export function scalePicture(scale, { background, text, muted, panel, primary, font }) {
  const { accuracy, error, chance } = sharesOf(scale)
  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`
  return drawn({
    width: WIDE + 2 * EDGE, height: HIGH + 2 * EDGE, background,
    paint(context) {
      context.translate(EDGE, EDGE)
      Object.assign(context, { font: `13px ${font}`, fillStyle: text, textAlign: "left", textBaseline: "middle" })
      context.fillText(`Accuracy of predicting the class from z: ${percent(accuracy)} ± ${percent(error)}`, 0, 8)
      context.fillStyle = panel
      context.fillRect(0, 28, WIDE, 14)
      context.fillStyle = primary
      context.fillRect(0, 28, WIDE * accuracy, 14)
      context.fillStyle = text
      context.fillRect(WIDE * chance - 1, 24, 2, 22)
      context.fillStyle = muted
      context.fillText(`chance ${percent(chance)}`, WIDE * chance + 6, 60)
    },
  })
}

/** @param {HTMLElement} scale @returns {import("../../../../vae/browser/lib/saving.js").Table} */
export function scaleTable(scale) {
  const { accuracy, error, chance } = sharesOf(scale)
  return {
    columns: ["what", "share of held-out test images (0 to 1)", "± standard error"],
    rows: [["accuracy of predicting the class from z", accuracy, error], ["chance: the most frequent class", chance, null]],
  }
}
