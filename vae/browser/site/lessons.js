/** Lessons on a shared site: their list in the head, and the rail beside the views. What the state is, the site knows; what happened, its address says. */
import { restrict } from "../lib/controls.js"
import { element, say } from "../lib/dom.js"
import { fromAddress } from "../lesson_rail/happenings.js"
import { rail } from "../lesson_rail/rail.js"
import { stepWords } from "../lesson_rail/step_words.js"
import { home, read, written } from "./link.js"

/** @typedef {import("./link.js").Place} Place */

/** Pages of the app, as conditions name them, by the view that stands for each. */
const PAGES = { explore: "explore", map: "map", generate: "generate", diagnosis: "collapse" }
/** Parts of the site that a step points at, by the names that lessons have for cards and controls. */
const POINTED = {
  sliders: "sliders", image: "image", draw: "image_source", source: "image_source", map: "map", part: "map", samples: "generate", seed: "generate", "sample-again": "generate",
  gap: "generate", mode: "generate", modes: "generate", class: "generate", num: "generate", diagnosis: "diagnosis", verdict: "diagnosis", time: "time_machine",
}
/** Those names that mean a whole part, which `hide=` takes away and `lock=` leaves in sight. */
const WHOLE = ["sliders", "image", "draw", "source", "map", "samples", "diagnosis", "time"]

/**
 * @param {{site: any, titles: Record<string, string>, shapes: Record<string, any>, place: () => Place, go: (place: Place) => void}} given
 */
