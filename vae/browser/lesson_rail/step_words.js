/** The words of a step on a page that has no server: elements of a few kinds out of plain data (`vae/lessons/markdown_tree.py`). */
import { element } from "../lib/dom.js"

/** @typedef {string | {tag?: string, math?: string, href?: string, with?: Record<string, string>, of: Words[]}} Words */

const TAGS = ["p", "h3", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "a", "table", "thead", "tbody", "tr", "th", "td"]
const MATHML = "http://www.w3.org/1998/Math/MathML"

/**
 * @param {Words[]} words
 * @returns {(string | Element)[]}
 */
export function stepWords(words) {
  return words.map((word) => {
    if (typeof word === "string") return word
    if (word.math) return formula(word)
    const made = element(/** @type {"p"} */ (TAGS.includes(word.tag ?? "") ? word.tag : "span"), {}, .../** @type {Node[]} */ (stepWords(word.of)))
    // A link leaves the page beside it open, and does not say where it was followed from.
    if (word.href && /^https?:\/\//.test(word.href)) for (const [name, value] of Object.entries({ href: word.href, target: "_blank", rel: "noopener noreferrer" })) made.setAttribute(name, value)
    return made
  })
}

/** @param {Exclude<Words, string>} word */
function formula(word) {
  const made = document.createElementNS(MATHML, /^m[a-z]+$/.test(word.math ?? "") ? String(word.math) : "mtext")
  for (const [name, value] of Object.entries(word.with ?? {})) made.setAttribute(name, value)
  made.append(...word.of.map((part) => (typeof part === "string" ? part : formula(part))))
  return made
}
