/** Which labels stand in colour, and what the colours of a scale mean. */
import { counted, element, number, say } from "../lib/dom.js"
import { colourOf } from "./colours.js"

/** Longer names of classes stand below each other beside a small map, letters. */
const SHORT = 9

/**
 * The labels, each with a box that takes it out of the map or brings it back.
 * @param {{fade: (faded: Set<number>) => void, select: () => void}} heard
 */
export function legend(heard) {
  const node = element("fieldset", { class: "legend" }, element("legend", { class: "ll-sr" }, "Classes shown in colour"))
  let groups = []
  let faded = new Set()

  function button(action, text, title, onclick) {
    return element("button", { class: "ll-button small", type: "button", title, dataset: { action }, onclick }, text)
  }

  function change(next) {
    faded = next
    for (const input of node.querySelectorAll("input")) input.checked = !faded.has(Number(input.dataset.label))
    heard.fade(faded)
  }

  function entry(group) {
    return element(
      "label", { dataset: { control: "legend" }, title: `${group.name}: ${counted(group.num, "image")}; double click shows only these`, ondblclick: () => alone(group.label) },
      element("input", {
        type: "checkbox", checked: true, dataset: { label: group.label },
        onchange: (event) => {
          const next = new Set(faded)
          if (event.target.checked) next.delete(group.label)
          else next.add(group.label)
          change(next)
        },
      }),
      element("i", { class: "key", dataset: { label: group.label } }), element("span", {}, group.name),
    )
  }

  function alone(label) {
    change(new Set(groups.map((group) => group.label).filter((other) => other !== label)))
  }

  return {
    node,
    /** Show other labels, in colour but for some. */
    set(next, out = new Set()) {
      groups = next
      faded = new Set()
      const several = groups.length > 1
      node.dataset.long = String(groups.some(({ name }) => name.length > SHORT))
      node.replaceChildren(
        node.firstElementChild,
        ...(several ? groups.map(entry) : []),
        several ? button("all", "All", "All classes in colour", () => change(new Set())) : "",
        several ? button("none", "None", "No class in colour", () => change(new Set(groups.map(({ label }) => label)))) : "",
        button("select", "Select", "Select all images whose class is shown in colour", () => heard.select()),
      )
      this.show(out)
    },
    /** Say which labels are taken out. */
    show(out) {
      faded = out
      for (const input of node.querySelectorAll("input")) input.checked = !faded.has(Number(input.dataset.label))
    },
    /** Colour the keys; without a palette the colours mean something else, and the keys are plain. */
    paint(palette) {
      for (const key of /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll(".key"))) {
        key.style.setProperty("--key", palette ? colourOf(Number(key.dataset.label), palette) : "var(--ll-muted)")
      }
    },
  }
}

/** A bar that says what the colours of a scale mean. */
export function colourBar() {
  const low = element("span", { class: "end" })
  const high = element("span", { class: "end" })
  const strip = element("i", { class: "strip", "aria-hidden": "true" })
  const title = element("span", { class: "title" })
  const node = element("div", { class: "bar", hidden: true, role: "img" }, title, low, strip, high)
  return {
    node,
    hide() {
      node.hidden = true
    },
    /** @param {import("./colours.js").Colouring} colouring */
    show(colouring, lowest, highest, anchors) {
      node.hidden = false
      const decimals = highest - lowest > 20 ? 0 : highest - lowest > 2 ? 1 : 3
      const unit = colouring.unit ? ` ${colouring.unit}` : ""
      say(title, colouring.words)
      say(low, `≤ ${number(lowest, decimals)}${unit}`)
      say(high, `≥ ${number(highest, decimals)}${unit}`)
      strip.style.background = `linear-gradient(to right, ${anchors.join(", ")})`
      node.setAttribute("aria-label", `Colours: ${colouring.words}, from ${low.textContent} to ${high.textContent}`)
    },
  }
}
