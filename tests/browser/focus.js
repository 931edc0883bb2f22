// Follows the focus through a page, for tests/browser/keyboard.py: `step()` after each Tab.
() => {
  const deepest = () => {
    let node = document.activeElement
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
    return node === document.body ? null : node
  }
  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null
  const name = (node) => {
    const parts = []
    for (let one = node; one && parts.length < 9; one = up(one)) {
      const key = [...(one.classList ?? [])].find((word) => word.startsWith("st-key-"))
      if (key || one.dataset?.testid || one.dataset?.component) parts.unshift(key ?? one.dataset.component ?? one.dataset.testid)
    }
    const text = (node.ariaLabel || node.labels?.[0]?.textContent || node.textContent || node.title || "").trim().replace(/\s+/g, " ").slice(0, 40)
    return `${parts.slice(-2).join(" > ")} ${node.tagName.toLowerCase()} “${text}”`
  }
  // What may show the focus: the element, its labels, what is drawn for it, and what it stands in.
  const shows = (node) => {
    const near = [node, ...(node.labels ?? [])]
    for (let one = up(node), k = 0; one && k < 4; one = up(one), k += 1) near.push(one)
    for (const one of [...near]) if (one.children?.length && one.children.length < 12) near.push(...one.children)
    return near.map((one) => [null, "::before", "::after"].map((part) => {
      const style = getComputedStyle(one, part)
      return [style.outlineStyle === "none" ? "" : `${style.outlineWidth} ${style.outlineColor}`, style.boxShadow, style.borderColor, style.backgroundColor, style.textDecorationLine, style.opacity, style.color].join("|")
    }).join("/")).join(";")
  }
  // A table on a canvas draws its own ring. A slider may have its ring around the thumb, of whose style a script is not told: its rule is.
  const hasRingedThumb = (node) => {
    const root = node.getRootNode()
    const rules = [...root.styleSheets, ...root.adoptedStyleSheets].flatMap((sheet) => [...sheet.cssRules])
    return rules.some(({ selectorText: selector = "", style }) =>
      selector.endsWith(":focus-visible::-webkit-slider-thumb") && style.outlineStyle !== "none" && node.matches(selector.replace("::-webkit-slider-thumb", "")))
  }
  let last = null
  globalThis.__focus = {
    step() {
      const invisible = last && last.node.isConnected && shows(last.node) === last.shown ? last.name : ""
      const node = deepest()
      if (!node) {
        last = null
        return { name: null, invisible }
      }
      const box = node.getBoundingClientRect()
      const seen = [node, ...(node.labels ?? [])].some((one) => {
        const frame = one.getBoundingClientRect()
        return frame.width > 1 && frame.height > 1 && frame.bottom > 0 && frame.top < innerHeight && frame.right > 0 && frame.left < innerWidth
      })
      last = { node, name: name(node), shown: node.matches("canvas") || hasRingedThumb(node) ? null : shows(node) }
      return { name: last.name, invisible, out: !seen, box: [box.left, box.top, box.right, box.bottom].map(Math.round) }
    },
  }
}
