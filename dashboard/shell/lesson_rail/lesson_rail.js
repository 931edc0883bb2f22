/**
 * The rail of a lesson, in Streamlit. What the state is, it reads from the run's stream; what happened, from the page's address and the
 * run's status. Python is told only where to go.
 */
import { rail } from "../../../vae/browser/lesson_rail/rail.js"
import { namesOf } from "../../../vae/browser/lesson_rail/conditions.js"
import { mountable } from "../../../vae/browser/lib/mount.js"
import { runAddress } from "../../components/source/server.js"
import { listen } from "../../components/source/stream.js"
import { inStreamlit } from "../../components/streamlit/adapter.js"
import { foldSheet, isAtFoot, pageAround, placeOf, railAround } from "../../streamlit_internals/page.js"
import { fromAddress, fromTrainer } from "../../../vae/browser/lesson_rail/happenings.js"

/** What only the diagnosis knows. */
const DIAGNOSED = ["verdict", "active_units"]
/** What a person does in the page, and what moves it alone. */
const ACTS = ["pointerdown", "keydown", "drop"]
const MOVES = ["wheel", "touchmove"]
/** States in which the weights still change. */
const AT_WORK = ["queued", "starting", "running"]

export default inStreamlit(mountable(import.meta.url, (root) => {
  const outlines = new CSSStyleSheet()
  document.adoptedStyleSheets.push(outlines)
  let component = null
  /** @type {import("./state").State} */
  let data
  /** Numbers and words of the run, as its stream last said. @type {Record<string, any>} */
  let live = {}
  /** @type {Record<string, any>} */
  let diagnosed = {}
  let diagnosis = ""
  /** @type {import("../../../vae/browser/lesson_rail/happenings.js").Trainer | null} */
  let trainer = null
  /** @type {AbortController | null} */
  let asking = null
  let followed = ""
  let stop = () => {}
  let address = here()
  /** Where in the page a person did something since it was opened. */
  let acts = new Set()
  /** The selector of what is to be brought into sight; empty once the person has done something. */
  let seeking = ""
  const grown = new ResizeObserver(seek)
  const changed = new MutationObserver(seek)
  const shown = rail(root, {
    known: () => ({ ...data.known, ...diagnosed, ...live, radius: radius() }),
    go: (step) => component.onChange("said", step, "choice"),
    leave: () => component.onChange("said", "leave", "choice"),
    follow: () => component.onChange("said", "follow", "choice"),
    fold: foldSheet,
    drawn: dress,
  })

  /** The address changed: by a person's act in the page, or by itself. */
  function moved() {
    const now = here()
    const found = fromAddress(address, now)
    if (now.path !== address.path) acts = new Set()
    else if (acts.has("page")) shown.happen(found)
    else if (acts.has("sidebar")) shown.happen(found.filter((words) => words === "run chosen"))
    if (now.query.run !== address.query.run) acts = new Set()
    address = now
    shown.look()
  }

  /** Bring what the step speaks of first into sight, where the page shows it elsewhere; until the person does something. */
  function seek() {
    const found = seeking ? [...document.querySelectorAll(seeking)].find((node) => node.getClientRects().length) : null
    if (!found || isAtFoot(found)) return
    const { top, height } = found.getBoundingClientRect()
    const sheet = railAround(root)?.getBoundingClientRect()
    const foot = sheet && sheet.left <= 0 ? sheet.top : innerHeight
    if (top < 0 || top + Math.min(height, 80) > foot) found.scrollIntoView({ block: "start" })
  }

  /** Outline what the step speaks of, and cover what would show the answer before the student has committed. @param {boolean} isCommitted */
  function dress(isCommitted) {
    const { highlight, sought, cover, words } = data
    const rules = highlight ? [`:is(${highlight}) { border-radius: 8px; outline: 3px solid #6a63f0; outline-offset: 3px; }`] : []
    if (sought) rules.push(`:is(${sought}) { scroll-margin-top: 72px; }`)
    if (cover && !isCommitted) {
      rules.push(
        `:is(${cover}) { min-height: 60px; position: relative; } :is(${cover}) > * { opacity: 0 !important; pointer-events: none; visibility: hidden !important; }`,
        `:is(${cover})::after { align-items: center; content: ${JSON.stringify(words.covered)}; display: flex; font-size: 14px; inset: 0; justify-content: center; padding: 12px; position: absolute; text-align: center; }`,
      )
    }
    outlines.replaceSync(rules.join("\n"))
  }

  /** @param {Event} event */
  function acted(event) {
    const place = placeOf(event)
    seeking = ""
    if (place !== "rail") acts.add(place)
  }

  function follow() {
    if (followed === data.run) return
    stop()
    if (followed) shown.forget()
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
        shown.look()
      },
      status(status) {
        if (run !== followed) return
        const state = data.is_shipped ? "example" : status.state
        live = { ...live, state, training: status.state === "running", epoch: status.epoch, step: status.step }
        if (status.beta !== null && status.beta !== undefined) live.beta = status.beta
        const now = { run, state: status.state, beta: status.control?.beta ?? null, runs: Number(data.known.num_runs ?? 0) }
        shown.happen(fromTrainer(trainer, now))
        trainer = now
        diagnose(`${run} ${status.stamp} ${status.best} ${status.state}`, status.state)
        shown.look()
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
        shown.look()
      })
      .catch(() => { if (!signal.aborted) diagnosis = "" })
  }

  for (const name of ACTS) window.addEventListener(name, acted, { capture: true, passive: true })
  const still = () => { seeking = "" }
  for (const name of MOVES) window.addEventListener(name, still, { capture: true, passive: true })
  window.addEventListener("latent-lab-address", moved)

  return {
    update(next) {
      component = next
      const runsBefore = Number(data?.known.num_runs ?? 0)
      data = component.state
      const { lesson, step, steps, title, done, hint, predict, opens, can_repeat, follows, words } = data
      if (shown.open({ lesson, step, steps, title, done, hint, predict, opens, can_repeat, follows, words })) {
        diagnosis = ""
        address = here()
        acts = new Set()
        seeking = data.sought
        const page = pageAround(root)
        grown.observe(page.firstElementChild ?? page)
        changed.observe(page, { childList: true, subtree: true })
      }
      // First of all, so that no number of the run before counts for this one.
      follow()
      // A run that was made and has ended before its stream said a word.
      if (trainer && trainer.run !== data.run) shown.happen(fromTrainer({ ...trainer, runs: runsBefore }, { run: data.run, state: "", beta: null, runs: Number(data.known.num_runs ?? 0) }))
      if (trainer && trainer.run === data.run) diagnose(`${data.run} ${data.lesson}:${data.step}`, trainer.state)
      shown.look()
      seek()
      root.dataset.ready = "true"
    },
    unmount() {
      stop()
      shown.stop()
      asking?.abort()
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== outlines)
      foldSheet(false)
      for (const name of ACTS) window.removeEventListener(name, acted, { capture: true })
      for (const name of MOVES) window.removeEventListener(name, still, { capture: true })
      grown.disconnect()
      changed.disconnect()
      window.removeEventListener("latent-lab-address", moved)
    },
  }
}))

/** How far the address's point lies from 0; null without one. */
function radius() {
  const z = here().query.z?.split(",").map(Number)
  return z?.length && z.every(Number.isFinite) ? Math.hypot(...z) : null
}

/** The page's address now. @returns {import("../../../vae/browser/lesson_rail/happenings.js").Address} */
function here() {
  const { pathname, searchParams } = new URL(location.href)
  return { path: pathname, query: Object.fromEntries(searchParams) }
}
