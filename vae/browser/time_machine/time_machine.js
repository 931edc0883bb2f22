/** The scrubber over a run's snapshots: it moves the run's time, and everything on the page that follows it. */
import { count, counted, element, number, say } from "../lib/dom.js"
import { mountable } from "../lib/mount.js"
import { atRest } from "../lib/rest.js"
import { timeOf } from "../lib/time.js"
import { heatStrip } from "./heat.js"
import { Preloader } from "./preload.js"

/** Snapshots a second at the speed 1×. */
const PACE = 8
const SPEEDS = [0.5, 1, 2, 4]
/** Playing waits at most so long for a decoder that is still to be loaded, ms. */
const PATIENCE = 1500
/** Python may be told so often again: a run of the page that another one interrupts forgets what it was told. */
const AGAIN = 3

/** Where a browser keeps what stays as the person left it, on other pages and the next day. */
const KEPT = "latent-lab-time-machine"
const kept = { speed: 1, open: false, ...remembered() }

function remembered() {
  try {
    const { speed, open } = JSON.parse(localStorage.getItem(KEPT) ?? "{}")
    return { ...(SPEEDS.includes(speed) ? { speed } : {}), ...(typeof open === "boolean" ? { open } : {}) }
  } catch {
    return {} // a browser that keeps nothing, or keeps something else there
  }
}

/** @param {Partial<typeof kept>} now */
function remember(now) {
  Object.assign(kept, now)
  try {
    localStorage.setItem(KEPT, JSON.stringify(kept))
  } catch {
    // It is remembered as long as the page is there.
  }
}

