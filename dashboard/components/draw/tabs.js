/** The row of tabs: one is open, arrow keys go from one to the next. */
import { element } from "../lib/dom.js"

/**
 * @param {Record<string, string>} titles What each tab is called, by its name.
 * @param {Record<string, HTMLElement>} bodies What it shows.
 * @param {(name: string) => void} chosen Told when the person opens one.
 * @returns {{root: HTMLElement, open: (name: string) => void}}
 */
export function tabRow(titles, bodies, chosen) {
  const names = Object.keys(titles)
  const root = element("div", { class: "tabs", role: "tablist", "aria-label": "Where the point comes from" })
  for (const name of names) {
    root.append(
      element("button", {
        class: "tab", type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `body-${name}`, dataset: { tab: name },
        onclick: () => chosen(name), onkeydown: turn,
      }, titles[name]),
    )
    bodies[name].id = `body-${name}`
    bodies[name].setAttribute("role", "tabpanel")
    bodies[name].setAttribute("aria-labelledby", `tab-${name}`)
  }

  function turn(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!by) return
    event.preventDefault()
    chosen(names[(names.indexOf(event.target.dataset.tab) + by + names.length) % names.length])
    root.querySelector('[aria-selected="true"]').focus()
  }

  return {
    root,
    open(name) {
      for (const button of root.children) {
        const isOpen = button.dataset.tab === name
        button.setAttribute("aria-selected", String(isOpen))
        button.tabIndex = isOpen ? 0 : -1
        bodies[button.dataset.tab].hidden = !isOpen
      }
    },
  }
}
