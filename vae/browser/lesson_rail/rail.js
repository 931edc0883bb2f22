/**
 * What is alive in the rail of a lesson, wherever the lesson is shown: the prediction, the condition, progress and answers, and the way
 * to other steps. What the state is and what happened, the host says; it is told where to go.
 */
import { element, say } from "../lib/dom.js"
import { facts, heed } from "../lib/facts.js"
import { csv, keep, kept, opened, outcome, storageHere } from "./answers.js"
import { holds } from "./conditions.js"
import { fromFacts } from "./happenings.js"
import { unmet } from "./unmet.js"

/**
 * @typedef {import("./conditions.js").Tree} Tree
 * @typedef {{text: string, when: any}} Choice
 * @typedef {{ask: string, choices: readonly Choice[], value: string, unit: string, why: string}} Asked
 * @typedef {{lesson: string, step: number, steps: number, title: string, done: any, hint: string, predict: Asked | null, opens: string,
 *   can_repeat: boolean, follows: string, words: Record<string, string>}} Told
 *   A step: the tree of the condition that completes it, null for a press on the button; what is predicted first; the page that it
 *   opens, empty where one is there already; the title of the next lesson, empty after the last; and the rail's own words.
 * @typedef {{known: () => import("./conditions.js").Known, go: (step: number) => void, leave: () => void, follow: () => void, fold: (isFolded: boolean) => void,
 *   drawn?: (isCommitted: boolean) => void}} Host `drawn` hears whether the prediction has been committed, whenever the rail was drawn anew.
 */

const storage = storageHere()

/**
 * @param {HTMLElement} root Where it is drawn.
 * @param {Host} host
 */
