/** Puts the images at their places in the plane that is chosen, straight or computed, and has all other parts follow. */
import { say } from "../lib/dom.js"
import { frame } from "./axes.js"
import { lookOf } from "./map_layers.js"
import { glide } from "./motion.js"
import { tellTrust, withPrior } from "./plane.js"
import { axisTitles, headingOf, noteOf } from "./words.js"

/** A compact map explains so many labels' colours. */
const MOST_KEYS = 12

/**
 * @typedef {{data: import("./map_data.js").MapData, link: import("./map_link.js").MapLink, selection: import("./selection.js").Selection,
 *   scene: import("./scene.js").Scene, colouring: import("./colouring.js").Colouring, layers: import("./map_layers.js").Layers,
 *   pointer: import("./pointer.js").Pointer, framing: import("./framing.js").Framing, ranges: import("./ranges.js").Ranges, find: import("./find.js").Find,
 *   labels: ReturnType<typeof import("./legend.js").legend>, tools: ReturnType<typeof import("./controls.js").controls>,
 *   job: ReturnType<typeof import("./projection.js").projectionPanel>, card: ReturnType<typeof import("./cards.js").hoverCard>,
 *   pinned: ReturnType<typeof import("./cards.js").pinnedCard>, notes: {title: HTMLElement, slice: HTMLElement}, look: {colours: Record<string, any>},
 *   root: HTMLElement, compact: boolean}} Parts All that follows when images come to other places.
 */

export class Placement {
  /** @type {Parts} */
  #parts

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
  }

  /** Take the plane that the person chose, computed or straight. */
  choose() {
    const { data, job, link } = this.#parts
    job.hide()
    const method = data.state.methods.find(({ value }) => value === link.view.projection)
    const straight = !method || method.value === "pca"
    if (straight || data.time.step !== null) {
      if (data.flat) {
        data.flat = null
        this.present()
      } else if (data.shown) this.explain()
      return
    }
    if (data.shown && data.flat?.method !== method) void job.want(data.source, data.state.run, data.weights, data.part, method, data.received.index.data.length)
  }

  /**
   * Draw images at their places; those that were there before glide to the new ones.
   * @param {boolean} another Whether these are other images than those that were shown.
   * @param {boolean} newer Whether they are where other weights put them.
   */
  present(another = false, newer = false) {
    const { data, selection, scene, link, labels, pinned, framing, colouring, layers, card, ranges, find, pointer, tools, root, compact } = this.#parts
    const { viewport } = scene
    const before = data.shown
    const old = Object.assign(Object.create(Object.getPrototypeOf(viewport)), viewport)
    const same = Boolean(before) && !another && before.of === data.received.index.data.length
    if (before && !same) {
      selection.forget()
      if (!pinned.node.hidden) pinned.unpin()
    }
    data.place()
    const { shown } = data
    selection.resize()
    if (same) selection.carry(before)
    framing.fit()
    const stays = same && before.flat === data.flat
    // Moments of training are seen in the view of the right end, so that nothing moves but the points.
    const whole = data.flat ? shown.grid : withPrior(data.state, data.whole?.region ?? shown.grid)
    if (stays) viewport.widen(whole)
    else {
      viewport.fit(whole)
      link.showArea()
      labels.node.hidden = compact && shown.groups.length > MOST_KEYS
    }
    if (!stays || selection.classes.kind === "label") colouring.useLabels()
    scene.points = { num: shown.num, x: null, y: null, codes: null, palette: null, back: false, ...lookOf(shown.num) }
    if (!same) layers.near = { rows: [], at: null }
    scene.step = glide(scene.points, before, shown, stays ? null : { before: old, now: viewport })
    root.dataset.projection = data.flat ? data.flat.method.value : "pca"
    card.lifted(!data.flat)
    this.explain()
    selection.takeUp(another, newer, compact)
    selection.standBack()
    layers.refresh()
    void colouring.recolour()
    framing.moved(false)
    this.refreshFacts()
    if (!compact) {
      void ranges.refresh()
      find.refresh()
      pointer.showPoint()
      void tellTrust(data, tools)
    }
    scene.flush()
  }

  /** Say of the images that are pointed at, pinned and selected what the weights that are shown make of them. */
  refreshFacts() {
    this.#parts.pointer.refresh()
    this.#parts.selection.tell()
  }

  /** Say what is shown. */
  explain() {
    const { data, link, scene, look, compact, notes: { title, slice } } = this.#parts
    say(title, headingOf(data))
    say(slice, noteOf(data, link.view.projection))
    // Beside other things the map has no room for the sentence: it is the heading's.
    slice.hidden = compact || !slice.textContent
    if (compact) title.title = slice.textContent ?? ""
    scene.frame = frame(look.colours, axisTitles(data))
  }
}
