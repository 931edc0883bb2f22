/** A shared site: the explorer's parts on one page, of runs that are files. It asks nobody but its own place. */
import { decoders } from "../lib/decoder.js"
import { element, say } from "../lib/dom.js"
import { classOf, pointOf, short } from "../lib/store.js"
import { timeOf } from "../lib/time.js"
import { shared } from "../sources/shared.js"
import { lessons } from "./lessons.js"
import { home, placed, read, written } from "./link.js"
import { states } from "./states.js"

/** Parts: the module of each (`vae/browser/site_files.py` brings them along), its styles, and what its root is called. */
const PARTS = {
  image: { module: "image/image.js", styles: ["image/image.css"], name: "image" },
  sliders: { module: "sliders/sliders.js", styles: ["sliders/sliders.css"], name: "sliders" },
  image_source: { module: "image_source/image_source.js", styles: ["drawing_pad/drawing_pad.css", "test_images/test_images.css", "image_source/image_source.css"], name: "draw" },
  map: { module: "map/map.js", styles: ["map/map.css", "drawing_pad/drawing_pad.css"], name: "map" },
  generate: { module: "generate/generate.js", styles: ["generate/generate.css"], name: "generate" },
  diagnosis: { module: "diagnosis/shared.js", styles: ["diagnosis/diagnosis.css"], name: "diagnosis" },
  time_machine: { module: "time_machine/time_machine.js", styles: ["time_machine/time_machine.css"], name: "time" },
}
/** The views, and the parts of each. */
const VIEWS = { explore: ["image", "sliders", "image_source"], map: ["map"], generate: ["generate"], diagnosis: ["diagnosis"] }
const TITLES = { explore: "Explore", map: "Map", generate: "Generate", diagnosis: "Diagnosis" }
const THEMES = { auto: "Automatic theme", light: "Light", dark: "Dark" }
const KEPT = "latent-lab-site-theme"
/** The other parts wait so long for the first image, ms, at most. */
const PATIENCE = 1500

/**
 * @param {{site: any, file: import("../sources/shared.js").Files, runtime: string | (() => Promise<any>), style: (name: string) => Promise<string>,
 *   load: (module: string) => Promise<any>}} given `load` brings a module that is not there from the beginning.
 */
