/** The latent map: posterior means of images, coloured by label; what lies under the pointer is decoded as it moves. */
import { arrays } from "../lib/arrays.js"
import { decoderOf, drawFirst } from "../lib/decoder.js"
import { count, dimName, element, mounted, number, point as words, say } from "../lib/dom.js"
import { paint } from "../lib/picture.js"
import { adoptStyle, axis, CONFIG, look, plotly } from "../lib/plotly.js"
import { runAddress } from "../lib/server.js"
import { classOf, oneHot, pointOf, short } from "../lib/store.js"
import { mix, theme } from "../lib/theme.js"
import { lift, prepare, project } from "./points.js"

/** Pixels from the pointer within which an image counts as pointed at. */
const NEAR = 10
/** A press that moves less, in pixels, and is shorter, in ms, is a click. */
const STILL = 4
const BRIEF = 600
/** Pixels between the pointer and its card. */
const GAP = 20
const RADII = [1, 2, 3]
const LAYERS = 5

export default mounted((root) => {
  const legend = element("fieldset", { class: "legend" }, element("legend", { class: "ll-sr" }, "Labels shown in colour"))
  const chart = element("div", { class: "chart", tabindex: 0, role: "application", "aria-label": "Latent map. Arrow keys move the point, Enter keeps it." })
  const pin = element("div", { class: "pin", hidden: true, "aria-hidden": "true" })
  const message = element("p", { class: "ll-message" }, "Loading the latent positions…")
  const slice = element("p", { class: "ll-note", hidden: true })
  const decoded = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Decoded spot" })
  const original = element("canvas", { class: "ll-pixels", width: 1, height: 1, role: "img", "aria-label": "Nearest image" })
  const spot = element("p", { class: "ll-note" })
  const nearest = element("p", { class: "ll-note" })
  const source = element("p", { class: "ll-note" })
  const card = element(
    "div", { class: "card", hidden: true, "aria-hidden": "true" },
    element("figure", {}, element("figcaption", { class: "ll-title" }, "Decoded here"), decoded, spot),
    element("figure", {}, element("figcaption", { class: "ll-title" }, "Image"), original, nearest),
  )
  const missing = element("p", { class: "ll-note" })
  const title = element("h3", { class: "ll-title" })
  const reset = element("button", { class: "ll-button", type: "button", hidden: true, dataset: { action: "reset-view" }, onclick: () => resetView() }, "Reset view")
  root.replaceChildren(
    element(
      "section", { class: "ll-card panel", "aria-label": "Latent map" },
      element("div", { class: "ll-row head" }, title, reset), slice, legend,
      element("div", { class: "stage" }, chart, pin, message, card),
      element("div", { class: "ll-row foot" },
        element("p", { class: "ll-note" }, "Hover decodes the spot. A click sends it to the sliders, or an image's mean. The wheel zooms, dragging moves the view."), source, missing),
    ),
  )

  const client = {}
  let component = null
  let data = null
  let colours = null
  let Plotly = null
  let store = null
  let decoder = null
  let stop = () => {}
  let wanted = ""
  let loading = null
  /** What is shown: coordinates, labels, full means, rows of each label, and the grid that finds the nearest. */
  let shown = null
  let originals = null
  let faded = new Set()
  let size = ""
  let gone = false
  let hovered = 0

  const observer = new ResizeObserver(() => shown && draw())
  observer.observe(chart)

  async function load() {
    const { run, at, stamp, part } = data
    loading?.abort()
    const mine = (loading = new AbortController())
    const started = performance.now()
    message.hidden = false
    say(message, "Loading the latent positions…")
    delete root.dataset.ready
    try {
      const library = plotly()
      library.catch(() => {})
      const found = await arrays(runAddress(run, "latent", { at, part, v: stamp }), { signal: mine.signal })
      // The chart library is compiled beside this thread meanwhile.
      const prepared = prepare(found, data)
      Plotly = await library
      if (gone || mine !== loading) return
      shown = prepared
      reset.hidden = true
      originals = null
      message.hidden = true
      drawLegend()
      await draw(true)
      root.dataset.points = String(shown.num)
      root.dataset.ready = String(Math.round(performance.now() - started))
      place(store.point)
      loadOriginals(mine)
    } catch (error) {
      if (gone || mine !== loading || error.name === "AbortError") return
      console.error(error)
      say(message, error.message)
      message.dataset.kind = "error"
    }
  }

  /** The images themselves, for the card; without them the map still works. */
  async function loadOriginals(mine) {
    try {
      const found = await arrays(runAddress(data.run, "originals", { part: data.part }), { signal: mine.signal })
      if (gone || mine !== loading) return
      original.parentElement.hidden = false
      say(missing, "")
      const rows = new Map()
      found.index.data.forEach((index, row) => rows.set(index, row))
      originals = { images: found.images, scale: 255 / found.max_value, rows }
    } catch (error) {
      if (gone || mine !== loading || error.name === "AbortError") return
      originals = {}
      original.parentElement.hidden = true
      say(missing, error.message)
    }
  }

  function colour(label) {
    const palette = data.palette[colours.name]
    return label < 0 ? palette[0] : palette[label % palette.length]
  }

  function grey() {
    return mix(colours.background, colours.text, 0.22)
  }

  function marker(group) {
    const off = faded.has(group.label)
    return {
      color: off ? grey() : colour(group.label), size: shown.num > 20_000 ? 2.5 : shown.num > 4_000 ? 4 : 6,
      opacity: off ? 0.3 : shown.num > 20_000 ? 0.6 : 0.8, line: { width: 0 },
    }
  }

  /** Each label in several layers, all labels' first layers below all second ones: no label hides the others. */
  function traces() {
    const { groups } = shown
    const layers = shown.num > 2000 && groups.length > 1 ? LAYERS : 1
    const [back, front] = [groups.filter(({ label }) => faded.has(label)), groups.filter(({ label }) => !faded.has(label))]
    return [back, front].flatMap((some) =>
      Array.from({ length: layers }, (_, layer) =>
        some.map((group) => {
          const part = (values) => values.subarray((layer * values.length) / layers, ((layer + 1) * values.length) / layers)
          return {
            type: "scattergl", mode: "markers", name: group.name, x: part(group.x), y: part(group.y), marker: marker(group),
            hoverinfo: "skip",
          }
        })).flat())
  }

  function layout() {
    const centre = project(data.plane, new Float32Array(data.latent_dim))
    const circle = (radius) => ({
      type: "circle", layer: "above", opacity: 0.4, xref: "x", yref: "y", x0: centre[0] - radius, x1: centre[0] + radius,
      y0: centre[1] - radius, y1: centre[1] + radius, line: { color: colours.text, width: 1 },
    })
    const named = (radius) => ({
      text: `${radius}σ`, x: centre[0], y: centre[1] + radius, xref: "x", yref: "y", showarrow: false, yshift: 8,
      font: { size: 11, color: colours.muted }, bgcolor: colours.background, opacity: 0.8,
    })
    const [across, up] = axisTitles()
    return {
      ...look(colours), height: data.height, width: chart.clientWidth, margin: { l: 52, r: 8, t: 8, b: 44 },
      hovermode: false, dragmode: "pan",
      xaxis: { ...axis(colours), range: view("xaxis", shown.grid.left, shown.grid.right), title: { text: across, font: { size: 13 }, standoff: 8 }, zeroline: true },
      yaxis: { ...axis(colours), range: view("yaxis", shown.grid.low, shown.grid.high), title: { text: up, font: { size: 13 }, standoff: 4 }, scaleanchor: "x", scaleratio: 1, zeroline: true },
      shapes: RADII.map(circle), annotations: RADII.map(named),
    }
  }

  /** Where the person has moved the view, else all images. */
  function view(name, low, high) {
    return reset.hidden ? around(low, high) : [...chart.layout[name].range]
  }

  function axisTitles() {
    if (!data.plane || data.latent_dim === 2) return [dimName(0), dimName(1)]
    if (data.latent_dim === 1) return [dimName(0), ""]
    return ["first principal component", "second principal component"]
  }

  async function draw(afresh = false) {
    if (gone || !Plotly || !shown || !chart.clientWidth) return
    const now = JSON.stringify([chart.clientWidth, data.height, colours, [...faded], wanted])
    if (now === size && !afresh) return
    size = now
    const config = { ...CONFIG, scrollZoom: true, displayModeBar: false, doubleClick: false }
    adoptStyle(chart)
    await Plotly.react(chart, traces(), layout(), config)
    if (!chart.llListens) {
      chart.llListens = true
      chart.on("plotly_relayout", (change) => {
        place(store.point)
        if (Object.keys(change).some((name) => name.includes(".range"))) reset.hidden = false
      })
      chart.on("plotly_relayouting", () => place(store.point))
    }
    place(store.point)
  }

  /** Show all images again. */
  async function resetView() {
    const { left, right, low, high } = shown.grid
    await Plotly.relayout(chart, { "xaxis.range": around(left, right), "yaxis.range": around(low, high) })
    reset.hidden = true
  }

  function drawLegend() {
    const head = legend.firstChild
    const all = element("button", { class: "ll-button", type: "button", dataset: { action: "all" }, onclick: () => fade(new Set()) }, "All")
    const none = element(
      "button", { class: "ll-button", type: "button", dataset: { action: "none" }, onclick: () => fade(new Set(shown.groups.map(({ label }) => label))) }, "None",
    )
    const several = shown.groups.length > 1
    legend.hidden = !several
    legend.replaceChildren(
      head,
      ...shown.groups.map((group) =>
        element(
          "label", { title: `${count(group.rows.length)} images; double click shows these alone`, ondblclick: () => alone(group.label) },
          element("input", {
            type: "checkbox", checked: true, dataset: { label: group.label },
            onchange: (event) => {
              const next = new Set(faded)
              if (event.target.checked) next.delete(group.label)
              else next.add(group.label)
              fade(next)
            },
          }),
          element("i", { class: "key", dataset: { label: group.label } }), element("span", {}, group.name),
        )),
      all, none,
    )
    paintLegend()
    say(title, `${count(shown.num)} images of the ${data.part === "all" ? "whole data set" : `${data.part} part`}, each at its posterior mean`)
    const { plane } = data
    slice.hidden = !plane || data.latent_dim <= 2
    if (!slice.hidden) {
      say(slice, `The plane shows ${number(100 * plane.explained, 0)} % of the variance of ${data.latent_dim} dimensions. What is decoded is a slice: ` +
        "points of this plane, with nothing of the directions that it leaves out.")
    }
  }

  function paintLegend() {
    for (const key of legend.querySelectorAll(".key")) key.style.setProperty("--key", colour(Number(key.dataset.label)))
    for (const input of legend.querySelectorAll("input")) input.checked = !faded.has(Number(input.dataset.label))
  }

  function fade(next) {
    faded = next
    paintLegend()
    draw()
  }

  function alone(label) {
    fade(new Set(shown.groups.map((group) => group.label).filter((other) => other !== label)))
  }

  /** Show where the page's point is. */
  function place(point) {
    if (!point || !shown || !chart._fullLayout) return
    const { xaxis, yaxis } = chart._fullLayout
    if (!xaxis?.d2p) return
    const [u, v] = project(data.plane, point.z)
    const [left, top] = [xaxis.d2p(u), yaxis.d2p(v)]
    const inside = left >= 0 && left <= xaxis._length && top >= 0 && top <= yaxis._length
    pin.hidden = !inside
    pin.style.transform = `translate(${xaxis._offset + left}px, ${yaxis._offset + top}px)`
  }

  /** What is under the pointer: the place in the plane, and the nearest image, −1 if none is near. */
  function under(event) {
    if (!shown || !chart._fullLayout) return null
    const { xaxis, yaxis } = chart._fullLayout
    const box = chart.getBoundingClientRect()
    const [left, top] = [event.clientX - box.left - xaxis._offset, event.clientY - box.top - yaxis._offset]
    if (left < 0 || top < 0 || left > xaxis._length || top > yaxis._length) return null
    const [u, v] = [xaxis.p2d(left), yaxis.p2d(top)]
    const radius = Math.abs(xaxis.p2d(left + NEAR) - u)
    return { u, v, row: shown.grid.nearest(u, v, radius, (row) => !faded.has(shown.labels[row])) }
  }

  function condition() {
    return data.conditional ? (store.point.y ?? oneHot(0, data.classes.length)) : null
  }

  function hover(event) {
    const found = under(event)
    if (!found) return leave()
    float(event)
    const z = lift(data.plane, found.u, found.v)
    const y = condition()
    const asked = decoder
    decoder.request(client, { z, y }, (picture) => {
      if (asked !== decoder) return
      paint(decoded, picture)
      hovered += 1
      root.dataset.decoded = String(hovered)
      const label = classOf(y)
      say(spot, `${words(z)}${label < 0 ? "" : ` as ${data.classes[label]}`}`)
    }, (error) => say(spot, error.message))
    showOriginal(found.row)
  }

  /** The card stays near the pointer, on the side where there is room. */
  function float(event) {
    const box = chart.getBoundingClientRect()
    card.hidden = false
    const [left, top] = [event.clientX - box.left, event.clientY - box.top]
    const [width, height] = [card.offsetWidth, card.offsetHeight]
    const x = left + GAP + width <= box.width ? left + GAP : left - GAP - width
    const y = Math.min(Math.max(0, top - height / 2), box.height - height)
    card.style.transform = `translate(${Math.round(Math.max(0, x))}px, ${Math.round(y)}px)`
  }

  function leave() {
    decoder?.cancel(client)
    card.hidden = true
  }

  function showOriginal(row) {
    root.dataset.nearest = String(row)
    original.classList.toggle("dim", row < 0)
    if (row < 0) return say(nearest, "none near")
    const label = shown.labels[row]
    const name = label < 0 ? "" : `${data.classes[label]} · `
    say(nearest, `${name}no. ${shown.index[row]}`)
    const at = originals?.rows?.get(shown.index[row])
    if (at === undefined) return
    const [, channels, height, width] = originals.images.shape
    const offset = at * channels * height * width
    paint(original, { data: originals.images.data, offset, scale: originals.scale, channels, height, width })
  }

  function click(event) {
    const found = under(event)
    if (!found) return
    const { row } = found
    const z = row < 0 ? lift(data.plane, found.u, found.v) : shown.mean.slice(row * shown.dims, (row + 1) * shown.dims)
    choose(z, row, event.timeStamp)
  }

  function choose(z, row, time) {
    const label = row < 0 ? -1 : shown.labels[row]
    const y = data.conditional && label >= 0 ? oneHot(label, data.classes.length) : store.point.y
    store.set({ z, y }, { source: "map", time })
    store.tell(z, y)
    component.setTriggerValue("point", {
      z: Array.from(z, short), index: row < 0 ? null : shown.index[row], y: data.conditional ? classOf(y) : label < 0 ? null : label,
    })
  }

  let press = null
  chart.addEventListener("pointerdown", (event) => {
    press = event.isPrimary && event.button === 0 ? { x: event.clientX, y: event.clientY, time: event.timeStamp } : null
    if (event.pointerType !== "mouse") hover(event)
  }, { capture: true })
  // Plotly catches what follows a press on the whole window; so do we.
  const onUp = (event) => {
    if (!press || event.type === "pointercancel") return
    const still = Math.hypot(event.clientX - press.x, event.clientY - press.y) < STILL
    const brief = event.timeStamp - press.time < BRIEF
    press = null
    if (still && brief) click(event)
  }
  window.addEventListener("pointerup", onUp, { capture: true })
  window.addEventListener("pointercancel", onUp, { capture: true })
  chart.addEventListener("pointermove", hover)
  chart.addEventListener("pointerleave", leave)
  chart.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }
    if (!shown || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key in steps) {
      const step = event.shiftKey ? 0.5 : 0.05
      const move = lift(data.plane, steps[event.key][0] * step, steps[event.key][1] * step)
      const rest = lift(data.plane, 0, 0)
      store.set({ z: store.point.z.map((value, d) => value + move[d] - rest[d]) }, { source: "map", time: event.timeStamp })
    } else if (event.key === "Enter") choose(store.point.z, -1, event.timeStamp)
    else return
    event.preventDefault()
  })

  return {
    update(next) {
      component = next
      data = next.data
      colours = theme(root)
      chart.style.height = `${data.height}px`
      const { run, at, stamp, z, y, conditional, classes, shape } = data
      const fresh = decoderOf(run, { at, stamp })
      if (fresh !== decoder) {
        decoder?.clients.delete(client)
        decoder?.cancel(client)
        decoder = fresh
        decoder.clients.add(client)
        decoder.ready.then(() => {
          if (fresh !== decoder) return
          root.dataset.source = decoder.source
          say(source, decoder.source === "server" ? `Decoded on the server, which is slower: ${decoder.reason}` : "")
        })
      }
      for (const canvas of [decoded, original]) canvas.style.aspectRatio = `${shape[2]} / ${shape[1]}`
      if (store !== pointOf(run)) {
        stop()
        store = pointOf(run)
        store.adopt(root, z, conditional ? oneHot(y ?? 0, classes.length) : null)
        stop = store.subscribe(place)
      } else store.adopt(root, z, conditional ? oneHot(y ?? 0, classes.length) : null)
      const now = JSON.stringify([run, at, stamp, data.part, data.plane, classes])
      if (now !== wanted) {
        wanted = now
        faded = new Set()
        drawFirst(load())
      } else if (shown) {
        paintLegend()
        draw()
      }
    },
    unmount() {
      gone = true
      loading?.abort()
      stop()
      observer.disconnect()
      window.removeEventListener("pointerup", onUp, { capture: true })
      window.removeEventListener("pointercancel", onUp, { capture: true })
      decoder?.cancel(client)
      decoder?.clients.delete(client)
      if (chart.data) Plotly.purge(chart)
    },
  }
})

/** An interval with some air. */
function around(low, high) {
  const air = (high - low) * 0.05 || 1
  return [low - air, high + air]
}
