/** Whether the KL has fallen to zero before one's eyes, and what came before that. */
import { number } from "../../../../vae/browser/lib/dom.js"
import { betaChanges, short } from "./lines.js"

/** With less KL than this, nats per image, the posterior is the prior: nothing of the image is in z. */
export const ZERO = 0.05
/** The KL has risen before it falls if it was so large. */
const RISEN = 0.5
/** A KL that never rose is told after so many epochs and steps: at first it is small in every run. */
const EARLY = { epochs: 3, steps: 200 }

/**
 * @typedef {{words: string, epoch: number, fell: boolean}} Collapse
 * @param {Record<string, any>} history Lines of the run (`lib/stream.js`).
 * @param {number} rate The KL of now, as the tile says it, nats.
 * @returns {Collapse | null} Null while z is used, and before anybody can tell.
 */
export function collapseOf({ train, events }, rate) {
  const last = train[train.length - 1]
  if (!last || !(rate < ZERO) || !(last.rate < 2 * ZERO)) return null
  let first = train.length - 1
  while (first > 0 && train[first - 1].rate < 2 * ZERO) first -= 1
  const before = train.slice(0, first)
  const fell = before.some((line) => line.rate > RISEN)
  if (!fell && (last.epoch < EARLY.epochs || last.step < EARLY.steps)) return null
  const since = train[first]
  const kl = `${number(rate, 2)} nats`
  if (!fell) return { words: `The KL has stayed at ${kl}: z carries nothing about the images (posterior collapse).`, epoch: 0, fell }
  const rises = betaChanges({ train, events }).filter(({ line, from, to }) => to > from && line.step <= since.step)
  const cause = rises[rises.length - 1]
  const why = cause ? `, after β went from ${short(cause.from)} to ${short(cause.to)}` : ""
  const when = since.epoch < 10 ? number(since.epoch, 1) : number(since.epoch, 0)
  return { words: `The KL fell to ${kl} at epoch ${when}${why}: z carries nothing about the images any more (posterior collapse).`, epoch: since.epoch, fell }
}
