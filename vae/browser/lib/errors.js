/** What is known of an error that was caught: anything may be thrown. */

/**
 * An error's words.
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Whether work was given up because somebody wanted it to be.
 * @param {unknown} error
 */
export function isAbort(error) {
  return error instanceof Error && error.name === "AbortError"
}

const UNFORESEEN = "Something went wrong in this part of the page. Reload the page; details are in the browser's console."

/**
 * What a person is told of an error that was caught: its words, if it has words for a person. A mistake of ours, or an answer that is
 * no answer, has none; those go to the console.
 * @param {unknown} error
 */
export function sentenceOf(error) {
  const isMistake = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind)
  if (!isMistake) return messageOf(error)
  console.error(error)
  return UNFORESEEN
}
