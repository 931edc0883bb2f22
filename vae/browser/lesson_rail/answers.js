/** Progress and answers of all lessons, as this browser keeps them; nothing of it is sent anywhere. */
import { holds, namesOf } from "./conditions.js"
import { measured, rounded } from "./unmet.js"

/**
 * @typedef {{title: string, predicted?: string, choice?: number, came?: string, measured?: string, right?: boolean | null, done?: string}} Answer
 * @typedef {{open: number, happened: string[], since?: number | null, before?: Record<string, number | string>, steps: Record<string, Answer>}} Progress
 *   `since`: the epoch at which β was last changed in the open step; `before`: what the page showed when it began.
 * @typedef {{getItem: (name: string) => string | null, setItem: (name: string, text: string) => void}} Storage
 */

const NAME = "latent-lab-lessons"

/**
 * All that is kept.
 * @param {Storage} storage
 * @returns {Record<string, Progress>}
 */
export function kept(storage) {
  try {
    const found = JSON.parse(storage.getItem(NAME) ?? "{}")
    return found && typeof found === "object" && !Array.isArray(found) ? found : {}
  } catch {
    return {}
  }
}

/**
 * Of one lesson; where another step is opened than before, nothing has happened in it yet.
 * @param {Storage} storage
 * @param {string} lesson
 * @param {number} step
 * @returns {Progress}
 */
export function opened(storage, lesson, step) {
  const found = kept(storage)[lesson]
  const steps = found?.steps && typeof found.steps === "object" ? found.steps : {}
  if (found?.open !== step) return { open: step, steps, happened: [] }
  const { happened, since = null, before = {} } = found
  return { open: step, steps, happened: Array.isArray(happened) ? happened : [], since, before }
}

/**
 * @param {Storage} storage
 * @param {string} lesson
 * @param {Progress} progress
 */
export function keep(storage, lesson, progress) {
  try {
    storage.setItem(NAME, JSON.stringify({ ...kept(storage), [lesson]: progress }))
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}

/**
 * What came of a prediction, or null as long as that is not known.
 * @param {{choices: readonly {text: string, when: any}[], value: string, unit: string}} predict
 * @param {number | undefined} choice The choice that was predicted.
 * @param {import("./conditions.js").Known} known
 * @param {Iterable<string>} happened
 * @param {Record<string, string>} words The rail's: what is said if no choice holds, and names of numbers.
 * @returns {{came: string, measured?: string, right: boolean | null} | null} `measured`: the numbers that decided it.
 */
export function outcome(predict, choice, known, happened, words) {
  if (predict.value) {
    const found = known[predict.value]
    if (typeof found !== "number" || Number.isNaN(found)) return null
    return { came: `${rounded(found)}${predict.unit ? ` ${predict.unit}` : ""}`, right: null }
  }
  const place = predict.choices.findIndex(({ when }) => holds(when, known, happened))
  const names = predict.choices.flatMap(({ when }) => comparedIn(when))
  if (place >= 0) {
    const isRight = choice !== undefined && holds(predict.choices[choice].when, known, happened)
    return { came: predict.choices[place].text, measured: measured(names, known, words), right: isRight }
  }
  return names.some((name) => known[name] === undefined || known[name] === null) ? null : { came: words.other, measured: measured(names, known, words), right: false }
}

/** @param {any} tree @returns {string[]} */
function comparedIn(tree) {
  if (tree.kind === "compare") return namesOf(tree)
  return (tree.parts ?? []).flatMap(comparedIn)
}

/**
 * All answers as CSV.
 * @param {Record<string, Progress>} all
 */
export function csv(all) {
  const rows = [["lesson", "step", "title", "predicted", "came", "right", "completed"]]
  for (const [lesson, { steps }] of Object.entries(all)) {
    for (const [step, answer] of Object.entries(steps ?? {})) {
      const right = answer.right === true ? "yes" : answer.right === false ? "no" : ""
      rows.push([lesson, step, answer.title ?? "", answer.predicted ?? "", answer.came ?? "", right, answer.done ?? ""])
    }
  }
  return `${rows.map((row) => row.map(quoted).join(",")).join("\r\n")}\r\n`
}

/** @param {string} text */
function quoted(text) {
  // A spreadsheet would take these for the beginning of a formula.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/**
 * Where progress is kept: by the browser; or in the page, as long as it is there, where the browser forbids that (a frame in a sandbox).
 * @returns {Storage}
 */
export function storageHere() {
  try {
    localStorage.getItem(NAME)
    return localStorage
  } catch {
    /** @type {Map<string, string>} */
    const held = new Map()
    return { getItem: (name) => held.get(name) ?? null, setItem: (name, text) => void held.set(name, text) }
  }
}
