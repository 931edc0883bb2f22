/** Points glide to their new places, each image's own from its former one. */
import { isStill } from "../lib/still.js"
import { inOrder, origins } from "./points.js"

/** How long they take, ms, and of how many points at most. */
const LENGTH = 300
const MOST = 300_000

/** Scroll what lies below the card beside the plot as little as it takes to see an element in it; the page itself stays where it is. */
export function reveal(node) {
  const side = node.closest(".told")
  if (!side) return
  const [here, there] = [node.getBoundingClientRect(), side.getBoundingClientRect()]
  const by = here.top < there.top ? here.top - there.top : Math.max(0, Math.min(here.bottom - there.bottom, here.top - there.top))
  if (by) side.scrollBy({ top: by, behavior: isStill() ? "auto" : "smooth" })
}

/**
 * Bring the points of a scene to their places.
 * @param {import("../lib/scatter.js").Points} points Gets `x` and `y`, in drawing order.
 * @param {import("./points.js").Shown | null} before What was shown.
 * @param {import("./points.js").Shown} next
 * @param {{before: import("../lib/viewport.js").Viewport, now: import("../lib/viewport.js").Viewport} | null} views Where the
 *   plane itself changes: the points start from where they were on the screen.
 * @returns {(now: number) => boolean} Moves them on; false when they have arrived.
 */
export function glide(points, before, next, views) {
  const goal = { x: inOrder(next.x, next.order), y: inOrder(next.y, next.order) }
  if (!before || next.num > MOST || isStill()) {
    Object.assign(points, goal)
    return () => false
  }
  const from = origins(before, next)
  if (views) onScreen(from, views)
  const start = { x: inOrder(from.x, next.order), y: inOrder(from.y, next.order) }
  points.x = start.x.slice()
  points.y = start.y.slice()
  let began = 0
  let arrived = false
  return (now) => {
    if (arrived) return false
    began ||= now
    const share = Math.min(1, Math.max(0, (now - began) / LENGTH))
    const eased = share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2
    for (const axis of ["x", "y"]) {
      const [a, b, to] = [start[axis], goal[axis], points[axis]]
      for (let k = 0; k < to.length; k += 1) to[k] = a[k] + eased * (b[k] - a[k])
    }
    arrived = share === 1
    return !arrived
  }
}

function onScreen(from, { before, now }) {
  for (let k = 0; k < from.x.length; k += 1) {
    from.x[k] = now.uAt(before.x(from.x[k]))
    from.y[k] = now.vAt(before.y(from.y[k]))
  }
}
