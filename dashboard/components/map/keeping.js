/** Keeps what the person chose while the weights change: selection, pinned and pointed-at images stay, and their facts are told anew. */
import { paint } from "../lib/picture.js"

/** Between two questions to the server for a selection's numbers, ms: while one scrubs, and while the run trains. */
const REST = 400
const REST_LIVE = 4000

/**
 * Add to a map what it keeps.
 * @param {Record<string, any>} map What the parts of the map share: see `map.js`.
 */
export function keeping(map) {
  let timer = 0
  /** What the server was asked and told last of a selection while the run trains: newer weights come before it has told. */
  let lately = null

  /** Other images are shown: nothing of the old ones is kept. */
  function forget() {
    map.selected = null
    delete map.root.dataset.selected
    map.panel.hide()
    if (!map.pinned.node.hidden) map.pinned.unpin()
    map.marked = { hovered: -1, pinned: -1, here: -1 }
  }

  /** The same images at other places, or some of them: each has another row where a computed plane shows a part of them. */
  function carry(before) {
    const after = map.shown
    if (before.rows === after.rows) return
    const places = after.rows && new Int32Array(after.of).fill(-1)
    after.rows?.forEach((row, k) => { places[row] = k })
    const now = (k) => {
      if (k < 0) return -1
      const row = before.rows ? before.rows[k] : k
      return places ? places[row] : row
    }
    for (const name of Object.keys(map.marked)) map.marked[name] = now(map.marked[name])
    const kept = map.selected?.map(now).filter((k) => k >= 0)
    map.selected = kept?.length ? kept : null
  }

  /** Say of the images that are pointed at, pinned and selected what the weights that are shown make of them. */
  function refreshFacts() {
    if (map.pointer) map.hover(map.pointer)
    if (map.marked.pinned >= 0) map.showPinned()
    else if (!map.pinned.node.hidden) map.pinned.unpin()
    if (map.selected) showSelection()
    else map.panel.hide()
  }

  /** What the selected images are, on average. */
  function showSelection() {
    const mine = map.selected
    const { z, label } = map.panel.show(map.shown, mine, {
      classes: map.data.classes, groups: map.shown.groups, palette: map.palette(), name: `${map.data.run}-${map.part}-${mine.length}-images.csv`,
    })
    map.panel.images(map.originals)
    map.decoder.request(map.other.middle, { z, y: map.condition(label) }, (picture) => mine === map.selected && paint(map.panel.middle, picture))
    const live = isLive()
    if (!live || lately?.rows !== mine) lately = null
    if (lately?.found) map.panel.terms(lately.found, true)
    if (live && lately && timer) return
    clearTimeout(timer)
    timer = setTimeout(askTerms, live && lately ? REST_LIVE : map.isElsewhere(map.weights) && !live ? REST : 0)
  }

  function isLive() {
    return map.time.following && map.time.step === null
  }

  function askTerms() {
    timer = 0
    const [mine, shown, live] = [map.selected, map.shown, isLive()]
    if (!mine || map.gone) return
    lately = live ? { rows: mine, found: lately?.found ?? null } : null
    const current = () => mine === map.selected && (shown === map.shown || (live && isLive()))
    map.extra("terms").then(
      ({ distortion, rate }) => {
        if (!current()) return
        const found = { distortion: distortion.data, rate: rate.data }
        if (live) lately = { rows: mine, found }
        map.panel.terms(found, shown !== map.shown)
      },
      (error) => current() && map.panel.terms(error),
    )
  }

  Object.assign(map, { forget, carry, refreshFacts, showSelection, stopKeeping: () => clearTimeout(timer) })
}
