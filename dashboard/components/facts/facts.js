/** Tells a lesson beside the page what Python computed for it. It shows nothing itself. */
import { tell } from "../../../vae/browser/lib/facts.js"
import { mountable } from "../../../vae/browser/lib/mount.js"
import { inStreamlit } from "../streamlit/adapter.js"

export default inStreamlit(mountable(import.meta.url, (root) => ({
  /** @param {import("../../../vae/browser/lib/mount.js").Given<import("./state").State>} given */
  update({ state }) {
    tell(root, Object.fromEntries(Object.entries(state.facts).filter(([, value]) => Number.isFinite(value))))
    root.dataset.ready = "true"
  },
  unmount() {
    tell(root, null)
  },
})))
