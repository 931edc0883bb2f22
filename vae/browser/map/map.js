/** The latent map: posterior means of images; what lies under the pointer is decoded as it moves. */
import { mountable } from "../lib/mount.js"
import { MapView } from "./map_view.js"

const lab = (window.__latentLab ??= { timings: [], decoded: 0 })

/**
 * @param {HTMLElement} root
 * @param {import("../lib/mount.js").Given<import("./state").State>} given
 */
function make(root, { state: { compact } }) {
  const view = new MapView(root, compact)
  lab.map = view.drawing
  return view
}

export const mount = mountable(import.meta.url, make)
