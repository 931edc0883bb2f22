/** The plane that the map shows: how much of the prior is in view, and how far the plane can be trusted. */
import { project } from "./points.js"

/** So many σ of the prior are in view on either side of its mean, wherever the points are. */
const IN_VIEW = 2

/**
 * At least so much of the prior is in view that a collapsed posterior is seen as one: a dot in the middle of its ring.
 * @param {Record<string, any>} state
 * @param {import("../lib/viewport.js").Region} region Of the points.
 * @returns {import("../lib/viewport.js").Region}
 */
export function withPrior(state, { left, right, low, high }) {
  if (state.prior) return { left, right, low, high }
  const [u, v] = project(state.plane, new Float32Array(state.latent_dim))
  const found = { left: Math.min(left, u - IN_VIEW), right: Math.max(right, u + IN_VIEW), low, high }
  return state.latent_dim === 1 ? found : { ...found, low: Math.min(low, v - IN_VIEW), high: Math.max(high, v + IN_VIEW) }
}

/**
 * Say how far the plane can be trusted; two dimensions are their own plane.
 * @param {import("./map_data.js").MapData} data
 * @param {{trusted: (found: any) => void}} tools
 */
export async function tellTrust(data, tools) {
  const { flat, state, weights } = data
  if (state.latent_dim <= 2) return tools.trusted(null)
  if (flat) return tools.trusted(flat.trust ?? null)
  tools.trusted(null)
  if (data.isElsewhere(weights)) return
  try {
    const found = await data.source.get(state.run, "plane/trust", { at: weights.at, v: weights.stamp }, "json")
    if (!data.gone && !data.flat && data.weights === weights) tools.trusted(found)
  } catch {
    // Of a plane that cannot be compared nothing is said.
  }
}
