/** Which weights, images and plane the moment asks for, and fetching them. */
import { decoders } from "../lib/decoder.js"
import { count, element, say } from "../lib/dom.js"
import { ServerError } from "../lib/server.js"
import { Originals, tellMissing } from "./originals.js"
import { prepare } from "./points.js"
import { MOST_IN_TIME, Positions } from "./positions.js"

/** In a narrower window, CSS pixels, a compact map is not loaded until it is asked for. */
const NARROW = 640

const LOADING = "Loading the latent positions…"

const positions = new Positions()

/**
 * Add to a map how it gets what it shows.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function loading(map) {
  const { compact } = map

  /** Which weights and part the moment asks for. */
  function moment() {
    const now = map.time.weights({ at: map.data.at, stamp: map.data.stamp })
    return { now, part: isElsewhere(now) && map.data.num > MOST_IN_TIME ? "test" : map.data.part }
  }

  /** Whether weights are others than those of which Python passed the plane. */
  function isElsewhere({ at, stamp }) {
    return at !== map.data.at || stamp !== map.data.stamp
  }

  /** Whether weights are those of the right end. */
  function isEnd({ at, stamp }) {
    const end = map.time.end({ at: map.data.at, stamp: map.data.stamp })
    return at === end.at && stamp === end.stamp
  }

  /**
   * What the whole of the plane is, however one came to this moment: where the right end has the images of a part. Null where
   * that is not to be had.
   */
  async function wholeOf(part, signal) {
    if (map.whole?.of === wholeName(part)) return map.whole
    const end = map.time.end({ at: map.data.at, stamp: map.data.stamp })
    const found = await positions.of(map.data.run, end, part, { signal }).catch(() => null)
    return found && { of: wholeName(part), region: prepare(found, map.data, part).grid }
  }

  function wholeName(part) {
    return JSON.stringify([map.data.run, map.data.at, map.data.stamp, part, map.data.plane])
  }

  /** What names the moment that the page is at; `seen` is that of the newest load. */
  function signature({ now, part }) {
    return [now.at, now.stamp, part].join(" ")
  }

  async function load() {
    const { now, part: wants } = moment()
    map.seen = signature({ now, part: wants })
    map.loading?.abort()
    const mine = (map.loading = new AbortController())
    const started = performance.now()
    const waiting = (sentence) => {
      if (map.gone || mine !== map.loading) return
      map.message.hidden = !sentence && Boolean(map.shown)
      say(map.message, sentence || LOADING)
    }
    const asks = map.data.question || (compact && window.innerWidth < NARROW)
    if (asks && wants === map.data.part && !map.accepted.has(wants)) return ask()
    if (!map.shown) {
      map.message.hidden = false
      delete map.message.dataset.kind
      say(map.message, LOADING)
    }
    try {
      const [found, whole] = await Promise.all([
        positions.of(map.data.run, now, wants, { signal: mine.signal, waiting }), isEnd(now) ? null : wholeOf(wants, mine.signal),
      ])
      if (map.gone || mine !== map.loading) return
      const another = wants !== map.part
      const newer = map.weights?.at !== now.at || map.weights.stamp !== now.stamp
      map.received = found
      map.weights = now
      map.part = wants
      map.message.hidden = true
      if (another) {
        map.fetching?.abort()
        map.fetching = new AbortController()
        map.originals = compact ? null : new Originals(map.data.run, map.part, map.fetching.signal, cameOriginals, map.data.missing)
      }
      // A computed plane belongs to the weights and images that it was computed of.
      if (another || newer) map.flat = null
      map.extras.clear()
      map.sigma = null
      map.whole = whole
      map.present(found, another, newer)
      map.root.dataset.points = String(map.shown.num)
      map.root.dataset.step = String(map.time.shown?.step ?? "")
      map.root.dataset.ready = String(Math.round(performance.now() - started))
      if (another && !compact) map.originals.load(map.data.num * map.data.shape.reduce((product, side) => product * side, 1))
      if (!map.flat && map.view.projection !== "pca") choosePlane()
      if (map.time.step !== null) void positions.preload(map.data.run, map.time.snapshots.map(({ step, stamp }) => ({ at: String(step), stamp })), map.part)
    } catch (error) {
      if (map.gone || mine !== map.loading || error.name === "AbortError") return
      if (!(error instanceof ServerError)) console.error(error)
      map.message.hidden = false
      say(map.message, error.message)
      map.message.dataset.kind = "error"
    }
  }

  function stopLoading() {
    map.loading?.abort()
    map.fetching?.abort()
    positions.stop()
  }

  /** Very many images are shown when the person says so. */
  function ask() {
    map.message.hidden = false
    // Newer weights may come while the person reads, or presses the button.
    if (map.message.querySelector("button") && map.message.textContent.startsWith(map.data.question)) return
    const begin = () => {
      map.accepted.add(map.data.part)
      void load()
    }
    map.message.replaceChildren(
      element("span", {}, map.data.question, element("br"), element("br"),
        element("button", { class: "ll-button", type: "button", dataset: { action: "show-all" }, onclick: begin }, `Show ${count(map.data.num)} points`)))
    map.root.dataset.asks = "true"
    map.root.dataset.ready = "0"
  }

  /** Take the plane that the person chose, computed or straight. */
  function choosePlane() {
    map.job.hide()
    const method = map.data.methods.find(({ value }) => value === map.view.projection)
    const straight = !method || method.value === "pca"
    if (straight || map.time.step !== null) {
      if (map.flat) {
        map.flat = null
        map.present(map.received)
      } else if (map.shown) map.explain()
      return
    }
    if (map.shown && map.flat?.method !== method) map.job.want(map.data.run, map.weights, map.part, method, map.received.index.data.length)
  }

  function cameOriginals() {
    map.card.withOriginals(!map.originals.failure)
    tellMissing(map.missing, map.originals.failure)
    map.pinned.paint(map.originals)
    map.panel.images(map.originals)
    if (map.marked.hovered >= 0) map.showOriginal(map.marked.hovered)
    map.refreshLayers()
    map.scene.redraw("above")
  }

  function useDecoder() {
    const fresh = decoders.of(map.data.run, map.time.weights({ at: map.data.at, stamp: map.data.stamp }))
    if (fresh === map.decoder) return
    dropDecoder()
    map.decoder = fresh
    map.decoder.clients.add(map.client)
    map.manifold.clear()
    map.decoder.ready.then(() => {
      if (fresh !== map.decoder || map.gone) return
      map.root.dataset.source = map.decoder.source
      say(map.source, map.decoder.source === "server" ? `Decoded on the server, which is slower: ${map.decoder.reason}` : "")
      map.refreshLayers()
    })
  }

  function dropDecoder() {
    for (const who of [map.client, map.other.pinned, map.other.middle]) map.decoder?.cancel(who)
    map.decoder?.clients.delete(map.client)
  }

  /** Another moment of training, or newer weights. */
  function timed() {
    if (!map.data || map.gone) return
    useDecoder()
    if (signature(moment()) === map.seen) return
    map.job.hide()
    void load()
  }

  Object.assign(map, { moment, isElsewhere, isEnd, wholeName, load, stopLoading, choosePlane, useDecoder, dropDecoder, timed })
}