export function open({ site, file, runtime, style, load }) {
  // No prototype: a link may name any run, `constructor` as well.
  const shapes = Object.assign(Object.create(null), Object.fromEntries(site.runs.map((/** @type {any} */ run) => [run.id, run])))
  const source = shared({ file, runtime, shapes })
  let place = arrived(read(location.hash))
  // The decoder takes longest: it comes while the page is built, which waits for the disk once (what the browser keeps).
  const decoder = decoders.of(source, place.run, { at: "best", stamp: run().stamp })
  const imageCame = Promise.race([
    decoder.ready.then(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))), new Promise((resolve) => setTimeout(resolve, PATIENCE)),
  ])
  /** @type {Map<string, {node: HTMLElement, part: any}>} */
  const mounted = new Map()
  /** @type {Map<string, Promise<CSSStyleSheet>>} */
  const sheets = new Map()
  const isEmbedded = new URLSearchParams(location.search).get("embed") === "1"
  document.documentElement.dataset.embed = String(isEmbedded)

  // The frame -------------------------------------------------------------------------------------------------------

  const chooser = element(
    "select", { class: "ll-select", "aria-label": "Run", onchange: () => go({ ...home(), run: chooser.value, view: place.view, lesson: place.lesson, lessonStep: place.lessonStep }) },
    ...site.runs.map((/** @type {any} */ run) => element("option", { value: run.id }, run.name)),
  )
  const title = element("h1", {})
  const words = element("p", { class: "ll-note words" })
  const tabs = Object.fromEntries(Object.entries(TITLES).map(([name, label]) =>
    [name, element("button", { class: "ll-button", type: "button", dataset: { view: name }, onclick: () => go({ ...place, view: name }) }, label)]))
  const themes = element(
    "select", { class: "ll-select", "aria-label": "Theme", onchange: () => { keepTheme(themes.value); dress() } },
    ...Object.entries(THEMES).map(([name, label]) => element("option", { value: name }, label)),
  )
  const about = element("details", { class: "about" }, element("summary", { class: "ll-button" }, "About"), element("div", { class: "ll-card" }))
  const taught = lessons({ site, titles: TITLES, shapes, place: () => place, go })
  const head = element(
    "header", { class: "head" }, element("div", { class: "name" }, site.runs.length > 1 ? chooser : title, words),
    element("nav", { class: "tabs", "aria-label": "Views" }, ...Object.values(tabs)), element("div", { class: "more" }, taught.menu, themes, about),
  )
  const views = Object.fromEntries(Object.keys(VIEWS).map((name) => [name, element("section", { class: "view", dataset: { view: name }, hidden: true, "aria-label": TITLES[/** @type {"map"} */ (name)] })]))
  const foot = element("footer", { class: "foot", hidden: true })
  const page = element("div", { class: "ll site" }, head, element("main", {}, ...Object.values(views)), foot, taught.aside)
  document.body.prepend(page)
  document.addEventListener("pointerdown", (event) => {
    for (const opened of [about, taught.menu]) if (!opened.contains(/** @type {Node} */ (event.target))) opened.open = false
  })

  function run() {
    return shapes[place.run]
  }

  function arrived(/** @type {import("./link.js").Place} */ wanted) {
    return placed(wanted, site.runs, Object.keys(VIEWS))
  }

  // Theme -----------------------------------------------------------------------------------------------------------

  function keptTheme() {
    const asked = new URLSearchParams(location.search).get("theme")
    try {
      const kept = asked ?? localStorage.getItem(KEPT) ?? "auto"
      return Object.hasOwn(THEMES, kept) ? kept : "auto"
    } catch {
      return "auto"
    }
  }

  function keepTheme(/** @type {string} */ name) {
    try {
      localStorage.setItem(KEPT, name)
    } catch {
      // It holds as long as the page is there.
    }
    wanted = name
  }

  let wanted = keptTheme()
  themes.value = wanted
  const system = matchMedia("(prefers-color-scheme: dark)")
  system.addEventListener("change", () => dress())

  function dress() {
    document.documentElement.dataset.theme = wanted === "auto" ? (system.matches ? "dark" : "light") : wanted
    tellParts()
  }

  // Parts -----------------------------------------------------------------------------------------------------------

  function sheetOf(/** @type {string} */ name) {
    const known = sheets.get(name) ?? style(name).then((text) => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(text)
      return sheet
    })
    sheets.set(name, known)
    return known
  }

  /** @param {keyof typeof PARTS} name @param {HTMLElement} parent */
  async function put(name, parent) {
    if (mounted.has(name)) return
    const { module, styles, name: called } = PARTS[name]
    const node = element("div", { class: `part ${name}`, dataset: { part: name } })
    mounted.set(name, { node, part: null })
    parent.append(node)
    const shadow = node.attachShadow({ mode: "open" })
    const [{ mount }, ...dressed] = await Promise.all([load(module), ...["lib/tokens.css", "site/theme.css", ...styles].map(sheetOf)])
    shadow.adoptedStyleSheets = dressed
    const root = element("div", { class: "ll", dataset: { component: called } })
    shadow.append(root)
    const part = mount(root, { source, state: states(site, run(), place)[name], onChange: (what, value) => heard(name, what, value) })
    mounted.set(name, { node, part })
    taught.show()
  }

  /** The parts of a view; beside the image the others come once it is there, for they take time that it would wait for. @param {keyof typeof VIEWS} view */
  async function fill(view) {
    const [first, ...others] = VIEWS[view]
    void put(/** @type {"map"} */ (first), views[view])
    if (first === "image") await imageCame
    for (const name of others) void put(/** @type {"map"} */ (name), views[view])
    void put("time_machine", foot)
  }

  function tellParts() {
    const told = states(site, run(), place)
    for (const [name, { part }] of mounted) part?.update({ source, state: told[name], onChange: (/** @type {string} */ what, /** @type {any} */ value) => heard(name, what, value) })
  }

  /** A part says what the person did. */
  function heard(/** @type {string} */ name, /** @type {string} */ what, /** @type {any} */ value) {
    if (what === "point" && name === "sliders") change({ z: value.z, y: value.y, mix: value.mix, range: value.range, row: null })
    else if (what === "point") {
      const next = { z: Array.from(/** @type {number[]} */ (value.z), short), y: run().conditional ? (value.y ?? place.y) : null, mix: null, row: null }
      if (name === "generate") return go({ ...place, ...next, view: "explore" })
      change(next)
    } else if (what === "said") {
      change({ tab: value.tab, drawing: value.drawing, ...(value.z && { z: value.z, row: value.row, mix: null, ...(value.y !== null && { y: value.y }) }) })
    } else if (what === "view") change({ map: value })
    else if (what === "moved") change({ step: value.step })
    else if (what === "choice") change({ mode: value.mode, label: value.y })
    else if (what === "sampled") taught.moved(place, place, true)
  }

  function change(/** @type {Partial<import("./link.js").Place>} */ by) {
    const before = place
    place = { ...place, ...by }
    history.replaceState(null, "", written(place))
    tellParts()
    taught.moved(before, place)
  }

  /** Another view or run: a step that the browser's Back takes back. */
  function go(/** @type {import("./link.js").Place} */ next) {
    const before = place
    place = arrived(next)
    history.pushState(null, "", written(place))
    show()
    taught.moved(before, place)
  }

  // Showing ---------------------------------------------------------------------------------------------------------

  function show() {
    const now = run()
    document.title = `${now.name} · ${TITLES[/** @type {"map"} */ (place.view)]}`
    say(title, now.name)
    chooser.value = now.id
    say(words, now.words)
    words.title = now.words
    for (const [name, tab] of Object.entries(tabs)) {
      tab.setAttribute("aria-pressed", String(name === place.view))
      tab.hidden = (name === "map" && !now.map) || (name === "diagnosis" && !now.diagnosis)
    }
    for (const [name, view] of Object.entries(views)) view.hidden = name !== place.view
    const many = now.dims.length > 2 || now.conditional
    views.explore.dataset.many = String(many)
    const notes = [
      "Everything is computed in this page; nothing you draw leaves it.",
      now.missing ? "No image of the dataset is in this site. What looks like one was decoded by the model." : `The test images are shared too; their licence: ${site.licence || "it was not given"}.`,
      ...now.left_out.map((/** @type {string} */ sentence) => `Left out: ${sentence}`),
    ]
    about.lastElementChild?.replaceChildren(element("h2", { class: "ll-title" }, now.name), element("p", { class: "ll-note" }, now.words), element("ul", {}, ...notes.map((text) => element("li", {}, text))))
    timeOf(source, now.id).subscribe(() => { foot.hidden = timeOf(source, run().id).snapshots.length < 2; sizes() })
    void fill(/** @type {"map"} */ (place.view))
    sizes()
    tellParts()
    taught.show()
    document.documentElement.dataset.view = place.view
  }

  /** Heights that the parts' own styles ask for: of the first screen, and of the image in it. */
  function sizes() {
    const stage = Math.max(420, innerHeight - (isEmbedded ? 0 : head.offsetHeight) - (foot.hidden ? 0 : foot.offsetHeight) - 24)
    const set = (/** @type {string} */ name, /** @type {number} */ value) => document.documentElement.style.setProperty(name, `${Math.round(value)}px`)
    set("--stage", stage)
    set("--image", innerWidth < 900 ? Math.min(0.42 * innerHeight, innerWidth - 48) : stage - 60)
  }

  addEventListener("resize", sizes)
  const observer = new ResizeObserver(sizes)
  for (const node of [head, foot]) observer.observe(node)
  addEventListener("hashchange", () => { place = arrived(read(location.hash)); show() })
  addEventListener("popstate", () => { place = arrived(read(location.hash)); show() })
  document.documentElement.dataset.ready = "true"
  dress()
  show()
  void Promise.all(["lib/tokens.css", "site/theme.css", "lesson_rail/lesson_rail.css"].map(sheetOf)).then(taught.dress)
  // What a test may ask.
  window.__latentLab = Object.assign(window.__latentLab ?? { timings: [], decoded: 0 }, {
    site: { source, point: () => pointOf(source, place.run).point, class: () => classOf(pointOf(source, place.run).point?.y ?? null), place: () => place },
  })
}
