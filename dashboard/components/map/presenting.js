/** Puts images into the plane that is shown, and says in words what it shows. */
import { count, dimName, number, say } from "../lib/dom.js"
import { frame } from "./axes.js"
import { glide } from "./motion.js"
import { prepare, share } from "./points.js"

/** A compact map explains so many labels' colours. */
const MOST_KEYS = 12

/**
 * Add to a map how its images come to their places.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function presenting(map) {
  /**
   * Draw images at their places; those that were there before glide to the new ones.
   * @param {Record<string, any>} found The server's arrays.
   * @param {boolean} another Whether these are other images than those that were shown.
   * @param {boolean} newer Whether they are where other weights put them.
   */
  function present(found, another = false, newer = false) {
    const before = map.shown
    const old = Object.assign(Object.create(Object.getPrototypeOf(map.viewport)), map.viewport)
    const same = Boolean(before) && !another && before.of === found.index.data.length
    if (before && !same) map.forget()
    map.shown = prepare(found, map.data, map.part, map.flat)
    map.back = new Uint8Array(map.shown.num)
    if (same) map.carry(before)
    map.fitChart()
    const stays = same && before.flat === map.flat
    map.shown.flat = map.flat
    if (!map.flat && map.isEnd(map.weights)) map.whole = { of: map.wholeName(map.part), region: map.shown.grid }
    // Moments of training are seen in the view of the right end, so that nothing moves but the points.
    const whole = (map.flat ? null : map.whole?.region) ?? map.shown.grid
    if (stays) map.viewport.widen(whole)
    else {
      map.viewport.fit(whole)
      map.showArea()
      map.labels.node.hidden = map.compact && map.shown.groups.length > MOST_KEYS
    }
    if (!stays || map.classed.kind === "label") map.setClasses("label", map.shown.labels, map.shown.groups)
    map.scene.points = { num: map.shown.num, x: null, y: null, codes: null, palette: null, back: false, ...look(map.shown.num) }
    map.scene.step = glide(map.scene.points, before, map.shown, stays ? null : { before: old, now: map.viewport })
    map.root.dataset.projection = map.flat ? map.flat.method.value : "pca"
    map.card.lifted(!map.flat)
    explain()
    map.takeUp(another, newer)
    map.standing()
    map.refreshLayers()
    map.recolour()
    map.moved(false)
    map.refreshFacts()
    map.scene.flush()
  }

  /** Size and opacity for so many points. */
  function look(num, thin = false) {
    const [radius, opacity] = num > 500_000 ? [0.6, 0.45] : num > 100_000 ? [0.8, 0.5] : num > 20_000 ? [1.3, 0.62] : num > 4000 ? [2, 0.75] : num > 800 ? [2.8, 0.82] : [3.4, 0.85]
    return { radius, opacity: thin ? 0.7 * opacity : opacity, backOpacity: 0.35 * opacity }
  }

  function explain() {
    const named = `${map.part === "all" ? "" : `${map.part === "train" ? "training" : map.part} `}images`
    const drawn = map.flat && map.shown.num < map.flat.of
    say(map.title, drawn ? `${count(map.shown.num)} of ${count(map.flat.of)} ${named}, chosen at random` : `${count(map.shown.num)} ${named}`)
    const said = []
    if (map.part !== map.data.part) said.push(`Earlier snapshots show the ${count(map.shown.num)} test images, not all ${count(map.data.num)}.`)
    if (map.flat) {
      said.push(`${map.flat.method.title} keeps neighbours together; its distances and axes have no meaning. ` +
        "Hovering decodes the nearest image's posterior mean.")
    } else if (map.data.plane && map.data.latent_dim > 2) said.push(ofPlane())
    if (map.view.projection !== "pca" && !map.flat && map.time.step !== null) said.push("t-SNE and UMAP belong to the run's weights; snapshots are shown by PCA.")
    say(map.slice, said.join(" "))
    map.slice.hidden = !said.length
    map.scene.frame = frame(map.colours, axisTitles())
  }

  /** How much of the latent space the straight plane shows under the weights that are shown. */
  function ofPlane() {
    const elsewhere = map.isElsewhere(map.weights)
    const part = number(100 * (elsewhere ? share(map.shown, map.data.plane) : map.data.plane.explained), 0)
    const shows = elsewhere
      ? `This plane (principal axes of the run's ${map.data.at} weights) shows ${part} % of this snapshot's variance.`
      : `The plane shows ${part} % of the variance of ${map.data.latent_dim} dimensions.`
    return `${shows} Decoded images lie on this plane; all other directions are held at the mean.`
  }

  /**
   * Titles of both axes; an axis that means nothing has none, and no numbers.
   * @returns {[string, string]}
   */
  function axisTitles() {
    if (map.flat) return [`${map.flat.method.title} 1`, `${map.flat.method.title} 2`]
    if (map.data.latent_dim === 1) return [dimName(0), ""]
    if (!map.data.plane || map.data.latent_dim === 2) return [dimName(0), dimName(1)]
    return ["First principal axis", "Second principal axis"]
  }

  Object.assign(map, { present, look, explain })
}
