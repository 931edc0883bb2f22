/** Conditions of a lesson, looked up in the state: the same trees and the same truth as `vae/lessons/conditions.py`. */

/**
 * @typedef {{kind: string, name?: string, sign?: string, value?: string | number, other?: string, parts?: Tree[]}} Tree `other` is a number
 *   of the state that is compared with, in place of a value.
 * @typedef {Record<string, string | number | boolean | null | undefined>} Known Numbers, words and flags by name.
 */

/** @type {Record<string, (a: any, b: any) => boolean>} */
const COMPARISONS = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
}

/**
 * Whether it is so. Of what is not known nothing is true.
 * @param {Tree} tree
 * @param {Known} known
 * @param {Iterable<string>} happened What happened since the step was opened.
 * @returns {boolean}
 */
export function holds(tree, known, happened = []) {
  const parts = tree.parts ?? []
  if (tree.kind === "or") return parts.some((part) => holds(part, known, happened))
  if (tree.kind === "and") return parts.every((part) => holds(part, known, happened))
  if (tree.kind === "not") return !holds(parts[0], known, happened)
  if (tree.kind === "happening") return [...happened].includes(String(tree.name))
  const found = known[String(tree.name)]
  if (tree.kind === "flag") return found === true
  const value = tree.other ? known[tree.other] : tree.value
  for (const one of [found, value]) if (one === null || one === undefined || Number.isNaN(one)) return false
  if ((typeof found === "string") !== (typeof value === "string")) return false
  return COMPARISONS[String(tree.sign)](found, value)
}

/**
 * All names that it looks at.
 * @param {Tree | null | undefined} tree
 * @returns {string[]}
 */
export function namesOf(tree) {
  if (!tree) return []
  return [...[tree.name, tree.other].flatMap((name) => name ?? []), ...(tree.parts ?? []).flatMap(namesOf)]
}
