/** What a single step did to its batch, in one sentence. */
import { count, number } from "../../../../vae/browser/lib/dom.js"

/**
 * @param {Record<string, any>} line The event of the step (`vae.training.step_effect`); of one without the numbers there is nothing to say.
 * @returns {string}
 */
export function effectWords(line) {
  const names = ["num_images", "distortion_before", "distortion_after", "rate_before", "rate_after", "weights_moved"]
  if (!names.every((name) => Number.isFinite(line[name]))) return ""
  const part = (name, before, after) => `${name} ${number(before)} → ${number(after)} (${signed(after - before)})`
  const beta = Number.isFinite(line.beta) ? line.beta : 1
  const loss = (distortion, rate) => distortion + beta * rate
  const [from, to] = [loss(line.distortion_before, line.rate_before), loss(line.distortion_after, line.rate_after)]
  const parts = [part("reconstruction", line.distortion_before, line.distortion_after), part("KL", line.rate_before, line.rate_after), part("loss", from, to)]
  const moved = number(100 * line.weights_moved, line.weights_moved < 0.001 ? 3 : 2)
  return `Step ${count(line.step)}, on its ${count(line.num_images)} images: ${parts.join(", ")} nats. The weights moved by ${moved} % of their length.`
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${number(Math.abs(value))}`
}
