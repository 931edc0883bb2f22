/** A point plus a weighted difference of two group means, decoded as the weight is dragged. */
import { server } from "../../../components/source/source.js"
import { count, element, number, say } from "../../../../vae/browser/lib/dom.js"
import { gridMenu } from "../../../../vae/browser/lib/image_grid.js"
import { sentenceOf } from "../../../../vae/browser/lib/errors.js"
import { short } from "../../../../vae/browser/lib/store.js"

const SIDE = 88
const LIMIT = 1000

/**
 * @param {{changed: () => void, decode: (client: object, z: Float32Array, canvas: HTMLCanvasElement) => void, send: (z: Float32Array) => void,
 *   failed: (sentence: string) => void, stops: () => {text: string}[], point: () => Float32Array | null}} page
 */
export function arithmetic(page) {
  const groups = { a: group("a", "A", "group-a"), b: group("b", "B", "group-b") }
  const point = picture("Point")
  const result = picture("Result")
  const weight = element("input", {
    class: "ll-range weight", type: "range", min: -2, max: 2, step: 0.05, value: 1, "aria-label": "Weight of the difference", dataset: { control: "weight" }, title: "Double click sets it to 1", oninput: compute,
    onchange: () => page.changed(), ondblclick: () => { weight.value = "1"; compute(); page.changed() },
  })
  const value = element("span", { class: "value" })
  const send = element("button", { class: "ll-button", type: "button", dataset: { action: "send" }, onclick: sendResult }, "Send to sliders")
  const note = element("p", { class: "ll-note" })
  const sign = (text) => element("span", { class: "sign", "aria-hidden": "true" }, text)
  const node = element(
    "div", { class: "sum", hidden: true },
    element(
      "div", { class: "terms" },
      point.node, sign("+"), element("div", { class: "factor" }, value, element("span", { class: "ll-rail" }, element("span", { class: "ll-track" }), weight)), sign("× ("), groups.a.node, sign("−"), groups.b.node, sign(") ="),
      result.node, send,
    ),
    note,
  )
  const save = gridMenu(() => {
    const terms = [["point", point, page.point()], ["mean A", groups.a, groups.a.mean], ["mean B", groups.b, groups.b.mean], ["result", result, sum()]]
    const known = terms.filter(([, , z]) => z)
    const dims = known[0]?.[2].length ?? 0
    return {
      name: `${data.run}-arithmetic`, grid: { images: [known.map(([, { canvas }]) => canvas)], columns: known.map(([name]) => name) },
      known: { columns: Array.from({ length: dims }, (_, d) => `z${d + 1} (σ of the prior = 1)`), of: (_, k) => [...known[k][2]] },
    }
  }, "the images of the sum")
  send.after(save)

  /** @type {import("./state").State} What Python told. */
  let data = null
  let weights = null
  let active = false

  function picture(title, ...below) {
    const canvas = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": title, style: { width: `${SIDE}px` } })
    const words = element("figcaption", {}, title)
    return { canvas, words, node: element("figure", { class: "term" }, canvas, words, ...below) }
  }

  function group(key, letter, control) {
    const made = { mean: null, num: 0, asked: "", members: new Set() }
    made.select = element("select", { class: "field", "aria-label": `Group ${letter}`, dataset: { group: key, control }, onchange: () => { void fetchMean(made, true); page.changed() } })
    made.members_list = element("fieldset", { class: "members", hidden: true, dataset: { control } }, element("legend", { class: "ll-sr" }, `Stops in group ${letter}`))
    return Object.assign(made, picture(`Mean ${letter}`, made.select, made.members_list), { letter })
  }

  /** What the server is asked for: a class, or the stops that are ticked; null for nothing. */
  function question(made) {
    if (made.select.value !== "stops") return made.select.value === "" ? null : { label: made.select.value }
    const chosen = page.stops().filter((stop) => made.members.has(stop)).map(({ text }) => text)
    return chosen.length ? { stops: chosen.join("_") } : null
  }

  async function fetchMean(made, fresh = false) {
    drawMembers(made, fresh)
    const query = question(made)
    const asked = JSON.stringify([data.run, weights, query])
    if (made.asked === asked) return
    made.asked = asked
    try {
      const found = query && (await server.get(data.run, "group", { ...query, at: weights.at, v: weights.stamp }, "json", { waiting: page.failed }))
      if (made.asked !== asked) return
      made.mean = found && Float32Array.from(found.mean)
      made.num = found?.num ?? 0
    } catch (error) {
      if (made.asked !== asked) return
      made.mean = null
      made.asked = ""
      page.failed(sentenceOf(error))
    }
    redraw()
  }

  /** Ticks for the stops; all of them when the group has just become one of stops. */
  function drawMembers(made, fresh) {
    const stops = page.stops()
    made.members_list.hidden = made.select.value !== "stops"
    if (made.members_list.hidden) return
    for (const stop of made.members) if (!stops.includes(stop)) made.members.delete(stop)
    if (fresh && !made.members.size) stops.forEach((stop) => made.members.add(stop))
    made.members_list.replaceChildren(
      made.members_list.firstChild,
      ...stops.map((stop, place) =>
        element(
          "label", {},
          element("input", {
            type: "checkbox", checked: made.members.has(stop), "aria-label": `Stop ${place + 1}`,
            onchange: (event) => {
              if (event.target.checked) made.members.add(stop)
              else made.members.delete(stop)
              void fetchMean(made)
              page.changed()
            },
          }),
          String(place + 1),
        )),
      ...(stops.length ? [] : [element("span", { class: "ll-note" }, "no stops yet")]),
    )
  }

  function sum() {
    const z = page.point()
    const { a, b } = groups
    if (!z || !a.mean || !b.mean) return null
    const share = weight.valueAsNumber
    return z.map((start, d) => Math.max(-LIMIT, Math.min(LIMIT, start + share * (a.mean[d] - b.mean[d]))))
  }

  function compute() {
    const share = weight.valueAsNumber
    say(value, number(share))
    weight.setAttribute("aria-valuetext", number(share))
    if (!active) return
    const z = page.point()
    if (z) page.decode(point, z, point.canvas)
    const found = sum()
    send.disabled = !found
    result.node.classList.toggle("unknown", !found)
    if (found) page.decode(result, found, result.canvas)
  }

  function redraw() {
    if (!active) return
    for (const made of Object.values(groups)) {
      made.node.classList.toggle("unknown", !made.mean)
      if (made.mean) page.decode(made, made.mean, made.canvas)
      const what = made.select.value === "stops" ? "stop" : "image"
      say(made.words, `Mean ${made.letter}${made.num ? ` · ${count(made.num)} ${what}${made.num > 1 ? "s" : ""}` : ""}`)
    }
    tell()
    compute()
  }

  function tell() {
    const { a, b } = groups
    const apart = a.mean && b.mean ? Math.hypot(...a.mean.map((start, d) => start - b.mean[d])) : null
    const words = apart === null ? "Choose two groups. The difference of their means is added to the current point." : `The means are ${number(apart)} apart.`
    const given = data?.conditional ? " This model is conditional, so z contains little of the class, and the means of classes nearly coincide." : ""
    say(note, words + given)
  }

  function sendResult() {
    const found = sum()
    if (!found) return
    // The result becomes the point: with the weight it had, it would move on.
    weight.value = "0"
    page.send(found)
    compute()
    page.changed()
  }

  function named(made) {
    if (made.select.value !== "stops") return `c${made.select.value}`
    return `s${page.stops().map((stop, place) => (made.members.has(stop) ? place + 1 : "")).join("")}`
  }

  function choose(made, name) {
    made.select.value = name[0] === "c" ? name.slice(1) : "stops"
    made.members = new Set(page.stops().filter((_, place) => name[0] === "s" && name.includes(String(place + 1))))
  }

  return {
    node,
    /** Groups and weight, as `dashboard/views/explore/path_text.py` reads them. */
    get text() {
      return [named(groups.a), named(groups.b), short(weight.value)].join()
    },
    set text(wanted) {
      const [a, b, share] = wanted.split(",")
      choose(groups.a, a)
      choose(groups.b, b)
      weight.value = share
    },
    /** Shown or hidden: nothing is asked for and decoded out of sight. */
    activate(on) {
      active = on
      node.hidden = !on
      if (on) this.refresh(weights)
    },
    adopt(next) {
      const other = data?.run !== next.run
      data = next
      for (const canvas of [point.canvas, result.canvas, groups.a.canvas, groups.b.canvas]) {
        canvas.style.aspectRatio = `${data.shape[2]} / ${data.shape[1]}`
      }
      if (!other) return
      Object.values(groups).forEach((made, k) => {
        made.select.replaceChildren(
          ...data.classes.map((name, label) => element("option", { value: label }, `class ${name}`)),
          element("option", { value: "stops" }, "stops"),
        )
        made.select.selectedIndex = Math.min(k, made.select.options.length - 1)
        Object.assign(made, { mean: null, num: 0, asked: "", members: new Set() })
      })
    },
    /** Ask for the means again: other weights, or other stops. */
    refresh(next) {
      weights = next
      if (active && data && weights) Object.values(groups).forEach((made) => fetchMean(made))
      if (active) redraw()
    },
    redraw,
    compute,
  }
}
