/**
 * Where the point can come from besides the sliders: a test image, a drawing, or a picture of one's own. The encoder in this
 * page makes a posterior of it, whose mean goes to the sliders; nothing is asked of the server meanwhile.
 */
import { Echo } from "../lib/echo.js"
import { decoders } from "../lib/decoder.js"
import { encoders } from "../lib/encoder.js"
import { element, say } from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { mountable } from "../lib/mount.js"
import { normal } from "../lib/random.js"
import { atPace, atRest } from "../lib/rest.js"
import { classOf, conditionOf, oneHot, pointOf, short } from "../lib/store.js"
import { theme } from "../lib/theme.js"
import { timeOf } from "../lib/time.js"
import { arriving } from "./arriving.js"
import { drawingBody } from "../drawing_pad/tools.js"
import { pictureBody } from "./picture_body.js"
import { Gallery } from "../test_images/gallery.js"
import { Pad } from "../drawing_pad/pad.js"
import { Refused } from "./photo.js"
import { carried, isClose, isOf } from "./posteriors.js"
import { Result } from "./result.js"
import { tabRow } from "../lib/tabs.js"
import { Judging, surpriseOf } from "./verdict.js"

const TABS = { test: "Test image", draw: "Draw", picture: "Image file" }
/** Between two moments of the page's time at which an image is looked at, ms. */
const PACE = 80
/** Python hears of a point that went along with the time so long after it came to rest, ms: first it is to hear of the time. */
const AFTER_TIME = 800

/**
 * @typedef {{kind: "test" | "draw" | "picture", x: Float32Array | null, row: number | null, moves: boolean, follows?: boolean,
 *   event?: Event, kept?: import("./posteriors.js").Posterior}} Subject
 * An image to look at; whether its posterior's mean goes to the sliders; whether the point goes along that was of its
 * posterior at another moment; and the posterior that the run has kept of it, under the weights that the page was opened with.
 */

