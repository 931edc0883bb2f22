/** Colours of the page's theme, for what cannot read CSS variables itself: charts. */
import { contextOf } from "./picture.js"

/**
 * @typedef {{background: string, panel: string, text: string, muted: string, grid: string, primary: string, font: string,
 *   dark: boolean, name: "light" | "dark"}} Theme
 */

/** @type {CanvasRenderingContext2D | null} */
let pixel = null

/**
 * @param {string} color
 * @returns {[number, number, number] | null} Channels of a CSS colour, 0 to 255.
 */
export function channels(color) {
  pixel ??= contextOf(new OffscreenCanvas(1, 1), { willReadFrequently: true })
  const canvas = pixel
  canvas.clearRect(0, 0, 1, 1)
  canvas.fillStyle = "#000"
  canvas.fillStyle = color
  canvas.fillRect(0, 0, 1, 1)
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data
  return alpha ? [red, green, blue] : null
}

/**
 * A colour between two others, `share` of the way from the first.
 * @param {string} from
 * @param {string} to
 * @param {number} share
 */
export function mix(from, to, share) {
  const a = channels(from) ?? [255, 255, 255]
  const b = channels(to) ?? [0, 0, 0]
  return `rgb(${a.map((value, k) => Math.round(value + (b[k] - value) * share)).join(", ")})`
}

/**
 * Read the theme from the variables of the page (`tokens.css`).
 * @param {HTMLElement} node Inside the component.
 * @returns {Theme}
 */
export function theme(node) {
  const style = getComputedStyle(node)
  const read = (/** @type {string} */ name, /** @type {string} */ otherwise) => {
    const value = style.getPropertyValue(name).trim()
    return value && value !== "unset" ? value : otherwise
  }
  const background = read("--ll-background-color", "#ffffff")
  const text = read("--ll-text-color", "#31333f")
  const [red, green, blue] = channels(background) ?? [255, 255, 255]
  const dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128
  return {
    background,
    panel: read("--ll-secondary-background-color", "#f0f2f6"),
    text,
    muted: mix(background, text, 0.72),
    grid: mix(background, text, 0.1),
    primary: read("--ll-primary-color", "#0072b2"),
    font: read("--ll-font", "sans-serif"),
    dark,
    name: dark ? "dark" : "light",
  }
}
