// What is wrong with the boxes of a page, for tests/browser/boxes.py.
([finger]) => {
  const found = { sideways: [], cut: [], overlapping: [], small: [] }
  const all = []
  const walk = (node) => {
    for (const child of node.children ?? []) {
      all.push(child)
      if (child.shadowRoot) walk(child.shadowRoot)
      walk(child)
    }
  }
  walk(document.body)
  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null
  const name = (node) => {
    const parts = []
    for (let one = node; one && parts.length < 9; one = up(one)) {
      const key = [...one.classList].find((word) => word.startsWith("st-key-"))
      if (key || one.dataset?.testid || one.dataset?.component) parts.unshift(key ?? one.dataset.component ?? one.dataset.testid)
    }
    const text = (node.ariaLabel || node.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40)
    return `${parts.slice(-3).join(" > ")} ${node.tagName.toLowerCase()}.${[...node.classList].filter((word) => !word.startsWith("st-")).join(".")} “${text}”`
  }
  const seen = (node) => {
    if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false
    for (let one = node; one; one = up(one)) {
      const style = getComputedStyle(one)
      if (style.clipPath.startsWith("inset(50%") || style.opacity === "0" || one.matches("[aria-hidden=true], .modebar, .js-plotly-plot .hoverlayer")) return false
      if (style.position === "absolute" && one.offsetWidth <= 1 && one.offsetHeight <= 1) return false
      if (one.matches('[data-testid="stSidebar"][aria-expanded="false"], [data-testid="stSidebar"][data-collapsed="true"]')) return false
    }
    return true
  }
  // Sideways.
  const { clientWidth } = document.documentElement
  for (const node of [document.scrollingElement, ...document.querySelectorAll('[data-testid="stMain"], [data-testid="stAppViewContainer"], [data-testid="stSidebarContent"]')]) {
    if (node && node.scrollWidth > node.clientWidth + 1 && node.clientWidth && seen(node)) {
      const wide = all.filter((one) => one.getBoundingClientRect().right > node.getBoundingClientRect().right + 1 && node.contains(one) && seen(one)).slice(0, 3)
      found.sideways.push(`${name(node).slice(0, 40)}: ${node.scrollWidth} in ${node.clientWidth}; ${wide.map(name).join(" | ")}`)
    }
  }
  // Text.
  const clip = (node, box) => {
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom]
    for (let one = node; one; one = up(one)) {
      const { overflowX, overflowY, position } = getComputedStyle(one)
      if (overflowX !== "visible" || overflowY !== "visible") {
        const frame = one.getBoundingClientRect()
        ;[left, top, right, bottom] = [Math.max(left, frame.left), Math.max(top, frame.top), Math.min(right, frame.right), Math.min(bottom, frame.bottom)]
      }
      if (position === "fixed") break
    }
    return right > left && bottom > top ? { left, top, right, bottom } : null
  }
  const layer = (node) => {
    for (let one = node; one; one = up(one)) {
      const { position } = getComputedStyle(one)
      if (position === "fixed" || position === "sticky" || one.matches?.('[data-testid="stHeader"], [data-testid="stSidebar"], [data-testid="stBottom"], .st-key-head, dialog, [role=dialog]')) return one
    }
    return document.body
  }
  const scrolls = (node) => {
    for (let one = node; one && one !== document.body; one = up(one)) {
      const { overflowX, overflowY } = getComputedStyle(one)
      if (/auto|scroll/.test(overflowX) && one.scrollWidth > one.clientWidth + 1) return "x"
    }
    return ""
  }
  const texts = []
  for (const node of all) {
    const own = [...node.childNodes].filter((child) => child.nodeType === 3 && child.textContent.trim())
    if (!own.length || !seen(node) || /^(SCRIPT|STYLE|OPTION|TITLE|DESC)$/i.test(node.tagName)) continue
    const isIcon = node.matches('[data-testid="stIconMaterial"]')
    // Cut: more text than room, and no way to read the rest.
    for (let one = node; one; one = up(one)) {
      const style = getComputedStyle(one)
      if (style.overflowX === "visible" || isIcon) { if (one.matches('[data-testid="stMain"]')) break; continue }
      if (/auto|scroll/.test(style.overflowX)) break
      const range = document.createRange()
      range.selectNodeContents(node)
      const [box, frame] = [range.getBoundingClientRect(), one.getBoundingClientRect()]
      const over = Math.max(box.right - frame.right, frame.left - box.left)
      const below = /hidden|clip/.test(style.overflowY) ? Math.max(box.bottom - frame.bottom, frame.top - box.top) : 0
      let titled = false
      for (let two = node; two; two = up(two)) if (two.title) titled = true
      if ((over > 1.5 || below > 4) && !titled && frame.width > 2) { found.cut.push(`${name(node)} by ${Math.round(over)}, ${Math.round(below)} in ${name(one).slice(0, 60)}`); break }
      break
    }
    for (const child of own) {
      const range = document.createRange()
      range.selectNodeContents(child)
      for (const box of range.getClientRects()) {
        const shown = clip(node, box)
        if (shown && shown.right - shown.left > 1) texts.push({ node, shown, layer: layer(node) })
      }
    }
  }
  for (let a = 0; a < texts.length; a += 1) {
    for (let b = a + 1; b < texts.length; b += 1) {
      const [one, two] = [texts[a], texts[b]]
      if (one.node === two.node || one.layer !== two.layer) continue
      const wide = Math.min(one.shown.right, two.shown.right) - Math.max(one.shown.left, two.shown.left)
      const high = Math.min(one.shown.bottom, two.shown.bottom) - Math.max(one.shown.top, two.shown.top)
      if (wide > 2 && high > 5) found.overlapping.push(`${name(one.node)} and ${name(two.node)}`)
    }
  }
  // Controls.
  if (finger) {
    const kinds = 'button, input:not([type=file]):not([type=hidden]), select, summary, [role=button], [role=tab], [role=slider], [role=radio], [role=switch], a[href]'
    for (const node of all) {
      if (!node.matches(kinds) || node.disabled || !node.checkVisibility({ visibilityProperty: true })) continue
      if (node.matches('[tabindex="-1"]:not([role=radio]):not([role=tab])') && !node.closest("label")) continue
      if (node.closest('[data-testid="stSkipToContent"]') || node.matches('[data-testid="stSkipToContent"]')) continue
      // A link within a sentence is as high as its line.
      if (node.tagName === "A" && getComputedStyle(node).display === "inline") continue
      const boxes = [node, ...(node.labels ?? []), node.closest("label")].filter(Boolean).map((one) => one.getBoundingClientRect())
      if (!seen(node.labels?.[0] ?? node.closest("label") ?? node)) continue
      const width = Math.max(...boxes.map((box) => box.width))
      const height = Math.max(...boxes.map((box) => box.height))
      if (width < 1 || height < 1) continue
      if (Math.min(width, height) < finger - 0.5) found.small.push(`${name(node)} ${Math.round(width)}×${Math.round(height)}`)
    }
  }
  for (const kind of Object.keys(found)) found[kind] = [...new Set(found[kind])]
  return found
}
