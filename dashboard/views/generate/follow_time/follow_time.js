/**
 * The sheets that Python drew, decoded anew in this page while its time moves: images change in their place, until Python,
 * told of the release, has drawn them with the same weights.
 */
import { decoderOf, timeOf } from "../../../components/source/source.js"
import { count, element, say } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { pageAround } from "../../../streamlit_internals/page.js"
import { gridPicture, gridTable } from "../../../../vae/browser/lib/image_grid.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { saveList, saveMenu } from "../../../../vae/browser/lib/saving.js"
import { theme } from "../../../../vae/browser/lib/theme.js"
import { keyOf, Painted, wordsAtEnd } from "./painted.js"
import { plotPicture, plotTable, scalePicture, scaleTable } from "./plots.js"

/** Images decoded at once. */
const BATCH = 64

export default inStreamlit(mountable(import.meta.url, (root) => {
  const words = element("span", { class: "words", role: "status" })
  const later = element("span", { class: "later" })
  const menus = element("span", { class: "menus" })
  root.replaceChildren(element("div", { class: "ll-note which" }, words, later, menus))
  const cell = element("canvas")
  const painted = new Painted()
  /** @type {import("./state").State} What Python told. */
  let data = null
  let time = null
  let stop = () => {}
  let busy = false
  let gone = false
  let decoded = 0

  /** One button that saves what the page shows, with a line for each where there are several; made anew where there are others. */
  function offer() {
    const grids = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".ll-gallery[data-sheet]")])
    const plots = /** @type {HTMLImageElement[]} */ ([...document.querySelectorAll("img[data-plot]")])
    const scale = document.querySelector(".ll-scale[data-accuracy]")
    // Lines of one name are one grid.
    const sheets = new Map(grids.map(({ dataset, ariaLabel }) => [dataset.sheet ?? "", ariaLabel ?? ""]))
    const places = plots.map(({ dataset }) => dataset.plot ?? "")
    const things = [
      ...[...sheets].map(([name, title]) => ({ title, what: () => ({ name: `${data.run}-${name}`, picture: () => gridPicture(gridOf(name), theme(root)), table: () => tableOf(name) }) })),
      ...places.map((plot) => ({ title: plot, what: () => ({ name: `${data.run}-${plot}`, picture: () => plotPicture(plot, theme(root)), table: () => plotTable(plot) }) })),
      ...(scale ? [{ title: "Accuracy of the classifier", what: savedScale }] : []),
    ]
    const names = things.map(({ title }) => title).join()
    if (menus.dataset.names === names) return
    menus.dataset.names = names
    if (things.length > 1) menus.replaceChildren(saveList(things, "what is shown"))
    else menus.replaceChildren(...things.map(({ title, what }) => saveMenu(what, title)))
  }

  function savedScale() {
    const scale = /** @type {HTMLElement | null} */ (document.querySelector(".ll-scale[data-accuracy]"))
    if (!scale) throw new Error("The scale is not on the page any more; reload it.")
    return { name: `${data.run}-label-leak`, picture: () => scalePicture(scale, theme(root)), table: () => scaleTable(scale) }
  }

  /** The grid as it stands on the page. */
  function gridOf(name) {
    const tables = [...document.querySelectorAll(`.ll-gallery[data-sheet="${CSS.escape(name)}"] table`)]
    if (!tables.length) throw new Error("The images are not on the page any more; reload it.")
    const texts = (/** @type {Element} */ table, /** @type {string} */ selector) => [...table.querySelectorAll(selector)].map((node) => node.textContent ?? "")
    const images = tables.flatMap((table) => [...table.querySelectorAll("tbody tr")]).map((line) => /** @type {HTMLImageElement[]} */ ([...line.querySelectorAll("img")]))
    // Several tables, one below the other, have headers of their own: each line says what it shows.
    if (tables.length > 1) return { images, rows: tables.map((table) => texts(table, "thead th").join(" · ")) }
    return { images, columns: texts(tables[0], "thead th"), rows: texts(tables[0], "tbody th") }
  }

  /** Each image with its z, where the browser knows it. */
  function tableOf(name) {
    const grid = gridOf(name)
    const sheet = data.sheets.find(({ images }) => images.includes(`"${name}"`))
    const many = grid.images.flat().length
    if (!sheet) return gridTable(grid)
    const conditions = sheet.conditions ? sheet.conditions.length : 1
    const starts = grid.images.map((_, j) => grid.images.slice(0, j).reduce((sum, line) => sum + line.length, 0))
    const dims = sheet.z[0]?.length ?? 0
    return gridTable(grid, Array.from({ length: dims }, (_, d) => `z${d + 1} (σ of the prior = 1)`), (row, column) => {
      const place = starts[row] + column
      return sheet.z[many === sheet.z.length ? place : Math.floor(place / conditions)] ?? []
    })
  }

  const imagesOf = (sheet) => [...document.querySelectorAll(sheet.images)]

  /** Which weights the images are of, and what of the page is not of them yet. */
  function tell(weights, failure = "") {
    const snapshot = time.shown
    const waits = keyOf(weights) !== keyOf(data.shown)
    const live = snapshot ? `Weights: snapshot of step ${count(snapshot.step)}.` : wordsAtEnd(weights, data.end)
    say(words, waits && (failure || !data.sheets.length) ? data.shown.words : live)
    say(later, failure || (waits ? data.later : ""))
  }

  /** Bring every sheet to the weights of the page's time; those passed on the way are left out. */
  async function follow() {
    if (data) offer()
    if (!data || busy) return
    busy = true
    try {
      for (let wanted = null; !gone;) {
        const weights = time.weights(data.end)
        tell(weights)
        root.dataset.wanted = weights.at
        const key = keyOf(weights)
        const due = data.sheets.filter((sheet) => imagesOf(sheet).some((image) => !painted.isOf(image, key, sheet, data.shown)))
        const aim = [key, ...data.sheets.map((sheet) => painted.drawnBy(sheet))].join(" ")
        if (aim === wanted || !due.length) {
          if (!due.length) root.dataset.at = weights.at
          break
        }
        wanted = aim
        const decoder = decoderOf(data.run, weights)
        await decoder.settled()
        if (decoder.source === "loading") {
          tell(weights, decoder.reason)
          decoder.ready.then(follow)
          break
        }
        if (decoder.source === "server") {
          tell(weights, "This browser cannot decode. The images update when you release the scrubber.")
          break
        }
        decoder.clients.add(root)
        try {
          for (const sheet of due) await draw(sheet, decoder, key)
        } finally {
          decoder.clients.delete(root)
        }
        decoded += 1
        root.dataset.decoded = String(decoded)
      }
    } finally {
      busy = false
    }
    root.dataset.ready = "true"
  }

  async function draw(sheet, decoder, key) {
    const images = imagesOf(sheet)
    const conditions = sheet.conditions ?? [null]
    const all = sheet.z.flatMap((z) => conditions.map((condition) => ({ z, condition })))
    for (let start = 0; start < all.length; start += BATCH) {
      const part = all.slice(start, start + BATCH)
      const z = Float32Array.from(part.flatMap((one) => one.z))
      const y = sheet.conditions ? weightsOf(part.map(({ condition }) => condition), data.classes) : null
      const picture = await decoder.batch(z, y, part.length)
      const size = picture.channels * picture.height * picture.width
      part.forEach((_, k) => {
        paint(cell, { ...picture, offset: k * size })
        if (images[start + k]) painted.put(images[start + k], cell.toDataURL(), key, sheet)
      })
    }
  }

  // Python's images arrive when they will: whatever comes into the page is looked at.
  const observer = new MutationObserver(follow)

  return {
    update(component) {
      data = component.state
      if (time !== timeOf(data.run)) {
        stop()
        time = timeOf(data.run)
        stop = time.subscribe(follow)
        observer.disconnect()
        observer.observe(pageAround(root), { childList: true, subtree: true, attributes: true, attributeFilter: ["src"] })
      }
      void follow()
    },
    unmount() {
      gone = true
      stop()
      observer.disconnect()
    },
  }
}))

/** Weights of the classes, one condition after the other, from those that are not 0. */
function weightsOf(conditions, num) {
  const weights = new Float32Array(conditions.length * num)
  conditions.forEach((condition, row) => condition.forEach(([index, weight]) => { weights[row * num + index] = weight }))
  return weights
}
