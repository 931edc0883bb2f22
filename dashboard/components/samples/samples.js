/** Sheets of images that the newest weights make, drawn again whenever the run has newer ones. */
import { element, mounted, say } from "../lib/dom.js"
import { get, runAddress } from "../lib/server.js"
import { listen } from "../lib/stream.js"

/** Between two sheets of one kind, ms. */
const PAUSE = 900

const KINDS = {
  reconstructions: {
    title: "Reconstructions", caption: "Above: test images. Below: what the decoder makes of their posterior means.",
    alt: "Test images above their reconstructions",
  },
  samples: {
    title: "Samples", caption: "New images: z drawn from the prior, then decoded. The same z every time.",
    alt: "Images decoded from samples of the prior",
  },
  manifold: {
    title: "Manifold", caption: "Decoded grid over the quantiles of the prior: z₁ to the right, z₂ upwards.",
    alt: "Grid of images decoded over the prior's quantiles",
  },
}

export default mounted((root) => {
  const list = element("div", { class: "sheets" })
  root.replaceChildren(list)
  let data = null
  let sheets = []
  let drawn = ""
  let stamp = null
  let stop = () => {}
  let listening = ""
  let gone = false

  const observer = new ResizeObserver(() => sheets.forEach(fit))

  function make(kind) {
    const { title, caption, alt } = KINDS[kind]
    const image = element("img", { class: "sheet", alt, hidden: true })
    const message = element("p", { class: "ll-message" }, "Waiting for the first weights…")
    const card = element(
      "figure", { class: "ll-card", dataset: { sheet: kind } }, element("h3", { class: "ll-title" }, title), image, message,
      element("figcaption", { class: "ll-note" }, caption),
    )
    const sheet = { kind, image, message, card, busy: false, shown: null, timer: 0, count: 0 }
    image.addEventListener("load", () => fit(sheet))
    return sheet
  }

  /** Enlarge by a whole number, so that all pixels are equally large. */
  function fit({ image, card }) {
    const room = card.clientWidth - 32
    if (!image.naturalWidth || room <= 0) return
    const times = Math.max(1, Math.floor((room * devicePixelRatio) / image.naturalWidth)) / devicePixelRatio
    const most = Math.max(1, Math.floor((360 * devicePixelRatio) / image.naturalHeight)) / devicePixelRatio
    image.style.width = `${image.naturalWidth * Math.min(times, most)}px`
  }

  async function refresh(sheet) {
    const wanted = stamp === null ? data.stamp : stamp
    if (gone || sheet.busy || sheet.timer || wanted === sheet.shown || document.hidden) return
    if (data.live && !wanted) return
    sheet.busy = true
    const { run, at } = data
    try {
      const query = { kind: sheet.kind, at: stamp === null ? at : "last", v: wanted }
      const address = URL.createObjectURL(await (await get(runAddress(run, "sheet.png", query))).blob())
      const old = sheet.image.src
      sheet.image.src = address
      await sheet.image.decode().catch(() => {})
      if (old) URL.revokeObjectURL(old)
      sheet.image.hidden = false
      sheet.message.hidden = true
      sheet.count += 1
      root.dataset.ready = "true"
      sheet.card.dataset.count = String(sheet.count)
    } catch (error) {
      say(sheet.message, error.message)
      sheet.message.hidden = false
      sheet.image.hidden = true
    }
    sheet.shown = wanted
    sheet.busy = false
    sheet.timer = setTimeout(() => {
      sheet.timer = 0
      refresh(sheet)
    }, PAUSE)
  }

  const onVisible = () => sheets.forEach(refresh)
  document.addEventListener("visibilitychange", onVisible)

  return {
    update(component) {
      data = component.data
      const wanted = JSON.stringify([data.run, data.at, data.live, data.kinds, data.stamp])
      if (wanted === drawn) return
      drawn = wanted
      for (const { timer, image } of sheets) {
        clearTimeout(timer)
        if (image.src) URL.revokeObjectURL(image.src)
      }
      observer.disconnect()
      sheets = data.kinds.filter((kind) => kind in KINDS).map(make)
      list.replaceChildren(...sheets.map(({ card }) => card))
      sheets.forEach(({ card }) => observer.observe(card))
      const follow = data.live ? data.run : ""
      if (listening !== follow) {
        stop()
        stamp = null
        listening = follow
        stop = follow
          ? listen(follow, {
              status: (status) => {
                stamp = status.stamp ?? ""
                sheets.forEach(refresh)
              },
            }).stop
          : () => {}
      }
      sheets.forEach(refresh)
    },
    unmount() {
      gone = true
      stop()
      observer.disconnect()
      document.removeEventListener("visibilitychange", onVisible)
      for (const { timer, image } of sheets) {
        clearTimeout(timer)
        if (image.src) URL.revokeObjectURL(image.src)
      }
    },
  }
})
