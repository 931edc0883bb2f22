/**
 * The part of a lesson's rail that is alive: the prediction, the condition, the way to other steps. What the state is, it reads from
 * the run's stream; what happened, from the page's address and the run's status. Python is told only where to go.
 */
import { element } from "../../../vae/browser/lib/dom.js"
import { mountable } from "../../../vae/browser/lib/mount.js"
import { runAddress } from "../../components/source/server.js"
import { listen } from "../../components/source/stream.js"
import { inStreamlit } from "../../components/streamlit/adapter.js"
import { foldSheet, placeOf } from "../../streamlit_internals/page.js"
import { csv, keep, kept, opened, outcome } from "./answers.js"
import { holds, namesOf } from "./conditions.js"
import { fromAddress, fromTrainer } from "./happenings.js"

/** What only the diagnosis knows. */
const DIAGNOSED = ["verdict", "active_units"]
/** States in which the weights still change. */
const AT_WORK = ["queued", "starting", "running"]

export default inStreamlit(mountable(import.meta.url, (root) => {
  const outlines = new CSSStyleSheet()
  document.adoptedStyleSheets.push(outlines)
  let component = null
  /** @type {import("./state").State} */
  let data
  /** @type {import("./answers.js").Progress} */
  let progress = { open: 0, happened: [], steps: {} }
  let opening = ""
  /** Numbers and words of the run, as its stream last said. @type {Record<string, any>} */
  let live = {}
  /** @type {Record<string, any>} */
  let diagnosed = {}
  let diagnosis = ""
  /** @type {import("./happenings.js").Trainer | null} */
  let trainer = null
  /** @type {AbortController | null} */
  let asking = null
  let followed = ""
  let stop = () => {}
  let address = here()
  /** Where in the page a person did something since it was opened. */
  let acts = new Set()
  let shown = ""
  let isFolded = false

  const known = () => ({ ...data.known, ...diagnosed, ...live })
  const answer = () => progress.steps[data.step] ?? { title: data.title }
  const isCommitted = () => !data.predict || answer().predicted !== undefined

  /** @param {Partial<import("./answers.js").Answer>} changes */
  function note(changes) {
    progress.steps[data.step] = { ...answer(), title: data.title, ...changes }
    save()
  }

  function save() {
    keep(localStorage, data.lesson, progress)
  }

  /** @param {string[]} found */
  function happen(found) {
    const news = found.filter((words) => !progress.happened.includes(words))
    if (!news.length || !isCommitted()) return
    progress.happened.push(...news)
    save()
    look()
  }

  /** The address changed: by a person's act in the page, or by itself. */
  function moved() {
    const now = here()
    const found = fromAddress(address, now)
    if (now.path !== address.path) acts = new Set()
    else if (acts.has("page")) happen(found)
    else if (acts.has("sidebar")) happen(found.filter((words) => words === "run chosen"))
    if (now.query.run !== address.query.run) acts = new Set()
    address = now
  }

  /** @param {Event} event */
  function acted(event) {
    const place = placeOf(event)
    if (place !== "rail") acts.add(place)
  }

  function follow() {
    if (followed === data.run) return
    stop()
    followed = data.run
    live = {}
    diagnosed = {}
    diagnosis = ""
    if (!data.run) return
    const { run } = data
    const heard = listen(run, {
      change(history) {
        const last = history.last
        if (!last || run !== followed) return
        live = { ...live, kl: last.rate, reconstruction: last.distortion, elbo: last.elbo, beta: last.beta, epoch: last.epoch, step: last.step }
        look()
      },
      status(status) {
        if (run !== followed) return
        const state = data.is_shipped ? "example" : status.state
        live = { ...live, state, training: status.state === "running", epoch: status.epoch, step: status.step }
        if (status.beta !== null && status.beta !== undefined) live.beta = status.beta
        const now = { run, state: status.state, beta: status.control?.beta ?? null, runs: Number(data.known.num_runs ?? 0) }
        happen(fromTrainer(trainer, now))
        trainer = now
        diagnose(`${run} ${status.stamp} ${status.best} ${status.state}`, status.state)
        look()
      },
    })
    stop = heard.stop
  }

  /** Ask for the diagnosis where a condition needs it and the weights are at rest. */
  function diagnose(stamp, state) {
    const trees = [data.done, ...(data.predict?.choices ?? []).map(({ when }) => when)]
    const needs = [...trees.flatMap((tree) => namesOf(/** @type {any} */ (tree))), data.predict?.value ?? ""]
    if (diagnosis === stamp || AT_WORK.includes(state) || !needs.some((name) => DIAGNOSED.includes(name))) return
    diagnosis = stamp
    asking?.abort()
    asking = new AbortController()
    const { signal } = asking
    const run = followed
    fetch(runAddress(run, "diagnosis", { at: data.at }), { signal })
      .then((response) => (response.ok ? response.json() : null))
      .then((found) => {
        if (!found || run !== followed || signal.aborted) return
        diagnosed = { active_units: found.num_active, ...(found.verdict ? { verdict: found.verdict.name } : {}) }
        look()
      })
      .catch(() => { if (!signal.aborted) diagnosis = "" })
  }

  /** Whether the step is done now; if so, it stays done. */
  function look() {
    if (answer().done === undefined && isCommitted() && (data.done || data.predict)) {
      const holdsNow = !data.done || holds(/** @type {any} */ (data.done), known(), progress.happened)
      if (holdsNow) complete()
    }
    draw()
  }

  function complete() {
    const { predict } = data
    if (!predict) return note({ done: new Date().toISOString() })
    const found = outcome(predict, answer().choice, known(), progress.happened, data.words.other)
    if (found) note({ ...found, done: new Date().toISOString() })
  }

  /** @param {SubmitEvent} event */
  function commit(event) {
    event.preventDefault()
    const { predict } = data
    const form = /** @type {HTMLFormElement} */ (event.currentTarget)
    const text = String(new FormData(form).get("answer") ?? "")
    if (!predict || text === "") return
    progress.happened = []
    if (predict.value) note({ predicted: `${text}${predict.unit ? ` ${predict.unit}` : ""}` })
    else note({ predicted: predict.choices[Number(text)].text, choice: Number(text) })
    look()
  }

  /** @param {number} step */
  function go(step) {
    if (answer().done === undefined && !data.done && isCommitted()) note({ done: new Date().toISOString() })
    component.onChange("said", step, "choice")
  }

  function download() {
    const link = element("a", { href: URL.createObjectURL(new Blob([`\ufeff${csv(kept(localStorage))}`], { type: "text/csv" })), download: "lesson-answers.csv" })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  }

  function fold() {
    isFolded = !isFolded
    foldSheet(isFolded)
    shown = ""
    draw()
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
    const dots = Array.from({ length: data.steps }, (_, k) =>
      element("li", { dataset: progress.steps[k + 1]?.done ? { done: "true" } : {}, "aria-current": k + 1 === data.step ? "step" : null }))
    const isLast = data.step === data.steps
    const asks = predict && !isCommitted()
    const waits = asks ? words.first : data.done ? words.waiting : words.press
    const parts = [
      element("ol", { class: "dots", "aria-label": words.step.replace("{step}", String(data.step)).replace("{steps}", String(data.steps)) }, ...dots),
      asks ? question() : null,
      predict && told.predicted !== undefined ? element("div", { class: "outcome" },
        element("p", {}, words.predicted.replace("{predicted}", told.predicted)),
        isDone ? element("p", {}, words.came.replace("{came}", told.came ?? "")) : null,
        isDone && typeof told.right === "boolean" ? element("p", {}, element("strong", {}, told.right ? words.right : words.wrong)) : null) : null,
      element("p", { class: "state", role: "status", dataset: isDone ? { done: "true" } : {} }, isDone ? (isLast ? words.finished : words.done) : waits),
      data.opens ? element("div", { class: "row" }, button(words.open.replace("{page}", data.opens), () => go(data.step), { class: "ll-button open" })) : null,
      data.hint && !isDone ? element("details", {}, element("summary", {}, words.hint), element("p", {}, data.hint)) : null,
      element("div", { class: "row ends" },
        button(words.previous, () => go(data.step - 1), { disabled: data.step === 1, class: "ll-button previous" }),
        isLast ? (data.done || isDone || asks ? button(words.leave, leave, { class: "ll-button leave" }) : button(words.next, finish, { class: "ll-button next" }))
          : button(isDone || (!data.done && !asks) ? words.next : words.skip, () => go(data.step + 1), { class: "ll-button next", "data-primary": isDone })),
      data.can_repeat && !data.opens ? element("div", { class: "row" }, button(words.again, () => go(data.step), { class: "ll-button again" })) : null,
      element("div", { class: "row" }, button(words.csv, download, { class: "ll-button csv" })),
      element("p", { class: "kept" }, words.kept),
      element("button", { class: "corner fold", type: "button", "aria-label": isFolded ? words.unfold : words.fold, title: isFolded ? words.unfold : words.fold, onclick: fold }, isFolded ? "▴" : "▾"),
      element("button", { class: "corner", type: "button", "aria-label": words.leave, title: words.leave, onclick: leave }, "×"),
    ]
    root.replaceChildren(...parts.filter((part) => part !== null))
  }

  function question() {
    const { words } = data
    const predict = /** @type {import("./state").Asked} */ (data.predict)
    const answers = predict.value
      ? [element("label", {}, element("input", { type: "number", name: "answer", step: "any", required: true, "aria-label": predict.ask }), predict.unit)]
      : predict.choices.map(({ text }, k) => element("label", {}, element("input", { type: "radio", name: "answer", value: k, required: true }), text))
    return element("form", { onsubmit: commit }, element("fieldset", {},
      element("legend", {}, words.predict), element("p", {}, predict.ask), ...answers,
      element("button", { class: "ll-button", type: "submit" }, words.commit)))
  }

  function finish() {
    note({ done: new Date().toISOString() })
    draw()
  }

  function leave() {
    component.onChange("said", "leave", "choice")
  }

  for (const name of ["pointerdown", "keydown", "drop"]) window.addEventListener(name, acted, { capture: true, passive: true })
  window.addEventListener("latent-lab-address", moved)

  return {
    update(next) {
      component = next
      const runsBefore = Number(data?.known.num_runs ?? 0)
      data = component.state
      const now = `${data.lesson}:${data.step}`
      if (now !== opening) {
        opening = now
        progress = opened(localStorage, data.lesson, data.step)
        save()
        diagnosis = ""
        address = here()
        acts = new Set()
      }
      // First of all, so that no number of the run before counts for this one.
      follow()
      // A run that was made and has ended before its stream said a word.
      if (trainer && trainer.run !== data.run) happen(fromTrainer({ ...trainer, runs: runsBefore }, { run: data.run, state: "", beta: null, runs: Number(data.known.num_runs ?? 0) }))
      outlines.replaceSync(data.highlight ? `:is(${data.highlight}) { border-radius: 8px; outline: 3px solid #6a63f0; outline-offset: 3px; }` : "")
      if (trainer && trainer.run === data.run) diagnose(`${data.run} ${now}`, trainer.state)
      look()
      root.dataset.ready = "true"
    },
    unmount() {
      stop()
      asking?.abort()
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== outlines)
      foldSheet(false)
      for (const name of ["pointerdown", "keydown", "drop"]) window.removeEventListener(name, acted, { capture: true })
      window.removeEventListener("latent-lab-address", moved)
    },
  }
}))

/** The page's address now. @returns {import("./happenings.js").Address} */
function here() {
  const { pathname, searchParams } = new URL(location.href)
  return { path: pathname, query: Object.fromEntries(searchParams) }
}