export function lessons({ site, titles, shapes, place, go }) {
  const root = document.documentElement
  const alive = element("div", { class: "ll", dataset: { component: "lesson_rail" } })
  const shadow = element("div", { class: "alive" })
  shadow.attachShadow({ mode: "open" }).append(alive)
  const [heading, title, words] = [element("p", { class: "ll-note" }), element("h2", {}), element("div", { class: "words" })]
  const aside = element("aside", { class: "lesson", hidden: true }, heading, title, words, shadow)
  const list = element("div", { class: "ll-card" })
  const menu = element("details", { class: "about" }, element("summary", { class: "ll-button" }, site.lessons.length === 1 ? "Lesson" : "Lessons"), list)
  menu.hidden = !site.lessons.length
  list.append(...site.lessons.map((/** @type {any} */ lesson) => element(
    "section", {}, element("h2", { class: "ll-title" }, lesson.title), element("div", { class: "ll-note" }, ...stepWords(lesson.about)),
    element("button", { class: "ll-button", type: "button", dataset: { lesson: lesson.name }, onclick: () => { menu.open = false; begin(lesson.name, 1) } }, `Start, ${lesson.minutes} min`),
  )))
  let shown = ""
  let sampled = 0
  let committed = true

  const lessonOf = (/** @type {Place} */ at) => site.lessons.find((/** @type {any} */ one) => one.name === at.lesson) ?? null
  /** The lesson after the one that is open. @param {Place} at */
  const followingOf = (at) => site.lessons[site.lessons.indexOf(lessonOf(at)) + 1]
  const stepOf = (/** @type {Place} */ at) => Math.min(Math.max(1, at.lessonStep), lessonOf(at).steps.length)

  const steps = rail(alive, {
    known() {
      const now = place()
      const run = shapes[now.run]
      const radius = now.z ? Math.hypot(...now.z) : null
      return { ...run.known, radius, page: PAGES[/** @type {"map"} */ (now.view)], run: now.run, has_images: !run.missing, num_runs: site.runs.length }
    },
    go: (number) => begin(place().lesson, number),
    leave: () => go({ ...place(), lesson: "", lessonStep: 1, hide: [], lock: [] }),
    follow: () => begin(followingOf(place())?.name, 1),
    drawn: (isCommitted) => { committed = isCommitted; cover() },
    fold: (isFolded) => { root.dataset.sheet = isFolded ? "folded" : "open" },
  })

  /** Hide what would show the answer until the prediction is committed: each part knows what of it does. */
  function cover() {
    const lesson = lessonOf(place())
    const names = lesson && !committed ? lesson.steps[stepOf(place()) - 1].predict?.covers ?? [] : []
    const covered = new Set(names.map((/** @type {"map"} */ name) => POINTED[name]))
    for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".part"))) node.dataset.covered = String(covered.has(node.dataset.part ?? ""))
  }

  /** Go to a step: to its run and view, with what its link says. @param {string} name @param {number} number */
  function begin(name, number) {
    const now = place()
    const { run, view, place: link } = lessonOf({ ...now, lesson: name }).steps[number - 1]
    const { map, ...others } = link
    const from = run && run !== now.run ? { ...home(), run, view: now.view } : { ...now, hide: [], lock: [] }
    const said = new URLSearchParams(written({ ...from, ...(view && { view }), ...(map && { map: { ...from.map, ...map } }), lesson: name, lessonStep: number }).slice(1))
    for (const [key, text] of Object.entries(others)) said.set(key, String(text))
    go(read(`#${said}`))
  }

  /** What the address says of a place, in the words of the app's links. @param {Place} at @param {number} seed */
  function address(at, seed) {
    const y = at.view === "generate" ? at.label : at.y
    const said = { run: at.run, z: at.z?.join(","), y, mix: at.mix?.join(","), at: at.step, image: at.row, drawing: at.drawing, seed }
    const query = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null && value !== undefined && value !== "").map(([key, value]) => [key, String(value)]))
    return { path: at.view, query }
  }

  return {
    aside,
    menu,
    /** The person changed the place, or drew new samples. @param {Place} before @param {Place} now @param {boolean} [hasSampled] */
    moved(before, now, hasSampled = false) {
      if (!lessonOf(now) || before.lesson !== now.lesson || before.lessonStep !== now.lessonStep) return
      const was = address(before, sampled)
      if (hasSampled) sampled += 1
      steps.happen(fromAddress(was, address(now, sampled)))
    },
    /** Show the place's step, or none. */
    show() {
      const now = place()
      const lesson = lessonOf(now)
      root.dataset.lesson = String(Boolean(lesson))
      restrict(now.hide, now.lock)
      aside.hidden = !lesson
      const pointed = new Set()
      if (lesson) {
        const number = stepOf(now)
        const step = lesson.steps[number - 1]
        const isElsewhere = Boolean(step.view && step.view !== now.view) || Boolean(step.run && step.run !== now.run)
        if (shown !== `${lesson.name}:${number}`) {
          shown = `${lesson.name}:${number}`
          aside.setAttribute("aria-label", lesson.title)
          aside.lang = lesson.language || "en"
          say(heading, `${lesson.title} · ${lesson.words.step.replace("{step}", String(number)).replace("{steps}", String(lesson.steps.length))}`)
          say(title, step.title)
          words.replaceChildren(...stepWords(step.words))
          aside.scrollTop = 0
        }
        steps.open({
          lesson: lesson.name, step: number, steps: lesson.steps.length, title: step.title, done: step.done, hint: step.hint, predict: step.predict, words: lesson.words, follows: followingOf(now)?.title ?? "",
          opens: isElsewhere ? titles[step.view || now.view] : "", can_repeat: Boolean(step.run) || Object.keys(step.place).length > 0,
        })
        steps.look()
        if (!isElsewhere) for (const name of step.highlight) if (Object.hasOwn(POINTED, name)) pointed.add(POINTED[/** @type {"map"} */ (name)])
      }
      const partsOf = (/** @type {string[]} */ names) => new Set(names.filter((name) => WHOLE.includes(name)).map((name) => POINTED[/** @type {"map"} */ (name)]))
      const [hidden, locked] = [partsOf(now.hide), partsOf(now.lock)]
      for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".part"))) {
        const name = node.dataset.part ?? ""
        node.dataset.pointed = String(pointed.has(name))
        node.hidden = hidden.has(name)
        node.inert = locked.has(name)
      }
      cover()
    },
    /** @param {CSSStyleSheet[]} sheets */
    dress(sheets) {
      /** @type {ShadowRoot} */ (shadow.shadowRoot).adoptedStyleSheets = sheets
    },
  }
}
