/** How far one is in each lesson. */

/**
 * @param {import("./state").State} state
 * @param {Record<string, import("../../../../vae/browser/lesson_rail/answers.js").Progress>} kept What the browser has kept.
 * @returns {{card: string, text: string}[]} Of each lesson of which a step is done: its card, and what stands beside its title.
 */
export function marks({ lessons, done, part }, kept) {
  return lessons.flatMap(({ name, steps, card }) => {
    const answers = kept[name]?.steps ?? {}
    const num = Array.from({ length: steps }, (_, k) => answers[k + 1]?.done !== undefined).filter(Boolean).length
    if (!num) return []
    return [{ card, text: num === steps ? done : part.replace("{done}", String(num)).replace("{steps}", String(steps)) }]
  })
}