export const mount = mountable(import.meta.url, (root) => {
  const button = (action, label, onclick) =>
    element("button", { class: "ll-button ll-icon icon", type: "button", title: label, "aria-label": label, onclick, dataset: { action } }, element("i", {}))
  const previous = button("previous", "Previous snapshot (arrow left)", () => move(time.place - 1))
  const play = button("play", "Play the training (space)", () => (timer ? pause() : begin()))
  const next = button("next", "Next snapshot (arrow right)", () => move(time.place + 1))
  const range = element("input", {
    type: "range", min: 0, step: 1, "aria-label": "Snapshot of the training", dataset: { control: "snapshot" },
    oninput: () => scrub(range.valueAsNumber), onchange: () => told.soon(), onpointerup: () => told.now(),
  })
  const ticks = element("canvas", { class: "ticks", "aria-hidden": "true" })
  const rail = element("div", { class: "rail" }, ticks, range)
  const end = element("button", { class: "ll-button", type: "button", dataset: { action: "end" }, onclick: () => move(time.snapshots.length) })
  const speed = element(
    "select", { class: "ll-select speed", "aria-label": "Speed of playing", dataset: { control: "speed" }, title: "Speed of playing", onchange: () => remember({ speed: Number(speed.value) }) },
    ...SPEEDS.map((times) => element("option", { value: times, selected: times === kept.speed }, `${times}×`)),
  )
  const toggle = element(
    "button", { class: "ll-button", type: "button", title: "KL of each dimension at every snapshot", dataset: { action: "heat" }, onclick: () => { remember({ open: !kept.open }); open() } },
    element("i", {}), element("span", { class: "name" }, "KL over time"),
  )
  const where = element("span", { class: "where", role: "status" })
  const loading = element("span", { class: "ll-note loading" })
  const strip = heatStrip((place) => { pause(); move(place) }, () => `${data.run}-dimensions-along-training`)
  const bar = element(
    "div", { class: "bar", role: "group", "aria-label": "Time machine", onkeydown: keydown }, strip.node,
    element("div", { class: "buttons left" }, previous, play, next), rail, element("p", { class: "words" }, where, loading),
    element("div", { class: "buttons right" }, end, speed, toggle),
  )
  const waiting = element("p", { class: "ll-note waiting", hidden: true })
  root.replaceChildren(element("section", { class: "machine" }, bar, waiting))

  let component = null
  let source = null
  /** @type {import("./state").State} What the host passes. */
  let data = null
  let time = null
  let stop = () => {}
  let heard = ""
  let preloader = null
  let timer = 0
  let moved = false
  let last = null
  let drawn = ""
  let isAfresh = false
  let frame = 0
  /** The step that Python was told and has not said since, and how often it may be told again. */
  let unheard = null
  const told = atRest(tell)
  const toldAgain = atRest(() => {
    if (time.step !== unheard?.step) return
    unheard.times -= 1
    time.tell(time.step)
    component.onChange("moved", { step: time.step })
  })

  const observer = new ResizeObserver(() => draw(true))
  observer.observe(rail)
  const onVisible = () => preloader?.work()
  document.addEventListener("visibilitychange", onVisible)

  /** Show a place among the snapshots; the one behind the last is the right end. */
  function scrub(place) {
    const { snapshots } = time
    const wanted = Math.min(snapshots.length, Math.max(0, place))
    moved = true
    time.set(wanted === snapshots.length ? null : snapshots[wanted].step, { source: "time" })
  }

  function move(place) {
    pause()
    scrub(place)
    told.soon()
  }

  /** Tell Python where the scrubber rests, if it was moved since it last heard. */
  function tell() {
    if (!moved || timer || !component) return
    moved = false
    unheard = { step: time.step, times: AGAIN }
    time.tell(time.step)
    component.onChange("moved", { step: time.step })
  }

  function begin() {
    if (time.snapshots.length < 2) return
    if (time.place >= time.snapshots.length - 1) scrub(0)
    let since = performance.now()
    let waited = 0
    const go = (now) => {
      timer = requestAnimationFrame(go)
      const due = 1000 / (PACE * kept.speed)
      if (now - since < due) return
      const { snapshots, place } = time
      // At full speed a slow machine leaves snapshots out rather than fall behind.
      const goal = Math.min(snapshots.length - 1, place + Math.max(1, Math.floor((now - since) / due)))
      if (preloader && !preloader.has(snapshots[goal]) && (waited ||= now) + PATIENCE > now) return
      waited = 0
      since = Math.max(since + due, now - due)
      scrub(goal)
      if (goal < snapshots.length - 1) return
      // The present goes on by itself where the run still trains.
      if (time.following) scrub(snapshots.length)
      pause()
    }
    timer = requestAnimationFrame(go)
    drawPlay()
  }

  function pause() {
    if (!timer) return
    cancelAnimationFrame(timer)
    timer = 0
    drawPlay()
    told.soon()
  }

  function drawPlay() {
    root.dataset.playing = String(Boolean(timer))
    const label = timer ? "Pause (space)" : "Play the training (space)"
    play.title = label
    play.setAttribute("aria-label", label)
  }

  function keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === " " && event.target.tagName !== "BUTTON" && event.target.tagName !== "SELECT") timer ? pause() : begin()
    else if (event.target !== range) return
    else {
      const last = time.snapshots.length
      const goals = {
        ArrowRight: time.place + 1, ArrowUp: time.place + 1, ArrowLeft: time.place - 1, ArrowDown: time.place - 1,
        PageUp: time.place + 10, PageDown: time.place - 10, Home: 0, End: last,
      }
      if (!(event.key in goals)) return
      move(goals[event.key])
    }
    event.preventDefault()
  }

  function open() {
    toggle.setAttribute("aria-pressed", String(kept.open))
    bar.dataset.open = String(kept.open)
    strip.node.hidden = !kept.open
    draw(true)
  }

  function draw(afresh = false) {
    if (!time || !data) return
    const { snapshots, shown, place } = time
    const few = snapshots.length < 2
    bar.hidden = few
    waiting.hidden = !few || !time.loaded
    if (few) {
      say(waiting, time.failure || "Snapshots of this run appear here while it trains.")
      return
    }
    range.max = String(snapshots.length)
    if (range.valueAsNumber !== place) range.value = String(place)
    const ending = time.following ? "Newest" : data.end
    say(end, ending)
    end.title = time.following ? "Follow the training (End)" : `The run's ${ending.toLowerCase()} weights (End)`
    end.setAttribute("aria-pressed", String(!shown))
    const epochOf = ({ epoch }) => number(epoch, epoch < 10 ? 2 : 1)
    const at = (one) => `step ${count(one.step)} · epoch ${epochOf(one)}`
    const words = shown
      ? `${at(shown)} · β ${Number(shown.beta.toPrecision(4))}`
      : time.following ? `newest weights${time.newest ? ` · epoch ${epochOf(time.newest)}` : ""} · ${counted(snapshots.length, "snapshot")} so far` : `${ending.toLowerCase()} weights · ${counted(snapshots.length, "snapshot")}`
    say(where, words)
    where.title = words
    range.setAttribute("aria-valuetext", words)
    previous.disabled = place === 0
    next.disabled = place === snapshots.length
    const progress = preloader?.progress
    root.dataset.loaded = String(progress?.loaded ?? snapshots.length)
    root.dataset.snapshots = String(snapshots.length)
    root.dataset.step = shown ? String(shown.step) : "end"
    say(loading, progress && progress.loaded < progress.wanted ? `loading ${progress.loaded} of ${progress.wanted}` : "")
    isAfresh ||= afresh
    frame ||= requestAnimationFrame(drawTicks)
    if (kept.open) strip.draw({ snapshots, place: shown ? place : null, palette: data.palette, root })
    root.dataset.ready = "true"
  }

  function heardTheme() {
    return getComputedStyle(root).color
  }

  /**
   * One tick for each snapshot, strong where it can be shown at once, and a longer one for the right end. Once for each frame of
   * the page: what is read for it has the page laid out, which a moment that is passed would do in vain.
   */
  function drawTicks() {
    frame = 0
    const [width, height] = [rail.clientWidth, 16]
    const now = JSON.stringify([width, devicePixelRatio, time.snapshots.length, preloader?.progress.loaded, heardTheme()])
    if (!width || (now === drawn && !isAfresh)) return
    drawn = now
    isAfresh = false
    ticks.width = Math.round(width * devicePixelRatio)
    ticks.height = Math.round(height * devicePixelRatio)
    const context = ticks.getContext("2d")
    context.scale(devicePixelRatio, devicePixelRatio)
    context.fillStyle = heardTheme()
    const num = time.snapshots.length
    for (let k = 0; k <= num; k += 1) {
      const x = INSET + (k / num) * (width - 2 * INSET)
      const there = k === num || !preloader || preloader.has(time.snapshots[k])
      context.globalAlpha = there ? 0.6 : 0.2
      const long = k === num ? height : height / 2
      context.fillRect(Math.round(x) - 0.5, (height - long) / 2, 1, long)
    }
  }

  return {
    /** @param {import("../lib/mount.js").Given<import("./state").State>} next */
    update(next) {
      component = next
      ;({ source, state: data } = next)
      if (time !== timeOf(source, data.run)) {
        stop()
        preloader?.stop()
        time = timeOf(source, data.run)
        preloader = data.decoders ? new Preloader(source, data.run, time, () => draw()) : null
        stop = time.subscribe(() => {
          // Moved from elsewhere, from the curves for one: it rests there at once.
          if (time.step !== last && !["time", "python"].includes(time.source)) {
            moved = true
            told.soon()
          }
          last = time.step
          draw()
          void preloader?.work()
        })
        void preloader?.work()
      }
      if (heard !== data.state) {
        // Another state than the page was drawn with before: a run that was started anew, for one.
        if (heard) time.refresh()
        heard = data.state
        time.heed(data.state)
      }
      time.adopt(root, data.step)
      if (data.step === unheard?.step || time.step !== unheard?.step) unheard = null
      if (unheard?.times > 0) toldAgain.soon()
      else toldAgain.cancel()
      open()
      draw(true)
    },
    unmount() {
      told.cancel()
      toldAgain.cancel()
      cancelAnimationFrame(timer)
      cancelAnimationFrame(frame)
      preloader?.stop()
      stop()
      observer.disconnect()
      document.removeEventListener("visibilitychange", onVisible)
    },
  }
})

/** Half of the thumb: the first and the last tick stand so far from the rail's ends. */
const INSET = 8
