/** Beside each lesson's title, how far one is in it, as this browser has kept it. */
import { kept, storageHere } from "../../../../vae/browser/lesson_rail/answers.js"
import { mountable } from "../../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../../../components/streamlit/adapter.js"
import { marks } from "./marks.js"

export default inStreamlit(mountable(import.meta.url, (root) => {
  const sheet = new CSSStyleSheet()
  document.adoptedStyleSheets.push(sheet)
  const storage = storageHere()
  root.style.minHeight = "0"

  return {
    /** @param {import("../../../../vae/browser/lib/mount.js").Given<import("./state").State>} given */
    update({ state }) {
      const rules = marks(state, kept(storage)).map(({ card, text }) => `${card} .ll-card-title::after { color: var(--muted); content: ${JSON.stringify(`  ${text}`)}; font-weight: 400; white-space: pre; }`)
      sheet.replaceSync(rules.join("\n"))
      root.dataset.ready = "true"
    },
    unmount() {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet)
    },
  }
}))
