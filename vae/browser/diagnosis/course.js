/** Each dimension along training as a heat map: the time machine's own strip, of a quantity that can be chosen. */
import { radioGroup } from "../lib/choices.js"
import { element, number, say } from "../lib/dom.js"
import { heatStrip } from "../time_machine/heat.js"
import { saveMenu } from "../lib/saving.js"
import { card, ordered } from "./cards.js"

const QUANTITIES = {
  rate: { label: "KL", title: "KL of each dimension, nats per image", unit: "nats", of: ({ rate_per_dim: values }) => values },
  sigma: { label: "σ", title: "Posterior σ of each dimension; the prior's is 1", unit: "", of: ({ sigma_per_dim: values }) => values },
  variance: { label: "Variance of the mean", title: "Variance of the posterior mean over the images", unit: "", of: ({ active_variance: values }) => values },
}

/** @param {{chosen: (quantity: string) => void, went: (step: number) => void}} told */
export function courseCard({ chosen, went }) {
  const menu = saveMenu(() => ({ name: `${node.dataset.run}-dimensions-along-training`, picture: () => strip.picture(), table: () => tableOf(stages) }))
  const { node, chart, legend, note } = card(
    "course", "Each dimension along training", "One column per snapshot, denser at the start; one row per dimension, largest KL on top. Click a column to go there.", () => menu)
  legend.remove()
  let stages = []
  const strip = heatStrip((place) => stages[place] && went(stages[place].step))
  strip.node.hidden = false
  const choice = radioGroup("What the colours say", Object.fromEntries(Object.entries(QUANTITIES).map(([name, { label }]) => [name, label])), chosen, { control: "colours" })
  const ends = [element("span", {}), element("span", {}), element("span", {})]
  const axis = element("p", { class: "ll-note ends", "aria-hidden": "true" }, ...ends)
  const empty = element("p", { class: "ll-message" }, "Appears with the second snapshot.")
  chart.append(element("div", { class: "map" }, strip.node, axis), empty)
  node.insertBefore(choice.node, note.nextSibling)
  return {
    node,
    draw({ findings, time, quantity, heat, root, data }) {
      choice.value = quantity
      stages = findings.stages
      const some = stages.length > 1
      strip.node.hidden = axis.hidden = choice.node.hidden = !some
      empty.hidden = some
      say(empty, data.live ? "Appears with the second snapshot." : "This run kept no snapshots.")
      node.dataset.quantity = quantity
      node.dataset.stages = String(stages.length)
      if (!some) return
      const at = time.shown ? stages.findIndex(({ step }) => step === time.shown.step) : -1
      const order = ordered(stages[stages.length - 1])
      strip.draw({ snapshots: stages, place: at < 0 ? null : at, palette: heat, root, quantity: QUANTITIES[quantity], order })
      const marks = [0, Math.floor((stages.length - 1) / 2), stages.length - 1]
      marks.forEach((place, k) => say(ends[k], `${k === 0 ? "epoch " : ""}${number(stages[place].epoch, stages[place].epoch < 10 ? 1 : 0)}`))
    },
  }
}

/** Each dimension at every snapshot. */
function tableOf(stages) {
  return {
    columns: ["step", "epoch", "dimension", "KL (nats per image)", "posterior σ", "variance of the posterior mean"],
    rows: stages.flatMap(({ step, epoch, rate_per_dim: rates, sigma_per_dim: sigmas, active_variance: variances }) =>
      rates.map((rate, dim) => [step, epoch, `z${dim + 1}`, rate, sigmas[dim], variances[dim]])),
  }
}
