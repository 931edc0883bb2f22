/** Which plane the map shows: the straight one, or one that t-SNE or UMAP found, which the server computes when asked. */
import { arrays } from "../lib/arrays.js"
import { count, element, say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"

/** Between two looks at a computation, ms. */
const PAUSE = 500
/** How long a wish may take to reach the server, ms. */
const PATIENCE = 8000

/**
 * @typedef {{value: string, title: string, hint: string, cap: number | null}} Method A method, why it
 *   cannot be used ("" if it can), and of how many images at most it is computed unless more are asked for.
 */

/**
 * The panel of a plane that has to be computed.
 * @param {{start: (method: string, num: number) => void, cancel: (method: string, num: number) => void,
 *   done: (flat: import("./points.js").Flat) => void}} heard
 */
export function projectionPanel(heard) {
  const words = element("p", { class: "ll-note" })
  const progress = element("progress", { max: 1, hidden: true })
  const few = element("button", { class: "ll-button small", type: "button", dataset: { action: "compute" } })
  const all = element("button", { class: "ll-button small", type: "button", dataset: { action: "compute-all" } })
  const cancel = element("button", { class: "ll-button small", type: "button", dataset: { action: "cancel" } }, "Cancel")
  const node = element("div", { class: "ll-row job", hidden: true, role: "status" }, words, progress, few, all, cancel)
  let timer = 0
  let turn = 0

  function hide() {
    clearTimeout(timer)
    turn += 1
    node.hidden = true
  }

  /**
   * Bring a computed plane, or offer to compute it.
   * @param {import("../lib/source.js").Source} source
   * @param {string} run
   * @param {{at: string, stamp: string}} weights
   * @param {string} part
   * @param {Method} method
   * @param {number} num Images of the part.
   */
  async function want(source, run, weights, part, method, num) {
    hide()
    const mine = turn
    node.hidden = false
    for (const button of [few, all, cancel]) button.hidden = true
    progress.hidden = true
    if (method.hint) return say(words, method.hint)
    const capped = method.cap !== null && num > method.cap
    const sizes = capped ? [num, method.cap] : [num]
    say(words, "Checking…")

    const guesses = new Map()
    let begun = -Infinity

    async function look() {
      let told = null
      try {
        for (const size of sizes) {
          const query = { method: method.value, part, num: size, at: weights.at, v: weights.stamp }
          const found = await source.get(run, "projection/status", query, "json", { waiting: (sentence) => mine === turn && sentence && say(words, sentence) })
          if (mine !== turn) return
          guesses.set(size, found.guess)
          if (found.state === "done") {
            const { xy, rows, trust } = await arrays(source, run, "projection", query)
            if (mine !== turn) return
            hide()
            return heard.done({ xy: xy.data, rows: rows.data, method, of: num, trust })
          }
          if (found.state === "running") return running(found, size)
          if (found.state !== "none") told = found
        }
      } catch (error) {
        if (mine === turn) say(words, sentenceOf(error))
        return
      }
      // The wish goes by way of the page's script, which may be busy.
      if (performance.now() - begun < PATIENCE) timer = setTimeout(look, PAUSE)
      else offer(told)
    }

    function running(found, size) {
      begun = -Infinity
      for (const button of [few, all]) button.hidden = true
      progress.hidden = cancel.hidden = false
      if (found.share === null) progress.removeAttribute("value")
      else progress.value = found.share
      const part = found.share === null ? "" : `, ${Math.round(100 * found.share)} %`
      say(words, `${method.title} of ${count(size)} images: ${found.words}${part}, ${Math.round(found.seconds)} s`)
      cancel.onclick = () => {
        begun = -Infinity
        heard.cancel(method.value, size)
        say(words, "Cancelling…")
      }
      timer = setTimeout(look, PAUSE)
    }

    function offer(told) {
      progress.hidden = cancel.hidden = true
      few.hidden = false
      all.hidden = !capped
      const first = capped ? method.cap : num
      const why = told === null ? "" : told.state === "failed" ? `It failed: ${told.words}. ` : "Cancelled. "
      say(words, `${why}${method.title} is not computed yet. Showing PCA meanwhile.`)
      say(few, capped ? `Compute ${count(first)} of ${count(num)}, chosen at random (${guesses.get(first)})` : `Compute (${guesses.get(num)})`)
      say(all, `Compute all ${count(num)} (${guesses.get(num)})`)
      const begin = (size) => {
        few.hidden = all.hidden = true
        say(words, "Starting…")
        begun = performance.now()
        heard.start(method.value, size)
        timer = setTimeout(look, PAUSE)
      }
      few.onclick = () => begin(first)
      all.onclick = () => begin(num)
    }

    await look()
  }

  return { node, want, hide, stop: hide }
}
