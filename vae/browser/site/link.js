/** What the address says after `#`: which run and view, the point, the moment, and what each view shows. */

/**
 * @typedef {{run: string, view: string, z: number[] | null, y: number | null, mix: [number, number] | null, range: "data" | "prior",
 *   step: number | null, tab: "test" | "draw" | "picture", row: number | null, drawing: string, map: Record<string, any> | null,
 *   mode: "samples" | "compare" | "styles", label: number | null, hide: string[], lock: string[], lesson: string, lessonStep: number}} Place
 *   `lesson` is the name of the one that is open, "" for none, and `lessonStep` its step from 1.
 */

/** @returns {Place} */
export const home = () => ({
  run: "", view: "explore", z: null, y: null, mix: null, range: "data", step: null, tab: "test", row: null, drawing: "", map: null, mode: "samples", label: null,
  hide: [], lock: [], lesson: "", lessonStep: 1,
})

/** A part, as `sliders`, or a control of one, as `map.lasso` (`lib/controls.js`). */
const CONTROL = /^[a-z0-9_-]{1,40}(\.[a-z0-9-]{1,40})?$/

const numbers = (/** @type {string} */ text) => text.split(",").map(Number)
const finite = (/** @type {number[]} */ values) => values.every((value) => Number.isFinite(value) && Math.abs(value) <= 1000)
const whole = (/** @type {string | null} */ text) => (text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null)

const isText = (/** @type {unknown} */ value) => typeof value === "string"
const isNumber = (/** @type {unknown} */ value) => Number.isFinite(value)
const listOf = (/** @type {(value: unknown) => boolean} */ is) => (/** @type {unknown} */ value) => Array.isArray(value) && value.every(is)
/** What the map's view is made of; the map takes it as it is. */
const MAP = {
  projection: isText, colour: isText, tiles: isText, opacity: isNumber, layers: listOf(isText), hidden: listOf(isNumber),
  area: (/** @type {unknown} */ value) => value === null || (listOf(isNumber)(value) && /** @type {unknown[]} */ (value).length === 3),
  lasso: listOf((value) => Array.isArray(value)),
  ranges: listOf((value) => Array.isArray(value) && value.length === 3 && isText(value[0]) && isNumber(value[1]) && isNumber(value[2])),
}

/**
 * Read an address; what it says wrongly is as if it were not said.
 * @param {string} hash
 * @returns {Place}
 */
export function read(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""))
  const found = home()
  found.run = said.get("run") ?? ""
  found.view = said.get("view") ?? "explore"
  const z = numbers(said.get("z") ?? "x")
  if (finite(z)) found.z = z
  found.y = whole(said.get("y"))
  const mix = numbers(said.get("mix") ?? "x")
  if (finite(mix) && mix.length === 2 && Number.isInteger(mix[0]) && mix[0] >= 0) found.mix = [mix[0], mix[1]]
  if (said.get("range") === "prior") found.range = "prior"
  found.step = whole(said.get("step"))
  const tab = said.get("tab")
  if (tab === "draw" || tab === "picture") found.tab = tab
  found.row = whole(said.get("row"))
  found.drawing = (said.get("drawing") ?? "").slice(0, 4000)
  const mode = said.get("mode")
  if (mode === "styles" || mode === "compare") found.mode = mode
  for (const name of /** @type {const} */ (["hide", "lock"])) found[name] = (said.get(name) ?? "").split(",").filter((one) => CONTROL.test(one)).slice(0, 40)
  found.lesson = said.get("lesson") ?? ""
  found.lessonStep = whole(said.get("lesson-step")) ?? 1
  found.label = whole(said.get("label"))
  try {
    const map = JSON.parse(said.get("map") ?? "null")
    if (map && typeof map === "object" && !Array.isArray(map)) {
      const kept = Object.entries(map).filter(([name, value]) => Object.hasOwn(MAP, name) && MAP[/** @type {"area"} */ (name)](value))
      if (kept.length) found.map = Object.fromEntries(kept)
    }
  } catch {
    // Somebody cut the link.
  }
  return found
}

/**
 * The address of a place; what is as it is at first is left out.
 * @param {Place} place
 */
export function written(place) {
  const first = home()
  const said = new URLSearchParams()
  const put = (/** @type {string} */ name, /** @type {any} */ value, /** @type {any} */ usual = null) => {
    if (value !== null && value !== usual && value !== "") said.set(name, String(value))
  }
  put("run", place.run)
  put("view", place.view, first.view)
  put("z", place.z?.join(",") ?? null)
  put("y", place.y)
  put("mix", place.mix?.join(",") ?? null)
  put("range", place.range, first.range)
  put("step", place.step)
  put("tab", place.tab, first.tab)
  put("row", place.row)
  put("drawing", place.drawing)
  put("mode", place.mode, first.mode)
  put("label", place.label)
  put("map", place.map && JSON.stringify(place.map))
  put("hide", place.hide.join(","))
  put("lock", place.lock.join(","))
  put("lesson", place.lesson)
  if (place.lesson) put("lesson-step", place.lessonStep)
  return `#${said}`
}

/**
 * A place of this site: what it has not is replaced by what it has.
 * @param {Place} wanted
 * @param {Record<string, any>[]} runs
 * @param {string[]} views
 * @returns {Place}
 */
export function placed(wanted, runs, views) {
  const run = runs.find((one) => one.id === wanted.run) ?? runs[0]
  const there = views.includes(wanted.view) && (wanted.view !== "map" || run.map) && (wanted.view !== "diagnosis" || run.diagnosis)
  return { ...wanted, run: run.id, view: there ? wanted.view : "explore" }
}
