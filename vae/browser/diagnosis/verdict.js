/** The verdict in plain words, what it rests on, and what to try. */
import { count, counted, element, say, withCode } from "../lib/dom.js"

/** Of which images numbers are, in words. */
const PARTS = { validation: "validation", test: "test", train: "training", probe: "probe" }

/** @returns {{node: HTMLElement, draw: (state: object) => void}} */
export function verdictCard() {
  const body = element("div", { class: "words" })
  const note = element("p", { class: "ll-note", dataset: { role: "of" } })
  const pending = element("span", { class: "ll-note pending", role: "status" })
  const node = element(
    "section", { class: "ll-card verdict", "aria-label": "Verdict" },
    element("p", { class: "ll-note kicker" }, element("span", {}, "Verdict"), pending), body, note,
  )
  let drawn = ""

  function draw({ findings, time }) {
    const { found, failure, busy, of } = findings
    node.dataset.busy = String(busy)
    say(pending, found ? "measuring newer weights…" : "")
    const now = JSON.stringify([found?.verdict, found?.remarks, found?.missing, failure, Boolean(found), found?.num_active])
    if (now !== drawn) {
      drawn = now
      body.replaceChildren(...content(found, failure))
      node.dataset.kind = !found?.verdict ? "none" : found.verdict.is_fault ? "fault" : found.verdict.name === "healthy" ? "fine" : "spare"
      node.dataset.verdict = found?.verdict?.name ?? ""
    }
    say(note, found ? source(found, of, time) : "")
    node.dataset.step = String(found?.step ?? "")
  }

  return { node, draw }
}

function content(found, failure) {
  if (failure) return [element("h3", {}, "No verdict"), element("p", {}, ...withCode(failure))]
  if (!found) return [element("h3", {}, "Measuring…"), element("p", {}, "A second or two after the first checkpoint.")]
  if (!found.verdict) {
    return [
      element("h3", {}, activeOf(found.num_active, found.latent_dim)),
      element("p", {}, "A full diagnosis needs the images. Without them, only the encoder is shown."),
      element("p", { class: "ll-note" }, ...withCode(found.missing)),
    ]
  }
  const remarks = found.remarks.map((remark) =>
    element(
      "details", {}, element("summary", {}, remark.title), element("p", {}, together(remark.sentence)), evidence(remark.evidence), ...remedies(remark.remedies),
    ))
  return [
    element("h3", {}, found.verdict.title), element("p", {}, together(found.verdict.sentence)),
    element("div", { class: "because" }, element("div", {}, element("h4", {}, "Because"), evidence(found.verdict.evidence)), element("div", {}, ...remedies(found.verdict.remedies))),
    ...(remarks.length ? [element("div", { class: "remarks", dataset: { control: "remarks" } }, element("h4", {}, "Remarks"), ...remarks)] : []),
  ]
}

/** No line ends within "β = 1". */
function together(sentence) {
  return sentence.replaceAll(" = ", "\u00a0=\u00a0")
}

function evidence(list) {
  const rows = list.map(({ words, text, unit }) =>
    element("div", {}, element("dt", {}, words), element("dd", {}, text, unit ? element("span", { class: "ll-note" }, ` ${unit}`) : "")))
  return element("dl", {}, ...rows)
}

function remedies(list) {
  return list.length ? [element("h4", {}, "What to try"), element("ul", {}, ...list.map((words) => element("li", {}, ...withCode(together(words)))))] : []
}

/** How many dimensions are active, in words. */
export function activeOf(active, all) {
  return `${count(active)} of ${count(all)} dimension${all === 1 ? "" : "s"} ${active === 1 ? "is" : "are"} active`
}

function source(found, of, time) {
  const images = `the first ${counted(found.num_images, `${PARTS[found.part] ?? found.part} image`)}`
  const step = found.step === null ? "" : ` of step ${count(found.step)}`
  const kind = of?.isNewest ? (time.following ? "the newest weights" : of.at === "best" ? "the best weights" : "the last weights") : "the snapshot"
  return `Measured on ${images}, with ${kind}${step}. Active: variance of the posterior mean above ${Number(found.active_threshold.toPrecision(3))}.`
}
