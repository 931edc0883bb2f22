/** A row of images, of which one is chosen. */
import { element } from "../../../../vae/browser/lib/dom.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { paint } from "../../../../vae/browser/lib/picture.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"

export default inStreamlit(mountable(import.meta.url, (root) => {
  const row = element("fieldset", { class: "row", dataset: { control: "images" } })
  root.replaceChildren(row)
  root.style.minHeight = "0"
  let shown = ""
  /** @type {import("../../../../vae/browser/lib/mount.js").Given<import("./state").State> | null} */
  let given = null

  return {
    /** @param {import("../../../../vae/browser/lib/mount.js").Given<import("./state").State>} next */
    update(next) {
      given = next
      const { pixels, shape, rows, row: chosen, name } = next.state
      const now = `${pixels} ${rows}`
      if (now !== shown) {
        shown = now
        const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0))
        const [channels, height, width] = shape
        const group = `thumbs-${crypto.getRandomValues(new Uint32Array(1))[0]}`
        row.replaceChildren(element("legend", { class: "ll-sr" }, "Image"), ...rows.map((/** @type {number} */ number, /** @type {number} */ k) => {
          const canvas = element("canvas", { class: "ll-pixels" })
          paint(canvas, { data: bytes, offset: k * channels * height * width, scale: 1, channels, height, width })
          const input = element("input", {
            type: "radio", name: group, value: number, "aria-label": `${name} ${number}`, onchange: () => given?.onChange("row", number, "choice"),
          })
          return element("label", { class: "thumb", title: `${name} ${number}` }, input, canvas)
        }))
      }
      for (const input of row.querySelectorAll("input")) input.checked = Number(input.value) === chosen
      root.dataset.ready = "true"
    },
    unmount() {},
  }
}))