export function rail(root, host) {
  /** @type {Told} */
  let data
  /** @type {import("./answers.js").Progress} */
  let progress = { open: 0, happened: [], steps: {} }
  let opening = ""
  let shown = ""
  let isFolded = false

  const answer = () => progress.steps[data.step] ?? { title: data.title }
  const isCommitted = () => !data.predict || answer().predicted !== undefined

  /** What the host knows, what the page shows, and what this step has seen. */
  function known() {
    const found = { ...host.known(), ...facts() }
    const { since } = progress
    return { ...found, epochs_since: typeof since === "number" && typeof found.epoch === "number" ? found.epoch - since : null }
  }

  /** The page shows other numbers. */
  function shows() {
    if (!data) return
    const now = facts()
    progress.before = { ...now, ...progress.before }
    happen(fromFacts(progress.before, now))
    look()
  }

  /** @param {Partial<import("./answers.js").Answer>} changes */
  function note(changes) {
    progress.steps[data.step] = { ...answer(), title: data.title, ...changes }
    save()
  }

  function save() {
    keep(storage, data.lesson, progress)
  }

  /** @param {string[]} found */
  function happen(found) {
    if (found.includes("beta changed") && isCommitted()) {
      progress.since = Number(host.known().epoch ?? 0)
      save()
    }
    const news = found.filter((words) => !progress.happened.includes(words))
    if (!news.length || !isCommitted()) return
    progress.happened.push(...news)
    save()
    look()
  }

  /** Whether the step is done now; if so, it stays done. */
  function look() {
    if (answer().done === undefined && isCommitted() && (data.done || data.predict)) {
      const holdsNow = !data.done || holds(/** @type {Tree} */ (data.done), known(), progress.happened)
      if (holdsNow) complete()
    }
    draw()
    tellUnmet()
  }

  /** What the step still waits for, and how it stands: in its place, so that nothing else of the rail is drawn anew. */
  function tellUnmet() {
    const [state, list] = [root.querySelector(".state"), root.querySelector(".unmet")]
    if (!state || !list) return
    const items = unmet(/** @type {Tree} */ (data.done), known(), progress.happened, data.words)
    say(state, items.length ? data.words.unmet : data.words.waiting)
    while (list.children.length > items.length) list.lastElementChild?.remove()
    while (list.children.length < items.length) list.append(element("li"))
    items.forEach((text, k) => say(list.children[k], text))
  }

  function complete() {
    const { predict } = data
    if (!predict) return note({ done: new Date().toISOString() })
    const found = outcome(predict, answer().choice, known(), progress.happened, data.words)
    if (found) note({ ...found, done: new Date().toISOString() })
  }

  /** @param {SubmitEvent} event */
  function commit(event) {
    event.preventDefault()
    const { predict } = data
    const form = /** @type {HTMLFormElement} */ (event.currentTarget)
    const text = String(new FormData(form).get("answer") ?? "")
    if (!predict || text === "") return
    Object.assign(progress, { happened: [], since: null, before: facts() })
    if (predict.value) note({ predicted: `${text}${predict.unit ? ` ${predict.unit}` : ""}` })
    else note({ predicted: predict.choices[Number(text)].text, choice: Number(text) })
    look()
  }

  /** @param {number} step */
  function go(step) {
    if (answer().done === undefined && !data.done && isCommitted()) note({ done: new Date().toISOString() })
    host.go(step)
  }

  function download() {
    const link = element("a", { href: URL.createObjectURL(new Blob([`\ufeff${csv(kept(storage))}`], { type: "text/csv" })), download: "lesson-answers.csv" })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  }

  function fold() {
    isFolded = !isFolded
    host.fold(isFolded)
    shown = ""
    look()
  }

  const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, more = {}) =>
    element("button", { class: "ll-button", type: "button", onclick, ...more }, text)

  function draw() {
    const { words, predict } = data
    const told = answer()
    const isDone = told.done !== undefined
    const now = JSON.stringify([data, told, isFolded, Object.entries(progress.steps).map(([step, one]) => [step, one.done])])
    if (now === shown) return
    shown = now
    root.dataset.done = String(isDone)
    root.dataset.committed = String(isCommitted())
    root.dataset.step = String(data.step)
    host.drawn?.(isCommitted())
    const dots = Array.from({ length: data.steps }, (_, k) =>
      element("li", { dataset: progress.steps[k + 1]?.done ? { done: "true" } : {}, "aria-current": k + 1 === data.step ? "step" : null }))
    const isLast = data.step === data.steps
    const asks = predict && !isCommitted()
    const waits = asks ? words.first : data.done ? words.waiting : words.press
    const parts = [
      element("ol", { class: "dots", "aria-label": words.step.replace("{step}", String(data.step)).replace("{steps}", String(data.steps)) }, ...dots),
      asks ? question() : null,
      predict && told.predicted !== undefined ? element("div", { class: "outcome" },
        element("p", {}, words.predicted.replace("{predicted}", () => String(told.predicted))),
        isDone ? element("p", {}, words.came.replace("{came}", () => [told.came ?? "", told.measured ? ` (${told.measured})` : ""].join(""))) : null,
        isDone && typeof told.right === "boolean" ? element("p", {}, element("strong", {}, told.right ? words.right : words.wrong)) : null,
        isDone && predict.why ? element("p", { class: "why" }, predict.why) : null) : null,
      element("p", { class: "state", role: "status", dataset: isDone ? { done: "true" } : {} }, isDone ? (isLast ? words.finished : words.done) : waits),
      !isDone && !asks && data.done ? element("ul", { class: "unmet" }) : null,
      data.opens ? element("div", { class: "row" }, button(words.open.replace("{page}", data.opens), () => go(data.step), { class: "ll-button open" })) : null,
      data.hint && !isDone ? element("details", {}, element("summary", {}, words.hint), element("p", {}, data.hint)) : null,
      isLast && isDone && data.follows ? element("div", { class: "row" }, button(words.follow.replace("{title}", () => data.follows), host.follow, { class: "ll-button follow", dataset: { primary: "true" } })) : null,
      element("div", { class: "row ends" },
        button(words.previous, () => go(data.step - 1), { disabled: data.step === 1, class: "ll-button previous" }),
        isLast ? (data.done || isDone || asks ? button(words.leave, host.leave, { class: "ll-button leave" }) : button(words.next, finish, { class: "ll-button next", dataset: { primary: "true" } }))
          : button(isDone || (!data.done && !asks) ? words.next : words.skip, () => go(data.step + 1), { class: "ll-button next", dataset: isDone || (!data.done && !asks) ? { primary: "true" } : {} })),
      data.can_repeat && !data.opens ? element("div", { class: "row" }, button(words.again, () => go(data.step), { class: "ll-button again" })) : null,
      element("div", { class: "row" }, button(words.csv, download, { class: "ll-button csv" })),
      element("p", { class: "kept" }, words.kept),
      element("button", { class: "corner fold", type: "button", "aria-label": isFolded ? words.unfold : words.fold, title: isFolded ? words.unfold : words.fold, onclick: fold }, isFolded ? "▴" : "▾"),
      element("button", { class: "corner", type: "button", "aria-label": words.leave, title: words.leave, onclick: host.leave }, "×"),
    ]
    root.replaceChildren(...parts.filter((part) => part !== null))
  }

  function question() {
    const { words } = data
    const predict = /** @type {Asked} */ (data.predict)
    const answers = predict.value
      ? [element("label", {}, element("input", { type: "number", name: "answer", step: "any", required: true, "aria-label": predict.ask }), predict.unit)]
      : predict.choices.map(({ text }, k) => element("label", {}, element("input", { type: "radio", name: "answer", value: k, required: true }), text))
    return element("form", { onsubmit: commit }, element("fieldset", {},
      element("legend", {}, words.predict), element("p", {}, predict.ask), ...answers,
      element("button", { class: "ll-button", type: "submit" }, words.commit)))
  }

  function finish() {
    note({ done: new Date().toISOString() })
    look()
  }

  const deaf = heed(shows)

  return {
    happen,
    look,
    stop: deaf,
    /** Another run is looked at: what its training did is not counted. */
    forget() {
      progress.since = null
    },
    /**
     * Take a step over, which `look` draws.
     * @param {Told} next
     * @returns {boolean} Whether another step was opened.
     */
    open(next) {
      data = next
      const now = `${data.lesson}:${data.step}`
      if (now === opening) return false
      opening = now
      progress = opened(storage, data.lesson, data.step)
      save()
      return true
    },
  }
}
