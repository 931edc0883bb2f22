/** Sheets of images that the newest weights make, drawn again whenever the run has newer ones. */
import { element, explain} from "../lib/dom.js"
import { sentenceOf } from "../lib/errors.js"
import { mountable } from "../lib/mount.js"
import { Question } from "../lib/asking.js"
import { gridPicture, pixelTable } from "../lib/image_grid.js"
import { saveMenu } from "../lib/saving.js"
import { theme } from "../lib/theme.js"
import { Kept } from "../lib/kept.js"
import { timeOf } from "../lib/time.js"

/** Between two sheets of one kind while a run trains, ms. */
const PAUSE = 900
/** An enlarged sheet is no higher than this, CSS pixels, and than this share of the window: a few images leave room for what stands around them. */
const [TALLEST, SHARE] = [360, 0.2]
/** Bytes of sheets of snapshots that are kept, so that going back and forth asks the server once. */
const ROOM = 64e6

const KINDS = {
  reconstructions: {
    title: "Reconstructions", caption: "Above: test images. Below: their reconstructions from the posterior means.",
    alt: "Test images above their reconstructions",
  },
  samples: {
    title: "Samples", caption: "New images: z sampled from the prior, then decoded. The same z every time.",
    alt: "Images decoded from samples of the prior",
  },
  manifold: {
    title: "Manifold", caption: "Decoded grid over the quantiles of the prior: z₁ to the right, z₂ upwards.",
    alt: "Grid of images decoded over the prior's quantiles",
  },
}

