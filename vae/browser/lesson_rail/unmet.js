/** What a condition still waits for, in words: its parts that do not hold, each with how it stands now. */
import { holds } from "./conditions.js"

/**
 * @typedef {import("./conditions.js").Tree} Tree
 * @typedef {Record<string, string>} Words The rail's, with those of each name: `name:kl`, `unit:kl`, `happens:point moved`.
 */

const SIGNS = /** @type {Record<string, string>} */ ({ "<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠" })

/**
 * The parts of a condition that do not hold. What cannot be known yet is left out where another part tells what to do.
 * @param {Tree} tree
 * @param {import("./conditions.js").Known} known
 * @param {Iterable<string>} happened
 * @param {Words} words
 * @returns {string[]} None if it holds.
 */
export function unmet(tree, known, happened, words) {
  const found = partsOf(tree, known, [...happened], words)
  const told = found.filter(({ isKnown }) => isKnown)
  return (told.length ? told : found).map(({ text }) => text)
}

/**
 * @param {Tree} tree @param {import("./conditions.js").Known} known @param {string[]} happened @param {Words} words
 * @returns {{text: string, isKnown: boolean}[]}
 */
function partsOf(tree, known, happened, words) {
  if (holds(tree, known, happened)) return []
  const parts = (tree.parts ?? []).map((part) => partsOf(part, known, happened, words))
  if (tree.kind === "and") return parts.flat()
  if (tree.kind === "or") {
    const ways = parts.map((way) => way.map(({ text }) => text).join(` ${words.and} `))
    return [{ text: ways.join(` ${words.or} `), isKnown: parts.some((way) => way.some(({ isKnown }) => isKnown)) }]
  }
  if (tree.kind === "not") return [{ text: `${words.not} ${wanted((tree.parts ?? [])[0], words)}`, isKnown: true }]
  if (tree.kind !== "compare") return [{ text: wanted(tree, words), isKnown: true }]
  const value = known[String(tree.name)]
  const now = typeof value === "number" && Number.isFinite(value) ? rounded(value) : typeof value === "string" && value ? value : ""
  return [{ text: now ? `${wanted(tree, words)} (${words.now.replace("{value}", () => now)})` : wanted(tree, words), isKnown: now !== "" }]
}

/**
 * What a part asks for.
 * @param {Tree} tree @param {Words} words
 * @returns {string}
 */
function wanted(tree, words) {
  if (tree.kind === "and" || tree.kind === "or") return `(${(tree.parts ?? []).map((part) => wanted(part, words)).join(` ${words[tree.kind]} `)})`
  if (tree.kind === "not") return `${words.not} ${wanted((tree.parts ?? [])[0], words)}`
  const name = String(tree.name)
  if (tree.kind === "happening") return words[`happens:${name}`] ?? name
  const title = words[`name:${name}`] ?? name
  if (tree.kind === "flag") return title
  const sign = SIGNS[String(tree.sign)]
  if (tree.other) return `${title} ${sign} ${words[`name:${tree.other}`] ?? tree.other}`
  return `${title} ${sign} ${typeof tree.value === "number" ? rounded(tree.value) + unit(name, words) : tree.value}`
}

/**
 * The numbers that conditions look at, as they are now: "KL 25.9 nats".
 * @param {readonly string[]} names
 * @param {import("./conditions.js").Known} known
 * @param {Words} words
 */
export function measured(names, known, words) {
  const told = [...new Set(names)].filter((name) => words[`name:${name}`] && typeof known[name] === "number" && Number.isFinite(known[name]))
  return told.map((name) => `${words[`name:${name}`]} ${rounded(/** @type {number} */ (known[name]))}${unit(name, words)}`).join(", ")
}

/** @param {string} name @param {Words} words */
const unit = (name, words) => (words[`unit:${name}`] ? ` ${words[`unit:${name}`]}` : "")

/** @param {number} value To three digits; whole numbers whole. */
export const rounded = (value) => String(Number.isInteger(value) ? value : Number(value.toPrecision(3))).replace("-", "−")
