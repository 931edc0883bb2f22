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