export const mount = mountable(import.meta.url, (root) => {
  const list = element("div", { class: "sheets" })
  root.replaceChildren(list)
  let source = null
  /** @type {import("./state").State} What the host passes. */
  let data = null
  let sheets = []
  let drawn = ""
  let stamp = null
  let stop = () => {}
  let listening = ""
  let gone = false
  let time = null
  let stopTime = () => {}
  /** Addresses of pictures of snapshots, by kind and weights. */
  const known = new Kept(ROOM, (address) => sheets.some(({ image }) => image.src === address) || URL.revokeObjectURL(address))

  const observer = new ResizeObserver(() => sheets.forEach(fit))

  function make(kind) {
    const { title, caption, alt } = KINDS[kind]
    const image = element("img", { class: "sheet", alt, hidden: true })
    const message = element("p", { class: "ll-message" }, "Waiting for the first weights…")
    const save = saveMenu(() => {
      if (image.hidden) throw new Error("There are no images yet to save; wait until they are drawn.")
      return { name: `${data.run}-${kind}`, picture: () => gridPicture({ images: [[image]] }, theme(root)), table: () => pixelTable(image) }
    }, title.toLowerCase())
    const card = element(
      "figure", { class: "ll-card", dataset: { sheet: kind } }, element("div", { class: "ll-head" }, element("h3", { class: "ll-title" }, title), save), image, message,
      element("figcaption", { class: "ll-note" }, caption),
    )
    const sheet = { kind, image, message, card, busy: false, shown: null, timer: 0, count: 0 }
    image.addEventListener("load", () => fit(sheet))
    return sheet
  }

  /** Enlarge by a whole number, so that all pixels are equally large. */
  function fit({ image, card }) {
    const room = card.clientWidth - 24
    if (!image.naturalWidth || room <= 0) return
    const times = Math.max(1, Math.floor((room * devicePixelRatio) / image.naturalWidth)) / devicePixelRatio
    const high = Math.min(TALLEST, SHARE * innerHeight)
    const most = Math.max(1, Math.floor((high * devicePixelRatio) / image.naturalHeight)) / devicePixelRatio
    image.style.width = `${image.naturalWidth * Math.min(times, most)}px`
  }

  async function refresh(sheet) {
    const snapshot = time?.shown
    const now = stamp ?? undefined
    const wanted = snapshot ? `${snapshot.step} ${snapshot.stamp}` : now
    if (sheet.busy && wanted !== sheet.wanted) sheet.question?.makeWay()
    if (gone || sheet.busy || wanted === sheet.shown || document.hidden) return
    // A snapshot was asked for by a hand, and is shown at once; newer weights may come many times a second.
    if (!snapshot && (sheet.timer || (data.live && !now))) return
    sheet.busy = true
    sheet.wanted = wanted
    const { run, at } = data
    const question = (sheet.question = new Question((sentence) => tell(sheet, sentence)))
    try {
      if (data.missing && sheet.kind === "reconstructions") throw new Error(data.missing)
      const live = { at: stamp === null ? at : "last", v: now }
      const query = { kind: sheet.kind, num: data.num, ...(snapshot ? { at: snapshot.step, v: snapshot.stamp } : live) }
      const address = await picture(run, query, Boolean(snapshot), question.options)
      const old = sheet.image.src
      sheet.image.src = address
      await sheet.image.decode().catch(() => {})
      drop(old)
      sheet.card.dataset.at = String(query.at)
      sheet.image.hidden = false
      sheet.message.hidden = true
      sheet.count += 1
      root.dataset.ready = "true"
      sheet.card.dataset.count = String(sheet.count)
    } catch (error) {
      if (!question.isOver) {
        tell(sheet, sentenceOf(error))
        sheet.image.hidden = true
      }
    }
    if (!question.isOver) sheet.shown = wanted
    sheet.busy = false
    clearTimeout(sheet.timer)
    sheet.timer = setTimeout(() => {
      sheet.timer = 0
      void refresh(sheet)
    }, snapshot ? 0 : PAUSE)
    if (time?.shown || question.isOver) void refresh(sheet)
  }

  /** Say why there is no picture, or no newer one yet. */
  function tell(sheet, sentence) {
    if (!sentence) return
    explain(sheet.message, sentence)
    sheet.message.hidden = false
  }

  /** Address of a sheet in this page's memory; those of snapshots stay there. */
  async function picture(run, query, keep, options) {
    const key = `${run} ${query.kind} ${query.num ?? ""} ${query.at} ${query.v}`
    const found = known.get(key)
    if (found) return found
    const blob = await source.get(run, "sheet.png", query, "blob", options)
    const address = URL.createObjectURL(blob)
    if (keep) known.set(key, address, blob.size)
    return address
  }

  /** Give a picture's memory back, unless it is kept. */
  function drop(address) {
    if (address && !known.values.includes(address)) URL.revokeObjectURL(address)
  }

  const onVisible = () => sheets.forEach(refresh)
  document.addEventListener("visibilitychange", onVisible)

  return {
    /** @param {import("../lib/mount.js").Given<import("./state").State>} component */
    update(component) {
      ;({ source, state: data } = component)
      const wanted = JSON.stringify([data.run, data.at, data.live, data.kinds, data.num])
      if (wanted === drawn) return
      drawn = wanted
      for (const { timer, image } of sheets) {
        clearTimeout(timer)
        drop(image.src)
      }
      observer.disconnect()
      sheets = data.kinds.filter((kind) => kind in KINDS).map(make)
      list.replaceChildren(...sheets.map(({ card }) => card))
      sheets.forEach(({ card }) => observer.observe(card))
      if (time !== timeOf(source, data.run)) {
        stopTime()
        time = timeOf(source, data.run)
        stopTime = time.subscribe(() => sheets.forEach(refresh))
      }
      const follow = data.live ? data.run : ""
      if (listening !== follow) {
        stop()
        stamp = null
        listening = follow
        stop = follow
          ? source.listen(follow, {
              status: (status) => {
                stamp = status.stamp ?? ""
                sheets.forEach(refresh)
              },
            })
          : () => {}
      }
      sheets.forEach(refresh)
    },
    unmount() {
      gone = true
      stop()
      stopTime()
      observer.disconnect()
      document.removeEventListener("visibilitychange", onVisible)
      for (const { timer, image } of sheets) {
        clearTimeout(timer)
        drop(image.src)
      }
      sheets = []
      known.clear()
    },
  }
})
