/** Runs side by side: the same images, the same z, the same share of the training, and one selection for all. */
import { Echo } from "../../../../vae/browser/lib/echo.js"
import { element, number, say } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { Images } from "./images.js"
import { scrubber } from "./scrubber.js"
import { gridMenu, gridPicture, gridTable } from "../../../../vae/browser/lib/image_grid.js"
import { saveMenu } from "../../../../vae/browser/lib/saving.js"
import { theme } from "../../../../vae/browser/lib/theme.js"

/** Python hears of what is shown so long after the last key or click, ms. */
const REST = 350
/** Room for the runs' names, and between two images, CSS pixels; no image of a row is larger. */
const [NAMES, GAP, LARGEST] = [176, 4, 96]

export default inStreamlit(mountable(import.meta.url, (root) => {
  let component = null
  /** @type {import("./state").State} What Python told. */
  let data = null
  let view = null
  const echo = new Echo()
  let runs = []
  let telling = 0
  let drawn = ""

  const bar = scrubber((share, rests) => { change({ share }, rests ? 0 : null) })
  const images = section("The same images, reconstructed", "Each run's decoder, at the mean of its own posterior.", "image")
  const points = section("The same z, decoded", "", "z")
  const large = element("div", { class: "large" })
  const enlarged = element("section", { class: "ll-card enlarged", "aria-label": "Enlarged", hidden: true }, large)
  const saveLarge = gridMenu(() => {
    const figures = [...large.querySelectorAll("figure")]
    const of = (/** @type {string} */ tag) => figures.map((one) => one.querySelector(tag)?.textContent ?? "")
    return {
      name: "comparison-enlarged", grid: { images: [figures.map((one) => /** @type {HTMLCanvasElement} */ (one.querySelector("canvas")))], columns: of("strong") },
      known: { columns: ["cost at the posterior mean (nats)"], of: (_, k) => [of("figcaption span")[k]] },
    }
  }, "the enlarged images")
  enlarged.append(saveLarge)
  const seed = element("span", { class: "ll-note", role: "status" })
  const place = element("span", { class: "ll-note", role: "status" })
  const button = (label, text, onclick, action) =>
    element("button", { class: "ll-button", type: "button", title: label, "aria-label": label, dataset: { action }, onclick }, text)
  images.tools.append(
    place,
    button("Earlier test images", "‹", () => turn(-1), "previous"), button("Further test images", "›", () => turn(1), "next"),
    button("One test image of each class", "One of each class", () => change({ first: null }), "each"),
  )
  points.tools.append(
    seed, button("Sample other z, with another seed", "Other z", () => change({ seed: (view.seed + 1) % 2 ** 31 }), "seed"),
  )
  root.replaceChildren(element("div", { class: "beside" }, images.root, points.root, enlarged, bar.root))
  const observer = new ResizeObserver(() => fit())
  observer.observe(root)

  function section(title, words, kind) {
    const body = element("div", { class: "lines", role: "group", "aria-label": title, dataset: { control: kind === "z" ? "zs" : "images" } })
    const note = element("p", { class: "ll-note" }, words)
    const tools = element("div", { class: "ll-row tools" })
    const top = element("div", { class: "top" }, element("div", {}, element("h3", { class: "ll-title" }, title), note), tools)
    top.append(saveMenu(() => ({ name: `comparison-${kind}`, picture: () => gridPicture(gridOf(body), theme(root)), table: () => tableOf(body, kind) }), title.toLowerCase()))
    return { root: element("section", { class: "part", dataset: { kind } }, top, body), body, note, tools, kind }
  }

  /** The lines of images as they are shown. */
  function gridOf(body) {
    const lines = [...body.querySelectorAll(".line")]
    const images = lines.map((one) => [...one.querySelectorAll(".cell:not([hidden]) canvas")])
    return { images, rows: lines.map((one) => one.querySelector("strong")?.textContent ?? "") }
  }

  /** Which image of which line each is: the number of the test image, or of the sample of z. */
  function tableOf(body, kind) {
    const numbers = kind === "image" ? rows() : null
    return gridTable(gridOf(body), [kind === "image" ? "test image" : "number of the sample of z, from 0", ...(numbers ? [] : ["seed"])], (_, k) => (numbers ? [numbers[k]] : [k, view.seed]))
  }

  /** Show something else, and tell Python when it rests; null waits for a later call. */
  function change(some, rest = REST) {
    view = { ...view, ...some }
    show()
    clearTimeout(telling)
    if (rest === null) return
    telling = setTimeout(() => {
      echo.tell(JSON.stringify(view))
      component.onChange("said", view)
    }, rest)
  }

  function turn(by) {
    const now = view.first ?? (by > 0 ? -data.num : data.num)
    const most = Math.max(0, data.num_images - data.num)
    change({ first: Math.min(most, Math.max(0, now + by * data.num)) })
  }

  function rows() {
    if (view.first === null) return data.one_of_each
    return Array.from({ length: Math.min(data.num, data.num_images - view.first) }, (_, k) => view.first + k)
  }

  // Lines of images ------------------------------------------------------------------------------------------------

  /** The lines: originals before the runs that see the same, then each run; and each run's points. */
  function build() {
    runs.forEach((run) => run.images.stop())
    runs = data.rows.map((row) => ({ row, images: new Images(row, () => paintAll()) }))
    const groups = Map.groupBy(runs, ({ row }) => row.sees)
    const lines = []
    for (const members of groups.values()) {
      const { images: words } = members[0].row
      const name = [element("strong", {}, "Test images"), ...(groups.size > 1 ? [element("span", { class: "ll-note", title: words }, words)] : [])]
      const originals = line("image", members[0].row, element("span", { class: "name" }, ...name), true)
      members[0].originals = originals
      lines.push(originals.node)
      for (const run of members) {
        run.reconstructions = line("image", run.row, named(run), false)
        lines.push(run.reconstructions.node)
      }
    }
    images.body.replaceChildren(...lines)
    runs.forEach((run, k) => { run.decoded = line("z", run.row, named(run), k === 0) })
    points.body.replaceChildren(...runs.map(({ decoded }) => decoded.node))
    const dims = new Set(data.rows.map(({ latent_dim }) => latent_dim))
    const told = data.rows.some(({ conditional }) => conditional) ? " A conditional run shows one class after the other." : ""
    say(points.note, (dims.size > 1
      ? "The runs have different numbers of latent dimensions, so each has its own z, of the same seed."
      : "z sampled once from the prior and decoded by each run.") + told)
    fit()
  }

  function named(run) {
    run.where ??= []
    const where = element("span", { class: "ll-note where" })
    run.where.push(where)
    return element("span", { class: "name" }, element("strong", { title: run.row.name }, run.row.name), element("span", { class: "ll-note" }, run.row.words), where)
  }

  /** One line: a name, and images that are chosen by their place in all lines together. */
  function line(kind, row, name, hasKeys) {
    const [, height, width] = row.shape
    const cells = Array.from({ length: data.num }, (_, k) => {
      const canvas = element("canvas", { class: "ll-pixels", width, height })
      const cell = element("button", {
        class: "cell", type: "button", tabindex: hasKeys ? 0 : -1, dataset: { pick: `${kind}-${k}` },
        onclick: () => {
          change({ pick: view.pick === `${kind}-${k}` ? "" : `${kind}-${k}` })
          enlarged.scrollIntoView({ block: "nearest" })
        },
      }, canvas)
      return { cell, canvas }
    })
    const message = element("p", { class: "ll-note message", hidden: true })
    const node = element("div", { class: "line" }, element("div", { class: "names" }, name), ...cells.map(({ cell }) => cell), message)
    return { node, cells, row, message }
  }

  /** All images as large as the page allows, by a whole number of its pixels. */
  function fit() {
    if (!data) return
    const room = root.clientWidth - NAMES - data.num * GAP
    for (const { node, row } of linesOf()) {
      const width = row.shape[2]
      const most = Math.min(LARGEST, room / data.num)
      const times = Math.max(1, Math.floor((most * devicePixelRatio) / width)) / devicePixelRatio
      node.style.setProperty("--cell", `${Math.min(times * width, room / data.num)}px`)
    }
  }

  function linesOf() {
    return runs.flatMap(({ originals, reconstructions, decoded }) => [originals, reconstructions, decoded].filter(Boolean))
  }

  function show() {
    bar.set(view.share)
    const query = { rows: rows().join(), seed: view.seed, num: data.num }
    runs.forEach((run) => run.images.set(query, view.share))
    say(seed, `Seed ${view.seed}`)
    const asked = rows()
    say(place, view.first === null ? "One of each class" : `Test images ${asked[0]} to ${asked.at(-1)}`)
    paintAll()
  }

  function paintAll() {
    for (const run of runs) {
      const { found, failure } = run.images
      run.where.forEach((where) => say(where, run.images.words))
      fill(run.originals, found?.originals, failure || found?.missing)
      fill(run.reconstructions, found?.reconstructions, failure || found?.missing)
      fill(run.decoded, found?.decoded, failure)
    }
    mark()
    paintLarge()
    root.dataset.share = String(view.share)
    root.dataset.pick = view.pick
    root.dataset.steps = runs.map(({ images }) => images.time.step ?? "end").join()
    const settled = runs.length > 0 && runs.every(({ images }) => images.settled)
    root.dataset.settled = String(settled)
    if (settled) root.dataset.ready = "true"
  }

  function fill(into, pictures, why) {
    if (!into) return
    into.message.hidden = !why
    say(into.message, why ?? "")
    into.cells.forEach(({ cell, canvas }, k) => {
      cell.hidden = Boolean(why) || !pictures || k >= pictures.shape[0]
      if (!cell.hidden) paintOne(canvas, pictures, k)
    })
  }

  function paintOne(canvas, { data: values, shape: [, channels, height, width] }, k) {
    paint(canvas, { data: values, channels, height, width, scale: 1, offset: k * channels * height * width })
  }

  function mark() {
    for (const { cells, row } of linesOf()) {
      cells.forEach(({ cell }) => {
        const [kind, place] = cell.dataset.pick.split("-")
        cell.setAttribute("aria-pressed", String(cell.dataset.pick === view.pick))
        cell.setAttribute("aria-label", `${kind === "z" ? `z ${Number(place) + 1}` : `Test image ${rows()[place]}`}, ${row.name}`)
      })
    }
  }

  /** What is chosen, large, of every run, with what it costs each. */
  function paintLarge() {
    const [kind, text] = view.pick.split("-")
    const k = Number(text)
    const isImage = kind === "image"
    const first = runs.find(({ images }) => images.found?.[isImage ? "originals" : "decoded"])
    const num = isImage ? rows().length : data.num
    enlarged.hidden = !view.pick || !first || k >= num
    if (enlarged.hidden) { drawn = ""; return }
    const wanted = `${view.pick} ${runs.map(({ row }) => row.id).join()}`
    if (drawn !== wanted) {
      drawn = wanted
      large.replaceChildren(...(isImage ? [figure("", first.row)] : []), ...runs.map(({ row }) => figure(row.name, row)))
    }
    const figures = /** @type {HTMLElement[]} */ ([...large.children])
    if (isImage) {
      const label = first.row.labels[first.images.found.labels[k]]
      fillFigure(figures.shift(), first.images.found.originals, k, `Test image ${rows()[k]}`, label === undefined ? "" : `class ${label}`)
    }
    figures.forEach((node, place) => {
      const { found } = runs[place].images
      const pictures = isImage ? found?.reconstructions : found?.decoded
      if (!pictures || k >= pictures.shape[0]) return
      const [distortion, rate] = isImage ? [found.distortion.data[k], found.rate.data[k]] : [NaN, NaN]
      const cost = isImage ? `${number(distortion, 1)} + KL ${number(rate, 1)} nats` : `z ${k + 1} of seed ${view.seed}`
      fillFigure(node, pictures, k, runs[place].row.name, cost)
      node.title = isImage ? "Cost at the posterior mean: reconstruction + KL (not the ELBO, which samples z)" : ""
    })
  }

  function figure(name, row) {
    const [, height, width] = row.shape
    const times = Math.max(1, Math.floor(112 / Math.max(height, width)))
    const canvas = element("canvas", { class: "ll-pixels", width, height, role: "img", "aria-label": name || "Test image", style: { width: `${times * width}px` } })
    return element("figure", {}, canvas, element("figcaption", {}, element("strong", {}), element("span", { class: "ll-note" })))
  }

  function fillFigure(node, pictures, k, title, words) {
    paintOne(node.querySelector("canvas"), pictures, k)
    say(node.querySelector("strong"), title)
    say(node.querySelector("span"), words)
  }

  return {
    update(next) {
      component = next
      const before = data && JSON.stringify([data.rows, data.num, data.num_images])
      data = next.state
      if (echo.isNews(JSON.stringify(data.view)) || !view) view = { ...data.view }
      if (before !== JSON.stringify([data.rows, data.num, data.num_images])) build()
      show()
    },
    unmount() {
      clearTimeout(telling)
      bar.stop()
      observer.disconnect()
      runs.forEach((run) => run.images.stop())
    },
  }
}))
