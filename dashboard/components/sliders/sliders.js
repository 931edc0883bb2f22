/** One slider for each latent dimension, and the class of a conditional model. Python hears of it on release only. */
import { dimName, element, mounted, number, say } from "../lib/dom.js"
import { classOf, oneHot, pointOf, short } from "../lib/store.js"

const STEP = 0.05
const LEAP = 0.5
/** What a slider can tell apart. */
const GRAIN = 0.001
/** Rows drawn before the person asks for the rest. */
const SHOWN = 24

/**
 * @typedef {{index: number, low: number, high: number, rate: number | null, band: [number, number] | null,
 *   collapsed: boolean}} Dim
 */

export default mounted((root) => {
  const rows = element("div", { class: "rows" })
  const more = element("button", { class: "ll-button", type: "button", hidden: true, onclick: showAll })
  const picker = element("div", { class: "picker" })
  const actions = element(
    "div",
    { class: "ll-row actions" },
    button("Centre", "Every dimension to 0, the middle of the prior (key 0)", "centre", () => reset()),
    button("Random", "A random point of the prior (key R)", "random", () => random()),
  )
  const hint = element(
    "p",
    { class: "ll-note hint" },
    "Arrow keys 0.05, with Shift 0.5. Double click or Delete sets one to 0, key 0 all, key R a random point.",
  )
  root.replaceChildren(element("div", { class: "ll-card panel" }, picker, rows, more, actions, hint))

  let component = null
  let store = null
  let stop = () => {}
  let drawn = ""
  let all = false
  let moved = false
  /** Controls of each dimension, by its index. */
  const controls = new Map()

  function button(label, title, action, onclick) {
    return element("button", { class: "ll-button", type: "button", title, onclick, dataset: { action } }, label)
  }

  /** Move one dimension; the rest stay. */
  function move(index, value, event) {
    const { low, high } = limits(index)
    const z = Float32Array.from(store.point.z)
    z[index] = Math.min(high, Math.max(low, value))
    set({ z }, event)
  }

  function set(change, event) {
    moved = true
    store.set(change, { source: "sliders", time: event?.timeStamp })
  }

  function limits(index) {
    const range = controls.get(index)?.range
    return range ? { low: Number(range.min), high: Number(range.max) } : { low: -1000, high: 1000 }
  }

  /** Tell Python where the point rests, if it was moved here since it last heard. */
  function release() {
    clearTimeout(release.timer)
    if (!store?.point || !moved) return
    moved = false
    const { z, y } = store.point
    store.tell(z, y)
    component.setTriggerValue("point", { z: Array.from(z, short), y: classOf(y) })
  }

  function releaseSoon() {
    clearTimeout(release.timer)
    release.timer = setTimeout(release, 300)
  }

  function reset(event) {
    set({ z: new Float32Array(store.point.z.length) }, event)
    release()
  }

  function random() {
    set({ z: Array.from(store.point.z, normal) })
    release()
  }

  function keydown(index, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const now = store.point.z[index]
    const { low, high } = limits(index)
    const leap = event.shiftKey ? LEAP : STEP
    const goals = {
      ArrowRight: now + leap, ArrowUp: now + leap, ArrowLeft: now - leap, ArrowDown: now - leap,
      PageUp: now + LEAP, PageDown: now - LEAP, Home: low, End: high, Delete: 0, Backspace: 0,
    }
    if (event.key in goals) move(index, goals[event.key], event)
    else if (event.key === "0") reset(event)
    else if (event.key === "r" || event.key === "R") random()
    else return
    event.preventDefault()
    releaseSoon()
  }

  /** @param {Dim} dim */
  function row(dim) {
    const name = dimName(dim.index)
    const known = dim.rate !== null
    const rate = element("span", { class: "rate" }, known ? `KL ${number(dim.rate)} nats` : "")
    const range = element("input", {
      type: "range", min: dim.low, max: dim.high, step: GRAIN, "aria-label": known ? `${name}, KL ${number(dim.rate)} nats` : name,
      oninput: (event) => move(dim.index, event.target.valueAsNumber, event),
      onchange: release,
      onkeydown: (event) => keydown(dim.index, event),
      ondblclick: (event) => { move(dim.index, 0, event); release() },
    })
    const place = (value) => `${(100 * (value - dim.low)) / (dim.high - dim.low)}%`
    const track = element("div", { class: "track" })
    if (dim.band) {
      const [from, to] = dim.band.map((value) => Math.min(dim.high, Math.max(dim.low, value)))
      const width = `${(100 * (to - from)) / (dim.high - dim.low)}%`
      track.append(element("div", { class: "band", style: { left: place(from), width } }))
    }
    if (dim.low < 0 && dim.high > 0) track.append(element("div", { class: "zero", style: { left: place(0) } }))
    const field = element("input", {
      class: "value", type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `${name}, number`,
      onchange: (event) => typed(dim.index, event),
      onkeydown: (event) => { if (event.key === "Escape") { show(store.point); event.target.blur() } },
      onfocus: (event) => event.target.select(),
    })
    const made = element(
      "div",
      {
        class: "dim", dataset: { dim: dim.index, collapsed: dim.collapsed },
        title: dim.collapsed ? "Collapsed: the posterior equals the prior here, so the decoder learned to ignore it" : null,
      },
      element("span", { class: "name" }, name), rate, element("div", { class: "rail" }, track, range),
      field,
    )
    controls.set(dim.index, { range, field, made })
    return made
  }

  function typed(index, event) {
    const value = Number(event.target.value.trim().replace("−", "-").replace(",", "."))
    if (event.target.value.trim() === "" || !Number.isFinite(value)) return show(store.point, true)
    move(index, value, event)
    show(store.point, true)
    release()
  }

  function showAll() {
    all = true
    for (const { made } of controls.values()) made.hidden = false
    more.hidden = true
  }

  function draw({ dims, classes, y_label: title }) {
    controls.clear()
    rows.replaceChildren(...dims.map(row))
    const hiding = !all && dims.length > SHOWN
    dims.slice(SHOWN).forEach((dim) => { controls.get(dim.index).made.hidden = hiding })
    more.hidden = !hiding
    say(more, `Show all ${dims.length} dimensions`)
    picker.replaceChildren()
    picker.hidden = !classes.length
    if (!classes.length) return
    const group = `class-${crypto.getRandomValues(new Uint32Array(1))[0]}`
    picker.append(
      element("span", { class: "name" }, title ?? "Class"),
      element(
        "fieldset", { class: "ll-choice classes" }, element("legend", { class: "ll-sr" }, title ?? "Class"),
        ...classes.map((label, index) =>
          element(
            "label", {},
            element("input", {
              type: "radio", name: group, value: index,
              onchange: (event) => {
                set({ y: oneHot(index, classes.length) }, event)
                release()
              },
            }),
            label,
          ),
        ),
      ),
    )
  }

  /** Show a point; a field that is being typed in is left alone. */
  function show(point, force = false) {
    const active = root.getRootNode().activeElement
    for (const [index, { range, field }] of controls) {
      const value = point.z[index] ?? 0
      // The store keeps 32 bits: its echo of a slider that is being dragged is not quite the slider's own value.
      if (Math.abs(range.valueAsNumber - value) > GRAIN) range.value = value
      const text = number(value)
      if (range.getAttribute("aria-valuetext") !== text) range.setAttribute("aria-valuetext", text)
      if ((force || field !== active || !point.source.startsWith("sliders")) && field.value !== text) field.value = text
    }
    const chosen = classOf(point.y)
    for (const input of picker.querySelectorAll("input")) input.checked = Number(input.value) === chosen
  }

  return {
    update(next) {
      component = next
      const { run, z, y, dims, classes } = next.data
      const signature = JSON.stringify([run, dims, classes, next.data.y_label])
      if (signature !== drawn) {
        drawn = signature
        draw(next.data)
      }
      if (store !== pointOf(run)) {
        stop()
        store = pointOf(run)
        stop = store.subscribe(show)
      }
      store.adopt(root, z, classes.length ? oneHot(y ?? 0, classes.length) : null)
      show(store.point)
      root.dataset.ready = "true"
    },
    unmount() {
      clearTimeout(release.timer)
      stop()
    },
  }
})

/** One draw from the standard normal distribution (Box and Muller). */
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
}