export const mount = mountable(import.meta.url, (root, given) => {
  let component = given
  const { source } = given
  /** @type {import("./state").State} What Python told. */
  let data = null
  let store = null
  let time = null
  /** The encoder that looks at images, null before there was one to look at, and which weights' it is. */
  let encoder = null
  let weights = null
  /** The moment that was heeded last. */
  let moment = ""
  let tab = ""
  let heard = ""
  let stop = () => {}
  let stopTime = () => {}
  let gone = false
  /** What is shown below the tabs, and the posterior of it. */
  let subject = null
  let posterior = null
  let waiting = null
  let busy = false
  /** Whether the hand let go while an image was being encoded. */
  let released = false
  /** The classes' weights that the point had last. */
  let conditionBefore
  let y = null
  /** Of the drawing. */
  let echo = new Echo()

  const pad = new Pad({ change: (event) => lookAtDrawing(event), release: () => release() })
  const gallery = new Gallery(source, (chosen) => lookAtTest(chosen))
  const bodies = {
    test: gallery.root,
    draw: drawingBody(pad),
    picture: pictureBody({ load: (file) => load(file), change: () => lookAtPicture() }),
  }
  const tabs = tabRow(TABS, bodies, "Where the point comes from", (name) => { open(name); tell() })
  const message = element("p", { class: "ll-note message" })
  const result = new Result((drawn) => take(drawn))
  const panel = element("section", { class: "ll-card panel", "aria-label": "Images to encode" }, tabs.root,
    element("div", { class: "stage" }, ...Object.values(bodies), element("div", { class: "aside" }, message, result.root)))
  root.replaceChildren(panel)
  const stopArriving = arriving(panel, { wanted: () => tab === "picture", load })
  const told = atRest(release)
  const toldLater = atRest(release, AFTER_TIME)
  // Moments that are passed meanwhile are left out.
  const following = atPace(takeMoment, PACE)
  const judging = new Judging(source, result, (verdict) => { root.dataset.verdict = verdict }, () => data.missing)

  // Tabs -----------------------------------------------------------------------------------------------------------

  function open(name) {
    tab = name
    tabs.open(name)
    say(message, "")
    root.dataset.tab = name
    if (name === "test") void openGallery()
    else prepareEncoder()
    if (name === "draw") lookAtDrawing(undefined, false)
    else if (name === "picture") lookAtPicture(false)
    else {
      say(message, "Choose an image: the sliders move to its posterior mean.")
      show(null)
    }
  }

  /** Test images come after the first decoded image: the page's own picture is not to wait. */
  async function openGallery() {
    const decoder = decoders.of(source, data.run, weightsNow())
    await decoder.ready
    await new Promise((resolve) => (window.requestIdleCallback ?? setTimeout)(resolve))
    if (gone || tab !== "test") return
    await gallery.open({ ...data, at: "best", stamp: data.stamp, conditional: data.classes.length > 0 }, decoder)
    if (data.row !== null && subject === null && !gone && tab === "test") void lookAtTest({ ...gallery.posterior(data.row), moves: false })
    root.dataset.gallery = "true"
  }

  function weightsNow() {
    return time.weights({ at: data.at, stamp: data.stamp })
  }

  function useEncoder() {
    weights = weightsNow()
    encoder?.clients.delete(root)
    encoder = encoders.of(source, data.run, weights)
    encoder.clients.add(root)
  }

  /** Fetched beforehand, so that nothing is asked of the server while the person draws. */
  function prepareEncoder() {
    useEncoder()
    const asked = encoder
    void Promise.all([encoder.ready, data.missing ? null : surpriseOf(source, data.run, weights).catch(() => {})]).then(() => {
      if (encoder === asked) root.dataset.encoder = encoder.source
    })
  }

  // Images ---------------------------------------------------------------------------------------------------------

  /** Draw what a link says. Its posterior is the point's where that is its mean, or where the link names no point. */
  function adoptDrawing() {
    if (!echo.isNews(data.drawing) || data.drawing === pad.text) return
    pad.load(data.drawing)
    bodies.draw.centring.checked = pad.centring
    lookAtDrawing(undefined, data.pointless && !pad.isEmpty, true)
  }

  function lookAtDrawing(event, moves = true, linked = false) {
    if (tab !== "draw") return
    if (pad.isEmpty) {
      say(message, "Draw here: the encoder follows the pen. Or choose a test image.")
      return show(null)
    }
    say(message, "")
    const ink = pad.image()
    const x = new Float32Array(data.shape[0] * ink.length)
    for (let channel = 0; channel < data.shape[0]; channel += 1) x.set(ink, channel * ink.length)
    void look({ kind: "draw", x: cut(x), row: null, moves, linked, event, after: moves && linked ? release : null })
  }

  async function load(file) {
    if (!file) return
    if (tab !== "picture") open("picture")
    try {
      await bodies.picture.read(file)
      lookAtPicture()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      say(message, error.message)
    }
  }

  function lookAtPicture(moves = true) {
    if (tab !== "picture") return
    const found = bodies.picture.pixels(data.shape)
    if (!found) {
      say(message, "Your image is scaled to the model's size and encoded. It stays in this browser.")
      return show(null)
    }
    say(message, found.note)
    void look({ kind: "picture", x: cut(found.x), row: null, moves, after: moves ? release : null })
  }

  async function lookAtTest({ row, mean: mu, sigma, label, moves = true }) {
    if (data.classes.length && label >= 0) y = oneHot(label, data.classes.length)
    else y = null
    posterior = { mean: mu, sigma }
    say(message, "")
    gallery.mark(row)
    const chosen = { kind: "test", x: null, row, moves: false, y, kept: posterior }
    subject = chosen
    // At another moment of the training, the posterior is that of the encoder of then.
    const isKept = weightsNow().stamp === data.stamp
    if (moves && isKept) {
      store.set({ z: mu, sigma, ...(y && { y }) }, { source: "image" })
      told.soon()
    }
    prepareEncoder()
    const x = await gallery.pixels(row)
    if (subject !== chosen) return
    const late = moves && !isKept
    if (x) return look({ ...chosen, x: cut(x), moves: late, follows: true, after: late ? told.soon : null })
    await showMean(chosen)
  }

  /** Models of binary pixels have seen no grey. */
  function cut(x) {
    return data.cut === null ? x : x.map((value) => (value >= data.cut ? 1 : 0))
  }

  /** Encode the newest image, at most one at a time. */
  async function look(wanted) {
    subject = waiting = wanted
    if (busy) return
    busy = true
    while (waiting) {
      const now = waiting
      waiting = null
      try {
        const condition = now.y ?? store.point?.y ?? null
        const of = weights
        const found = await encoder.encode(now.x, condition)
        if (gone || subject?.kind !== now.kind) continue
        const before = posterior
        const isKept = now.kept && of.stamp === data.stamp
        posterior = isKept ? now.kept : { mean: found.mean, sigma: found.logVar.map((value) => Math.exp(value / 2)) }
        if (now.moves) {
          y = now.y ?? null
          store.set({ z: posterior.mean, sigma: posterior.sigma, ...(y && { y }) }, { source: "draw", time: now.event?.timeStamp })
        } else if (now.follows && before && before !== posterior && store.point.sigma && isClose(store.point.mean, before.mean)) {
          store.set(carried(store.point, posterior), { source: "time" })
          // At the right end of a running training it moves all the time: that is no news for the link.
          if (!time.following || time.step !== null) toldLater.soon()
        } else if (now.linked && isOf(store.point.z, posterior, data.drawn)) {
          store.set({ z: store.point.z, sigma: posterior.sigma, mean: posterior.mean }, { source: "python" })
        }
        show(now, found, of)
        now.after?.()
      } catch (error) {
        show(null)
        say(message, `The image could not be encoded: ${sentenceOf(error)}`)
      }
    }
    busy = false
    if (released) release()
  }

  /** Without the original there is only what the model makes of its posterior. */
  async function showMean(chosen) {
    root.dataset.subject = String(chosen.row)
    judging.forget()
    result.showDecoded(null)
    const decoder = decoders.of(source, data.run, weightsNow())
    if (await decoder.ready !== "browser") return
    const decoded = await decoder.batch(chosen.kept.mean, chosen.y, 1)
    if (subject === chosen) result.showDecoded(decoded)
  }

  function show(now, found, of) {
    if (!now) {
      result.hide()
      subject = posterior = null
      judging.forget()
      delete root.dataset.subject
      return
    }
    const given = classOf(now.y ?? store.point?.y)
    result.show(now.x, found, data.shape, {
      given: given < 0 ? null : data.classes[given], colours: data.diverging[theme(root).name],
    })
    const cost = found.distortion + found.rate
    Object.assign(root.dataset, {
      subject: now.row ?? now.kind, cost: cost.toFixed(3), encoded: Number(root.dataset.encoded ?? 0) + 1,
    })
    judging.look(data.run, of, cost, now.follows)
  }

  function take(drawn) {
    if (!posterior) return
    const { mean: mu, sigma } = posterior
    const z = drawn ? mu.map((value, k) => value + sigma[k] * normal()) : mu
    store.set({ z, sigma, mean: mu, ...(y && { y }) }, { source: "image" })
    release()
  }

  // Telling Python -------------------------------------------------------------------------------------------------

  /** Tell Python where the point rests, when the last image is encoded. */
  function release() {
    told.cancel()
    toldLater.cancel()
    released = busy
    if (busy) return
    if (!store.point?.sigma || !subject) return tab === "draw" && tell()
    const { z } = store.point
    store.tell(z, store.point.y)
    tell({ z: Array.from(z, short), y: y ? classOf(y) : null, row: subject.row })
  }

  function tell(change = null) {
    if (pad.text === null) say(message, "The drawing has too many strokes for a link; the link keeps only its point.")
    const now = pad.text ?? ""
    if (now !== echo.last()) echo.tell(now)
    component.onChange("said", { tab, drawing: now, ...change })
  }

  // The page -------------------------------------------------------------------------------------------------------

  function follow(point) {
    root.dataset.posterior = String(Boolean(point.sigma))
    // Another class, while the point is a drawing's: its posterior under that class.
    const condition = point.y ? Array.from(point.y, (weight) => weight.toFixed(3)).join() : ""
    const changed = condition !== conditionBefore && conditionBefore !== undefined
    conditionBefore = condition
    if (changed && point.sigma && subject?.x && subject.kind !== "test" && point.source === "sliders") {
      void look({ ...subject, moves: true, event: undefined })
      told.soon()
    }
  }

  function momentNow() {
    const { at, stamp } = weightsNow()
    return `${data.run} ${at} ${stamp}`
  }

  /** Another moment of the training: its encoder looks at the image anew, and the point that is of it goes along. */
  async function takeMoment() {
    if (momentNow() === moment) return
    moment = momentNow()
    if (!encoder) return
    useEncoder()
    const asked = encoder
    await asked.settled()
    if (asked.source === "loading") {
      // Whatever moment the page is at by then is looked at.
      asked.ready.then(() => {
        if (asked !== encoder) return
        moment = "gone by"
        following.soon()
      })
      return
    }
    root.dataset.encoder = encoder.source
    // What waits to be looked at is looked at by this encoder.
    if (subject?.x && !waiting) await look({ ...subject, moves: false, follows: true, linked: data.drawn, event: undefined, after: null })
    else judging.expect(data.run, weights)
  }

  function followTime() {
    if (moment) following.soon()
    else moment = momentNow()
  }

  return {
    update(next) {
      component = next
      data = next.state
      const { run, shape, tab: wanted } = data
      if (store !== pointOf(source, run)) {
        stop()
        stopTime()
        store = pointOf(source, run)
        time = timeOf(source, run)
        subject = posterior = null
        const [, height, width] = shape
        bodies.draw.begin(width, height, data.centre)
        bodies.picture.centring.checked = data.centre
        echo = new Echo()
        result.fit(shape)
        root.style.setProperty("--thumb-ratio", `${width} / ${height}`)
        gallery.expect(data)
        stop = store.subscribe(follow)
        stopTime = time.subscribe(followTime)
        if (encoder) prepareEncoder()
      }
      followTime()
      // A link says whose posterior its point is.
      store.adopt(root, data.z, conditionOf(data))
      const { z, sigma } = store.point
      if (data.posterior && !sigma && isClose(data.z, z)) {
        store.set({ z, sigma: data.posterior.sigma, mean: data.posterior.mean }, { source: "python" })
      }
      if (wanted !== heard) {
        heard = wanted
        if (wanted !== tab) open(wanted)
      }
      adoptDrawing()
      root.dataset.ready = "true"
    },
    unmount() {
      gone = true
      told.cancel()
      toldLater.cancel()
      following.cancel()
      judging.forget()
      stopArriving()
      gallery.close()
      encoder?.clients.delete(root)
      stop()
      stopTime()
    },
  }
})
