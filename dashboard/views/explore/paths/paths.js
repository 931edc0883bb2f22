/** Paths through the latent space, played and scrubbed with the page's point, and arithmetic with means of groups. */
import { radioGroup, tick } from "../../../../vae/browser/lib/choices.js"
import { Echo } from "../../../../vae/browser/lib/echo.js"
import { decoderOf, pointOf, server, timeOf } from "../../../components/source/source.js"
import { arrays } from "../../../../vae/browser/lib/arrays.js"
import { slug } from "../../../../vae/browser/lib/controls.js"
import { element, say } from "../../../../vae/browser/lib/dom.js"
import { sentenceOf } from "../../../../vae/browser/lib/errors.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { atRest } from "../../../../vae/browser/lib/rest.js"
import { runAddress } from "../../../components/source/server.js"
import { blend, classOf, oneHot, short } from "../../../../vae/browser/lib/store.js"
import { arithmetic } from "./arithmetic.js"
import { stopRow } from "./stops.js"
import { strip } from "./strip.js"

/** Steps of all legs together, and of one at most. */
const STEPS = 120
const LEG = 60
/** Frames that are played in a second at single speed. */
const RATE = 24
/** Before what is shown follows a change of the weights or the condition, ms. */
const SETTLE = 250

export default inStreamlit(mountable(import.meta.url, (root) => {
  const message = element("p", { class: "ll-note message", role: "status", hidden: true })
  const hint = element("p", { class: "ll-note hint" }, "Add two or more stops. The path between them is decoded, and can be played and scrubbed.")
  const row = stopRow({
    changed: () => commit(),
    chosen: (place) => goToStop(place),
    failed: tell,
    decode,
    point: () => store?.point?.z ?? null,
    classOf: ofLabel,
  })
  const film = strip({
    scrubbed: (frame, event) => { pause(); go(frame, event) }, released: release, measured: () => commit(), failed: tell, decode, condition: ofFrame, name: () => `${data.run}-path`, classes: () => data.classes,
  })
  const sums = arithmetic({
    changed: () => commit(false), decode, failed: tell, stops: () => row.stops, point: () => store?.point?.z ?? null,
    send: (z) => { move(z); release() },
  })
  const play = element("button", { class: "ll-button play", type: "button", dataset: { action: "play" }, onclick: () => (playing ? pause(true) : start()) }, "▶ Play")
  const speed = select("Speed", [["0.5", "½ ×"], ["1", "1 ×"], ["2", "2 ×"], ["4", "4 ×"]], "1")
  const loop = tick("Loop", "Play back and forth until paused", { checked: true })
  const kind = radioGroup("How the path goes between stops", { straight: "Straight", spherical: "Spherical" }, () => commit(), { control: "kind" })
  const pace = tick("Even speed", "Steps of equal length along the whole path; otherwise each leg has equally many steps", { changed: () => commit() })
  const seconds = select("Seconds of the GIF, one way", [["2", "2 s"], ["3", "3 s"], ["5", "5 s"], ["8", "8 s"], ["12", "12 s"]], "3")
  const back = tick("back and forth", "The GIF goes to the end and back, without a jump", { checked: true })
  const files = {
    gif: link("GIF", "The path as an animation", () => fileAddress("path.gif", { seconds: seconds.value, back: back.input.checked ? 1 : 0 })),
  }
  const controls = element(
    "div", { class: "ll-row controls", hidden: true },
    play, speed, loop.node, element("span", { class: "rule" }), kind.node, pace.node, element("span", { class: "gap" }),
    element("span", { class: "joined" }, files.gif, seconds), back.node, film.save,
  )
  const panel = radioGroup("What is shown", { path: "Path", arithmetic: "Arithmetic" }, () => { showPanel(); commit(false) }, { control: "panel" })
  kind.value = "straight"
  panel.value = "path"
  const path = element("div", { class: "path" }, hint, controls, film.node)
  root.replaceChildren(
    element("div", { class: "panel" }, element("div", { class: "ll-row head" }, panel.node, row.bar), row.list, message, path, sums.node),
  )

  let component = null
  /** @type {import("./state").State} What Python told. */
  let data = null
  let store = null
  let time = null
  let decoder = null
  let weights = null
  let stopStore = () => {}
  let stopTime = () => {}
  let loading = null
  let playing = 0
  let moved = false
  let condition = ""
  /** The class that was chosen on the page, under which points are decoded; −1 without one. */
  let base = -1
  /** The condition to which the point was moved last. */
  let movedTo = null
  let fading = 0
  let echo = new Echo()
  const settled = atRest(refresh, SETTLE)
  const conditioned = atRest(redraw, SETTLE)

  function select(label, options, value) {
    const made = element("select", { class: "field", "aria-label": label, title: label, dataset: { control: slug(label) } }, ...options.map(([key, words]) => element("option", { value: key }, words)))
    made.value = value
    return made
  }

  /** A download; its address is settled when it is asked for, because the page's condition may have changed. */
  function link(label, title, address) {
    const made = element("a", { class: "ll-button", dataset: { control: "export" }, download: "", href: "#", title, "aria-label": `Export ${label}: ${title}`, onclick: () => { made.href = address() } }, label)
    return made
  }

  function tell(sentence) {
    say(message, sentence)
    message.hidden = !sentence
    clearTimeout(fading)
    if (sentence) fading = setTimeout(() => { message.hidden = true }, 12_000)
  }

  /** Decode under the page's condition, unless another is given. */
  function decode(client, z, canvas, given = null) {
    const asked = decoder
    asked.ready.then(() => {
      const y = given ?? store?.point?.y ?? null
      // Before the page has a point there is no condition; when it has one, all is drawn again.
      if (asked !== decoder || (data.conditional && !y)) return
      asked.request(client, { z, y }, (picture) => asked === decoder && paint(canvas, picture), (error) => tell(sentenceOf(error)))
    })
  }

  /** The condition of an image of a label, or of a point. */
  function ofLabel(label) {
    const own = label ?? base
    return data?.conditional && own >= 0 ? oneHot(own, data.classes.length) : null
  }

  /** The condition of a frame: between the classes of the two stops beside it, as `dashboard/views/explore/routes.py` has it. */
  function ofFrame(frame, { stops, labels }) {
    if (!data.conditional || base < 0) return null
    const next = stops.findIndex((at) => at >= frame)
    const after = next < 0 ? stops.length - 1 : Math.max(1, next)
    const [from, to] = [labels[after - 1] ?? base, labels[after] ?? base]
    const way = stops[after] > stops[after - 1] ? (frame - stops[after - 1]) / (stops[after] - stops[after - 1]) : 1
    const share = from === to ? 0 : short(Math.min(1, Math.max(0, way)))
    const percent = Math.round(100 * share)
    const parts = [[from, 100 - percent], [to, percent]].filter(([, part]) => part > 0).map(([label, part]) => data.classes[label] + (part < 100 ? ` ${part} %` : ""))
    return { from, to, share, y: blend(from, to, share, data.classes.length), words: `class ${parts.join(" + ")}` }
  }

  // The path ---------------------------------------------------------------------------------------------------------

  function route() {
    return {
      stops: row.text, kind: kind.value, pace: pace.input.checked ? "length" : "legs", radius: film.radius,
      sum: panel.value === "arithmetic" ? sums.text : "",
    }
  }

  /** The person changed the path, or the arithmetic alone: show it, and tell Python. */
  function commit(ofPath = true) {
    pause(true)
    tell("")
    const said = route()
    echo.tell(JSON.stringify(said))
    component.onChange("route", said)
    if (!ofPath) return
    sums.refresh(weights)
    void load()
  }

  function query() {
    return { ...route(), sum: null, at: weights.at, v: weights.stamp }
  }

  function fileAddress(name, more) {
    return runAddress(data.run, name, { ...query(), y: data.conditional && base >= 0 ? base : null, ...more })
  }

  async function load() {
    loading?.abort()
    const legs = row.stops.length - 1
    const mine = (loading = new AbortController())
    delete root.dataset.frames
    hint.hidden = legs > 0
    controls.hidden = legs < 1
    if (legs < 1) return film.show(null, 1)
    const num = legs * Math.min(LEG, Math.floor(STEPS / legs)) + 1
    try {
      const found = /** @type {any} */ (await arrays(server, data.run, "path", { ...query(), num }, { signal: mine.signal, waiting: tell }))
      if (mine !== loading) return
      film.show(found, data.shape[2] / data.shape[1])
      root.dataset.frames = String(film.num)
    } catch (error) {
      if (mine !== loading || error.name === "AbortError") return
      film.show(null, 1)
      tell(sentenceOf(error))
    }
  }

  /** Move the page's point, with a condition if one is given. */
  function move(z, event, given = null) {
    moved = true
    movedTo = given
    store.set({ z, ...(given && { y: given.y }) }, { source: "paths", time: event?.timeStamp })
  }

  function go(frame, event) {
    film.place(frame)
    move(film.frame(frame), event, film.condition(frame))
  }

  function goToStop(place) {
    pause()
    const { z, label } = row.stops[place] ?? {}
    if (!z) return
    if (film.num) film.place(Math.round(film.stops[place] ?? 0))
    const y = ofLabel(label)
    move(z, undefined, y && { from: classOf(y), to: classOf(y), share: 0, y })
    release()
  }

  /** Tell Python where the point rests, if it was moved here since it last heard. */
  function release() {
    if (!moved || !store?.point) return
    moved = false
    const { z, y } = store.point
    store.tell(z, y)
    const mix = movedTo && movedTo.share > 0 ? [movedTo.to, movedTo.share] : null
    component.onChange("point", { z: Array.from(z, short), y: movedTo?.from ?? null, mix })
  }

  function start() {
    if (film.num < 2) return
    let at = film.index === film.num - 1 ? 0 : film.index
    let way = 1
    let last = performance.now()
    const step = (now) => {
      const end = film.num - 1
      at += way * (RATE * Number(speed.value) * Math.min(200, now - last)) / 1000
      last = now
      if (at >= end || at <= 0) {
        at = Math.max(0, Math.min(end, at))
        if (!loop.input.checked && way > 0 && at === end) {
          go(end)
          return pause(true)
        }
        way = at === 0 ? 1 : -1
      }
      const frame = Math.round(at)
      if (frame !== film.index) go(frame)
      playing = requestAnimationFrame(step)
    }
    playing = requestAnimationFrame(step)
    showPlaying()
  }

  function pause(releasing = false) {
    cancelAnimationFrame(playing)
    playing = 0
    showPlaying()
    if (releasing) release()
  }

  function showPlaying() {
    say(play, playing ? "❚❚ Pause" : "▶ Play")
    play.setAttribute("aria-pressed", String(Boolean(playing)))
    root.dataset.playing = String(Boolean(playing))
  }

  function showPanel() {
    const sum = panel.value === "arithmetic"
    if (sum) pause(true)
    path.hidden = sum
    sums.activate(sum)
    if (!sum) film.redraw()
  }

  // The page's point and time ------------------------------------------------------------------------------------------

  function follow(point) {
    sums.compute()
    // What a path moves is no choice of a class.
    if (point.source !== "paths" || base < 0) base = classOf(point.y)
    const now = point.y ? `${base} ${point.y.join(" ")}` : ""
    if (now === condition) return
    condition = now
    conditioned.soon()
  }

  function redraw() {
    row.redraw()
    film.redraw()
    sums.redraw()
  }

  /** Decode with the weights of the page's time; what the server knows of them is asked for when the time rests. */
  function useWeights() {
    const next = time.weights({ at: data.at, stamp: data.stamp })
    if (weights && next.at === weights.at && next.stamp === weights.stamp) return false
    weights = next
    decoder?.clients.delete(root)
    decoder = decoderOf(data.run, weights)
    decoder.clients.add(root)
    return true
  }

  function refresh() {
    row.refresh(weights)
    sums.refresh(weights)
    void load()
  }

  return {
    update(next) {
      component = next
      data = next.state
      const { run, stops, kind: wantedKind, pace: wantedPace, radius, sum } = data
      const other = store !== pointOf(run)
      if (other) {
        pause()
        stopStore()
        stopTime()
        store = pointOf(run)
        time = timeOf(run)
        weights = null
        echo = new Echo()
      }
      const fresh = useWeights()
      row.use(weights)
      const news = echo.isNews(JSON.stringify({ stops, kind: wantedKind, pace: wantedPace, radius, sum }))
      sums.adopt(data)
      if (news) {
        kind.value = wantedKind
        pace.input.checked = wantedPace === "length"
        film.radii = data.radii
        film.radius = radius
        row.adopt(data, stops)
        panel.value = sum ? "arithmetic" : "path"
        if (sum) sums.text = sum
        showPanel()
      }
      if (other) {
        base = classOf(store.point?.y)
        condition = store.point?.y ? `${base} ${store.point.y.join(" ")}` : ""
        stopStore = store.subscribe(follow)
        stopTime = time.subscribe(() => {
          if (useWeights()) settled.soon()
        })
      }
      if (news || fresh) refresh()
      film.repaint()
      root.dataset.ready = "true"
    },
    unmount() {
      pause()
      clearTimeout(fading)
      settled.cancel()
      conditioned.cancel()
      loading?.abort()
      stopStore()
      stopTime()
      film.unmount()
      decoder?.clients.delete(root)
    },
  }
}))
