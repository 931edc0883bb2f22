/** Small helpers around the page's elements. Text is always set as text, never as HTML. */

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties] `class`, `dataset`, `style`, `on…` handlers, ARIA and other attributes.
 * @param {...(Node | string | null | undefined)} children Strings become text.
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue
    if (name === "class") made.className = value
    else if (name === "dataset") Object.assign(made.dataset, value)
    else if (name === "style") Object.assign(made.style, value)
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value)
    else made.setAttribute(name, value === true ? "" : String(value))
  }
  made.append(...children.filter((child) => child !== null && child !== undefined))
  return made
}

/**
 * Set an element's text only where it differs, so that nothing is laid out in vain.
 * @param {Element} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/**
 * Set an element's text to a short sentence, and put what else there is to know behind a question mark that opens.
 * @param {HTMLElement} node
 * @param {string} text
 * @param {string} help
 */
export function sayWithHelp(node, text, help) {
  if (!node.querySelector(".ll-help")) {
    const mark = element("summary", { "aria-label": "More about this" }, "?")
    node.replaceChildren(element("span"), " ", element("details", { class: "ll-help", dataset: { control: "help" } }, mark, element("span")))
  }
  const [sentence, more] = node.children
  say(sentence, text)
  say(more.children[1], help)
}

/** Code between backticks, and what is said where images are to be downloaded first. */
const MARKED = /(`[^`]*`|dataset not downloaded)/

/**
 * The children of a sentence of the library, in which what is to be typed stands between backticks; that a dataset is not downloaded
 * leads to the place of the page that offers it.
 * @param {string} sentence
 * @returns {(string | HTMLElement)[]}
 */
export function withCode(sentence) {
  return sentence.split(MARKED).map((part, k) => {
    if (k % 2 === 0) return part
    return part.startsWith("`") ? element("code", {}, part.slice(1, -1)) : element("a", { href: "#download" }, part)
  })
}

/**
 * Set an element's text as `say` does, to a sentence of the library; it is one part of its row, so that the spaces around links stay.
 * @param {Element} node
 * @param {string} sentence
 */
export function explain(node, sentence) {
  if (node.textContent !== sentence.replaceAll("`", "")) node.replaceChildren(element("span", {}, ...withCode(sentence)))
}

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"

/**
 * Name of a latent dimension as in the papers: 0 is z₁.
 * @param {number} index
 */
export function dimName(index) {
  return `z${[...String(index + 1)].map((digit) => SUBSCRIPTS[Number(digit)]).join("")}`
}

/**
 * A number with so many decimals and a true minus sign; a huge one by its power of ten.
 * @param {number} value
 * @param {number} [decimals]
 */
export function number(value, decimals = 2) {
  if (!Number.isFinite(value)) return "–"
  const text = Math.abs(value) < 1e6 ? Math.abs(value).toFixed(decimals) : Math.abs(value).toExponential(decimals).replace("e+", "e")
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text
}

/**
 * A number with five digits, off by 1e-4 of itself at most; `vae.runtime.number_format.significant` is the same in Python.
 * @param {number} value
 */
export function significant(value) {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  const sign = value < 0 ? "−" : ""
  if (size === 0) return "0"
  const [mantissa, power] = size.toExponential(4).split("e")
  if (Number(power) < -4 || Number(power) >= 6) return `${sign}${mantissa}e${Number(power)}`.replace("e-", "e−")
  if (Number(size.toPrecision(4)) === size || Number.isInteger(size)) return `${sign}${size}`
  return sign + Number(`${mantissa}e${power}`).toFixed(Math.max(0, 4 - Number(power)))
}

/**
 * A whole number with thousands apart, as Python's pages write them: 70,000.
 * @param {number} value
 */
export function count(value) {
  return Number.isFinite(value) ? Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",") : "–"
}

/**
 * So many of something: 1 image, 2 images.
 * @param {number} num
 * @param {string} noun In the singular.
 */
export function counted(num, noun) {
  return `${count(num)} ${noun}${num === 1 ? "" : "s"}`
}

/**
 * A latent point in words, at most four of its numbers.
 * @param {ArrayLike<number>} z
 */
export function point(z) {
  const shown = Array.from(z).slice(0, 4).map((value) => number(value))
  return `(${shown.join(", ")}${z.length > 4 ? ", …" : ""})`
}
