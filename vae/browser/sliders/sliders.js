/** One slider for each latent dimension, and the class of a conditional model. Python hears of it on release only. */
import { decoders } from "../lib/decoder.js"
import { radioGroup } from "../lib/choices.js"
import { dimName, element, say } from "../lib/dom.js"
import { gridMenu } from "../lib/image_grid.js"
import { mountable } from "../lib/mount.js"
import { normal } from "../lib/random.js"
import { atPace, atRest } from "../lib/rest.js"
import { conditionOf, pointOf, short } from "../lib/store.js"
import { timeOf } from "../lib/time.js"
import { picker as conditionPicker } from "./condition.js"
import { DimensionRow } from "./dimension_row.js"
import { typedNumber, wordsOfPrior } from "./spans.js"
import { Strips } from "./strips.js"

const STEP = 0.05
const LEAP = 0.5
/** Between two moments of the page's time at which the strips follow it, ms. */
const PACE = 300
/** What the range of the data means. */
const RANGE_OF_DATA = "Where the posteriors of 99.9 % of the images lie"
/** Rows drawn before the person asks for the rest. */
const SHOWN = 24

export const mount = mountable(import.meta.url, (root) => {
  const rows = element("div", { class: "rows", dataset: { control: "dimensions" } })
  const more = element("button", { class: "ll-button", type: "button", hidden: true, onclick: showAll, dataset: { control: "more" } })
  const picker = element("div", { class: "picker" })
  const ranges = radioGroup("Range of the sliders", { data: "Data range", prior: "Prior range" }, (value) => {
    range = value
    setRange()
    moved = true
    told.now()
  }, { class: "ranges", control: "range" })
  ranges.node.hidden = true
  const [ofData, ofPrior] = ranges.inputs.map((input) => /** @type {HTMLElement} */ (input.parentElement))
  ofData.title = RANGE_OF_DATA
  const centre = button("Centre", "", "centre", () => reset())
  const actions = element(
    "div",
    { class: "ll-row actions" },
    centre,
    button("Random", "A random point of the prior (key R)", "random", () => random()),
    ranges.node,
  )
  const save = gridMenu(() => {
    const shown = [...controls.values()].filter(({ canvases }) => canvases.some((canvas) => canvas.width > 1))
    const known = { columns: ["value (σ of the prior = 1)"], of: (row, k) => [shown[row].steps[k]] }
    return { name: `${component.state.run}-along-each-dimension`, grid: { images: shown.map(({ canvases }) => canvases), rows: shown.map(({ dim }) => dimName(dim.index)) }, known }
  }, "the images along each dimension")
  actions.append(save)
  const refusal = element("p", { class: "ll-note refusal", role: "status", hidden: true })
  const hint = element("p", { class: "ll-note hint" })
  const below = element("p", { class: "ll-note below", "aria-hidden": "true", hidden: true }, "↓ Scroll for more dimensions")
  const scroll = element("div", { class: "scroll", onscroll: () => showBelow() }, rows, more, hint)
  const panel = element("div", { class: "ll-card panel" }, picker, actions, refusal, scroll, below)
  root.replaceChildren(panel)

  /** @type {import("../lib/mount.js").Given<import("./state").State>} */
  let component = null
  let source = null
  let store = null
  let stop = () => {}
  let time = null
  let stopTime = () => {}
  let drawn = ""
  let condition = null
  let strips = null
  let decoder = null
  /** Which range the sliders have, and which Python said last. */
  let range = "data"
  let heard = ""
  let all = false
  let moved = false
  /** @type {Map<number, DimensionRow>} The row of each dimension, by its index. */
  const controls = new Map()
  const told = atRest(tell)
  // Moments that are passed meanwhile are left out.
  const following = atPace(takeDecoder, PACE)
  const observer = new ResizeObserver(() => showBelow())
  observer.observe(scroll)
  observer.observe(rows)

  function button(label, title, action, onclick) {
    return element("button", { class: "ll-button", type: "button", title, onclick, dataset: { action } }, label)
  }

  /** Whether there is more than can be seen at once. */
  function showBelow() {
    const hidden = scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop > 8
    panel.dataset.below = String(hidden)
    below.hidden = !hidden
  }

  /** Move one dimension by its slider, as far as that goes; the rest stay. */
  function move(index, value, event) {
    const { low, high } = controls.get(index)
    put(index, Math.min(high, Math.max(low, value)), event)
  }

  function put(index, value, event) {
    const z = Float32Array.from(store.point.z)
    z[index] = value
    set({ z }, event)
  }

  function set(change, event) {
    moved = true
    refuse("")
    store.set(change, { source: "sliders", time: event?.timeStamp })
  }

  function refuse(sentence) {
    say(refusal, sentence)
    refusal.hidden = !sentence
  }

  /** Tell Python where the point rests, if it was moved here since it last heard. */
  function tell() {
    if (!store?.point || !moved) return
    moved = false
    const { z, y } = store.point
    store.tell(z, y)
    component.onChange("point", { z: Array.from(z, short), y: condition.from(), mix: condition.mix(), range })
  }

  function reset(event) {
    set({ z: new Float32Array(store.point.z.length) }, event)
    setRange()
    told.now()
  }

  function random() {
    const points = component.state.prior_points ?? []
    set({ z: points.length ? points[Math.floor(Math.random() * points.length)] : Array.from(store.point.z, normal) })
    told.now()
  }

  function keydown(index, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const now = store.point.z[index]
    const { low, high, steps } = controls.get(index)
    const leap = event.shiftKey ? LEAP : STEP
    const goals = {
      ArrowRight: now + leap, ArrowUp: now + leap, ArrowLeft: now - leap, ArrowDown: now - leap,
      ...Object.fromEntries(strips ? steps.map((value, k) => [String(k + 1), value]) : []),
      PageUp: now + LEAP, PageDown: now - LEAP, Home: low, End: high, Delete: 0, Backspace: 0,
    }
    if (event.key in goals) move(index, goals[event.key], event)
    else if (event.key === "0") reset(event)
    else if (event.key === "r" || event.key === "R") random()
    else return
    event.preventDefault()
    told.soon()
  }

  /** @param {import("./dimension_row.js").Dim} dim */
  function row(dim) {
    const { index } = dim
    const made = new DimensionRow(dim, strips !== null, {
      move: (value, event) => move(index, value, event), type: (event) => typed(index, event), press: (event) => keydown(index, event),
      leave: () => show(store.point), release: told.now,
    })
    controls.set(index, made)
    return made.root
  }

  /** A typed number may lie beyond the slider's ends, which then move. */
  function typed(index, event) {
    const { value, refusal: sentence } = typedNumber(event.target.value, index, component.state.bound)
    if (value === null) {
      refuse(sentence)
      return show(store.point, true)
    }
    put(index, value, event)
    show(store.point, true)
    told.now()
  }

  function showAll() {
    all = true
    for (const { root: made } of controls.values()) made.hidden = false
    more.hidden = true
  }

  /** @param {import("./state").State} state */
  function draw({ dims, classes, y_label: title, full, shape }) {
    controls.clear()
    strips?.stop()
    decoder = null
    strips = full ? new Strips() : null
    save.hidden = !full
    panel.dataset.full = String(full)
    rows.style.setProperty("--cell-ratio", `${shape[2]} / ${shape[1]}`)
    rows.replaceChildren(...dims.map(row))
    const hiding = !all && dims.length > SHOWN
    dims.slice(SHOWN).forEach((dim) => { controls.get(dim.index).root.hidden = hiding })
    more.hidden = !hiding
    say(more, `Show all ${dims.length} dimensions`)
    condition = conditionPicker(picker, { classes, title: title ?? "Class", blending: full, change: (y, event) => set({ y }, event), release: told.now })
    ranges.node.hidden = !full
    const words = wordsOfPrior(component.state)
    ofPrior.lastChild.textContent = words.label
    ofPrior.title = words.title
    centre.title = words.centre
    // The keys of full sliders are in the page's help.
    say(hint, full ? "" : "Arrow keys 0.05, with Shift 0.5. Double click or Delete sets one to 0, key 0 all, key R a random point.")
    hint.hidden = full
  }

  /** Put the ends of all sliders where the chosen range has them. */
  function setRange() {
    const reach = component.state.prior_range
    strips?.clear()
    for (const control of controls.values()) {
      control.ends = range === "prior" ? [-reach, reach] : [control.dim.low, control.dim.high]
      stretch(control, store?.point?.z[control.dim.index] ?? 0)
    }
    ranges.value = range
    if (store?.point) show(store.point)
  }

  /** Let a slider hold a value, 0 and the chosen range; its images are decoded anew. */
  function stretch(control, value) {
    control.stretch(value)
    strips?.add({ index: control.dim.index, steps: control.steps, canvases: control.canvases, strip: control.strip })
  }

  /** Somebody else has moved the point, and tells it: what these sliders had still to tell is past. */
  function hear(point) {
    if (moved && point.source !== "sliders") {
      moved = false
      told.cancel()
    }
    show(point)
  }

  /** Show a point; a field that is being typed in is left alone. */
  function show(point, force = false) {
    const active = /** @type {ShadowRoot} */ (root.getRootNode()).activeElement
    for (const [index, control] of controls) {
      const value = point.z[index] ?? 0
      if (control.isBeyond(value)) stretch(control, value)
      control.show(value, !force && control.field === active && point.source.startsWith("sliders"))
    }
    showBands(point)
    condition?.show(point.y)
    strips?.follow(point)
  }

  /** Where the point is an image's posterior: μ − σ to μ + σ. */
  function showBands({ mean, sigma }) {
    if (!sigma && root.dataset.band !== "true") return
    root.dataset.band = String(Boolean(sigma))
    for (const [index, control] of controls) control.showBand(sigma ? mean[index] : null, sigma ? sigma[index] : null)
    if (time) showRates()
  }

  /** The strips show what the image shows: the weights of the page's time. */
  function followTime() {
    showRates()
    if (!strips) return
    if (decoder) following.soon()
    else void takeDecoder()
  }

  async function takeDecoder() {
    const { run, at, stamp } = component.state
    const next = decoders.of(source, run, time.weights({ at, stamp }))
    if (next === decoder) return
    decoder?.clients.delete(root)
    decoder = next
    decoder.clients.add(root)
    await next.ready
    if (decoder !== next) return
    panel.dataset.strips = String(next.source === "browser")
    strips?.decodeWith(next)
  }

  /** Show each dimension's KL at the page's time; the order stays. */
  function showRates() {
    const rates = time.shown?.rate_per_dim
    const sigma = store.point?.sigma
    for (const [index, control] of controls) {
      control.showRate(rates ? rates[index] : control.dim.rate, Boolean(rates), sigma ? sigma[index] : null)
    }
  }

  return {
    /** @param {import("../lib/mount.js").Given<import("./state").State>} next */
    update(next) {
      component = next
      source = next.source
      const { run, z, y, mix, dims, classes, height } = next.state
      const signature = JSON.stringify([run, dims, classes, next.state.y_label, next.state.full])
      const redrawn = signature !== drawn
      if (redrawn) {
        drawn = signature
        draw(next.state)
        condition.adopt(y, mix)
      }
      if (store !== pointOf(source, run)) {
        stop()
        store = pointOf(source, run)
        stop = store.subscribe(hear)
      }
      if (time !== timeOf(source, run)) {
        stopTime()
        time = timeOf(source, run)
        stopTime = time.subscribe(followTime)
      }
      if (height) panel.style.maxHeight = `${height}px`
      store.adopt(root, z, conditionOf(next.state))
      if (redrawn || next.state.range !== heard) {
        heard = range = next.state.range
        setRange()
      }
      followTime()
      show(store.point)
      root.dataset.ready = "true"
    },
    unmount() {
      told.cancel()
      following.cancel()
      observer.disconnect()
      stop()
      stopTime()
      strips?.stop()
      decoder?.clients.delete(root)
    },
  }
})
